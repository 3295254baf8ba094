################################################################################
# General
################################################################################

variable "region" {
  description = "AWS region of every resource in this layer."
  type        = string
  default     = "ap-northeast-2"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS region, such as ap-northeast-2."
  }
}

variable "tags" {
  description = "Tags for every resource, besides those of the layer, which win over these."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for key, value in var.tags :
      length(key) >= 1 && length(key) <= 128 && length(value) <= 256 && !startswith(lower(key), "aws:")
    ])
    error_message = "tags must have keys of 1 to 128 characters that don't start with aws:, and values of at most 256 characters."
  }
}

variable "apply_immediately" {
  description = "Whether a change of RDS or Redis that can wait is made at once instead of in the next maintenance window. Some changes restart the database."
  type        = bool
  default     = false
  nullable    = false
}

################################################################################
# VPC
################################################################################

variable "vpc_cidr" {
  description = "IPv4 CIDR block of the VPC."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition = (
      can(cidrnetmask(var.vpc_cidr)) &&
      try(cidrhost(var.vpc_cidr, 0) == split("/", var.vpc_cidr)[0], false)
    )
    error_message = "vpc_cidr must be an IPv4 CIDR block with no host bits set, such as 10.0.0.0/16."
  }

  validation {
    condition     = try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 28, false)
    error_message = "vpc_cidr must be between /16 and /28, the sizes that AWS allows for a VPC."
  }
}

variable "azs" {
  description = "Availability zones. Each gets one public, one private and one database subnet."
  type        = list(string)
  default     = ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c"]
  nullable    = false

  validation {
    condition     = length(var.azs) >= 2 && length(distinct(var.azs)) == length(var.azs)
    error_message = "azs must name at least two zones, each once: RDS and failover need a second one."
  }

  validation {
    condition     = alltrue([for az in var.azs : can(regex("^${var.region}[a-z]$", az))])
    error_message = "azs must be zones of ${var.region}, such as ${var.region}a."
  }
}

variable "public_subnet_cidrs" {
  description = "CIDR blocks of the public subnets, in the order of azs."
  type        = list(string)
  default     = ["10.0.101.0/24", "10.0.102.0/24", "10.0.103.0/24"]
  nullable    = false

  validation {
    condition     = length(var.public_subnet_cidrs) == length(var.azs)
    error_message = "public_subnet_cidrs must have one block for each of azs."
  }

  validation {
    condition = alltrue([
      for cidr in var.public_subnet_cidrs :
      try(
        cidrhost(cidr, 0) == split("/", cidr)[0] &&
        cidrhost("${split("/", cidr)[0]}/${split("/", var.vpc_cidr)[1]}", 0) == cidrhost(var.vpc_cidr, 0) &&
        tonumber(split("/", cidr)[1]) >= tonumber(split("/", var.vpc_cidr)[1]) &&
        tonumber(split("/", cidr)[1]) <= 28,
        false,
      )
    ])
    error_message = "public_subnet_cidrs must be IPv4 CIDR blocks inside vpc_cidr, no smaller than /28 and with no host bits set."
  }
}

variable "private_subnet_cidrs" {
  description = "CIDR blocks of the private subnets, in the order of azs. The only addresses that reach RDS and Redis."
  type        = list(string)
  default     = ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]
  nullable    = false

  validation {
    condition     = length(var.private_subnet_cidrs) == length(var.azs)
    error_message = "private_subnet_cidrs must have one block for each of azs."
  }

  validation {
    condition = alltrue([
      for cidr in var.private_subnet_cidrs :
      try(
        cidrhost(cidr, 0) == split("/", cidr)[0] &&
        cidrhost("${split("/", cidr)[0]}/${split("/", var.vpc_cidr)[1]}", 0) == cidrhost(var.vpc_cidr, 0) &&
        tonumber(split("/", cidr)[1]) >= tonumber(split("/", var.vpc_cidr)[1]) &&
        tonumber(split("/", cidr)[1]) <= 28,
        false,
      )
    ])
    error_message = "private_subnet_cidrs must be IPv4 CIDR blocks inside vpc_cidr, no smaller than /28 and with no host bits set."
  }
}

variable "database_subnet_cidrs" {
  description = "CIDR blocks of the database subnets, in the order of azs. They have no route to the internet."
  type        = list(string)
  default     = ["10.0.201.0/24", "10.0.202.0/24", "10.0.203.0/24"]
  nullable    = false

  validation {
    condition     = length(var.database_subnet_cidrs) == length(var.azs)
    error_message = "database_subnet_cidrs must have one block for each of azs."
  }

  validation {
    condition = alltrue([
      for cidr in var.database_subnet_cidrs :
      try(
        cidrhost(cidr, 0) == split("/", cidr)[0] &&
        cidrhost("${split("/", cidr)[0]}/${split("/", var.vpc_cidr)[1]}", 0) == cidrhost(var.vpc_cidr, 0) &&
        tonumber(split("/", cidr)[1]) >= tonumber(split("/", var.vpc_cidr)[1]) &&
        tonumber(split("/", cidr)[1]) <= 28,
        false,
      )
    ])
    error_message = "database_subnet_cidrs must be IPv4 CIDR blocks inside vpc_cidr, no smaller than /28 and with no host bits set."
  }

  # Two blocks overlap when they are the same network at the shorter of their
  # prefixes. Each block is compared with all: only itself may match.
  validation {
    condition = alltrue([
      for pair in setproduct(
        concat(var.public_subnet_cidrs, var.private_subnet_cidrs, var.database_subnet_cidrs),
        concat(var.public_subnet_cidrs, var.private_subnet_cidrs, var.database_subnet_cidrs),
      ) :
      pair[0] == pair[1] || try(
        cidrhost("${split("/", pair[0])[0]}/${min(split("/", pair[0])[1], split("/", pair[1])[1])}", 0) !=
        cidrhost("${split("/", pair[1])[0]}/${min(split("/", pair[0])[1], split("/", pair[1])[1])}", 0),
        false,
      )
      ]) && length(distinct(concat(var.public_subnet_cidrs, var.private_subnet_cidrs, var.database_subnet_cidrs))) == (
      length(var.public_subnet_cidrs) + length(var.private_subnet_cidrs) + length(var.database_subnet_cidrs)
    )
    error_message = "The public, private and database subnets must not overlap."
  }
}

variable "single_nat_gateway" {
  description = "Whether all zones share one NAT gateway. false makes one per zone: outbound traffic then survives the loss of a zone."
  type        = bool
  default     = true
  nullable    = false
}

################################################################################
# RDS
################################################################################

variable "rds_engine_version" {
  description = "PostgreSQL version, as major.minor."
  type        = string
  default     = "17.7"
  nullable    = false

  validation {
    condition     = can(regex("^1[5-9]\\.[0-9]{1,2}$", var.rds_engine_version))
    error_message = "rds_engine_version must be a PostgreSQL version from 15 on as major.minor, such as 17.7."
  }
}

variable "rds_instance_class" {
  description = "Instance class of the database."
  type        = string
  default     = "db.t4g.small"
  nullable    = false

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+(-[a-z0-9]+)*\\.([a-z]+|[0-9]+xlarge)$", var.rds_instance_class))
    error_message = "rds_instance_class must be an RDS instance class, such as db.t4g.small."
  }
}

variable "rds_allocated_storage" {
  description = "Storage that the database starts with, in GB."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition = (
      var.rds_allocated_storage >= 20 &&
      var.rds_allocated_storage <= 65536 &&
      floor(var.rds_allocated_storage) == var.rds_allocated_storage
    )
    error_message = "rds_allocated_storage must be a whole number from 20 to 65536 GB, the sizes of gp3."
  }
}

variable "rds_max_allocated_storage" {
  description = "Size up to which the storage grows by itself, in GB. The same as rds_allocated_storage stops it from growing."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.rds_max_allocated_storage >= var.rds_allocated_storage
    error_message = "rds_max_allocated_storage must not be below rds_allocated_storage (${var.rds_allocated_storage} GB)."
  }

  validation {
    condition = (
      var.rds_max_allocated_storage <= 65536 &&
      floor(var.rds_max_allocated_storage) == var.rds_max_allocated_storage
    )
    error_message = "rds_max_allocated_storage must be a whole number of at most 65536 GB."
  }
}

variable "rds_multi_az" {
  description = "Whether the database has a standby in another zone."
  type        = bool
  default     = false
  nullable    = false
}

variable "rds_backup_retention_days" {
  description = "Days for which automated backups are kept."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition = (
      var.rds_backup_retention_days >= 1 &&
      var.rds_backup_retention_days <= 35 &&
      floor(var.rds_backup_retention_days) == var.rds_backup_retention_days
    )
    error_message = "rds_backup_retention_days must be a whole number from 1 to 35. 0 would switch backups off."
  }
}

variable "rds_deletion_protection" {
  description = "Whether RDS refuses to delete the database. Only lift it to take the layer down."
  type        = bool
  default     = true
  nullable    = false
}

variable "rds_database_name" {
  description = "Name of the database created with the instance. Changing it replaces the instance."
  type        = string
  default     = "wealist"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_]{0,62}$", var.rds_database_name))
    error_message = "rds_database_name must be 1 to 63 lower-case letters, digits and underscores, and not start with a digit."
  }
}

variable "rds_master_username" {
  description = "Name of the master user. Changing it replaces the instance."
  type        = string
  default     = "wealist_admin"
  nullable    = false

  validation {
    condition = (
      can(regex("^[a-z][a-z0-9_]{0,15}$", var.rds_master_username)) &&
      !contains(["admin", "rdsadmin"], var.rds_master_username) &&
      !startswith(var.rds_master_username, "pg_")
    )
    error_message = "rds_master_username must be 1 to 16 lower-case letters, digits and underscores, start with a letter, and not be a name that PostgreSQL or RDS reserves."
  }
}

variable "rds_cloudwatch_log_exports" {
  description = "Database logs to send to CloudWatch, which bills them by volume: postgresql, upgrade."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.rds_cloudwatch_log_exports, ["postgresql", "upgrade"])) == 0
    error_message = "rds_cloudwatch_log_exports may hold postgresql and upgrade only."
  }
}

################################################################################
# Redis
################################################################################

variable "redis_engine_version" {
  description = "Redis version, as major.minor."
  type        = string
  default     = "7.1"
  nullable    = false

  validation {
    condition     = contains(["7.0", "7.1"], var.redis_engine_version)
    error_message = "redis_engine_version must be 7.0 or 7.1, the Redis 7 versions of ElastiCache."
  }
}

variable "redis_node_type" {
  description = "Node type of the Redis nodes."
  type        = string
  default     = "cache.t4g.small"
  nullable    = false

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.([a-z]+|[0-9]+xlarge)$", var.redis_node_type))
    error_message = "redis_node_type must be an ElastiCache node type, such as cache.t4g.small."
  }
}

variable "redis_num_cache_clusters" {
  description = "Number of Redis nodes. With 2 or more there are replicas, automatic failover and Multi-AZ."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition = (
      var.redis_num_cache_clusters >= 1 &&
      var.redis_num_cache_clusters <= 6 &&
      floor(var.redis_num_cache_clusters) == var.redis_num_cache_clusters
    )
    error_message = "redis_num_cache_clusters must be a whole number from 1 to 6: a primary and at most five replicas."
  }
}

variable "redis_snapshot_retention_days" {
  description = "Days for which daily Redis snapshots are kept. AWS stores one for free; 0 switches them off."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition = (
      var.redis_snapshot_retention_days >= 0 &&
      var.redis_snapshot_retention_days <= 35 &&
      floor(var.redis_snapshot_retention_days) == var.redis_snapshot_retention_days
    )
    error_message = "redis_snapshot_retention_days must be a whole number from 0 to 35."
  }
}

################################################################################
# ECR
################################################################################

variable "ecr_services" {
  description = "Services that get an image repository, named prod/<service>."
  type        = set(string)
  default = [
    "auth-service",
    "board-service",
    "chat-service",
    "frontend",
    "noti-service",
    "storage-service",
    "user-service",
    "video-service",
  ]
  nullable = false

  validation {
    condition = alltrue([
      for service in var.ecr_services :
      can(regex("^[a-z0-9]+([._-][a-z0-9]+)*$", service)) && length(service) <= 251
    ])
    error_message = "ecr_services must be lower-case names of letters and digits, with single dots, dashes or underscores between them."
  }
}

variable "ecr_untagged_expiry_days" {
  description = "Days after which an untagged image is deleted."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition = (
      var.ecr_untagged_expiry_days >= 1 &&
      floor(var.ecr_untagged_expiry_days) == var.ecr_untagged_expiry_days
    )
    error_message = "ecr_untagged_expiry_days must be a whole number from 1 on."
  }
}

variable "ecr_max_image_count" {
  description = "Number of newest images kept in each repository."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.ecr_max_image_count >= 1 && floor(var.ecr_max_image_count) == var.ecr_max_image_count
    error_message = "ecr_max_image_count must be a whole number from 1 on."
  }
}

################################################################################
# S3
################################################################################

variable "s3_bucket_name" {
  description = "Name of the file storage bucket. Bucket names are unique across all of AWS."
  type        = string
  default     = "wealist-prod-storage"
  nullable    = false

  validation {
    condition = (
      can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.s3_bucket_name)) &&
      !startswith(var.s3_bucket_name, "xn--") &&
      !endswith(var.s3_bucket_name, "-s3alias")
    )
    error_message = "s3_bucket_name must be 3 to 63 lower-case letters, digits and dashes that begin and end with a letter or a digit. Dots would break TLS host names."
  }
}

variable "s3_cors_allowed_origins" {
  description = "Web origins that may reach the bucket from a browser."
  type        = list(string)
  default     = ["https://wealist.co.kr", "https://*.wealist.co.kr"]
  nullable    = false

  validation {
    condition = length(var.s3_cors_allowed_origins) > 0 && alltrue([
      for origin in var.s3_cors_allowed_origins :
      can(regex("^https://(\\*\\.)?[a-z0-9-]+(\\.[a-z0-9-]+)+(:[0-9]+)?$", origin))
    ])
    error_message = "s3_cors_allowed_origins must be https origins such as https://wealist.co.kr or https://*.wealist.co.kr, with no path."
  }
}

variable "s3_incomplete_upload_expiry_days" {
  description = "Days after which an incomplete multipart upload is deleted."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition = (
      var.s3_incomplete_upload_expiry_days >= 1 &&
      floor(var.s3_incomplete_upload_expiry_days) == var.s3_incomplete_upload_expiry_days
    )
    error_message = "s3_incomplete_upload_expiry_days must be a whole number from 1 on."
  }
}

################################################################################
# KMS
################################################################################

variable "kms_deletion_window_days" {
  description = "Days between the deletion of the key and its end, during which the deletion can still be cancelled."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition = (
      var.kms_deletion_window_days >= 7 &&
      var.kms_deletion_window_days <= 30 &&
      floor(var.kms_deletion_window_days) == var.kms_deletion_window_days
    )
    error_message = "kms_deletion_window_days must be a whole number from 7 to 30."
  }
}
