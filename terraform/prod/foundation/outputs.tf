################################################################################
# VPC
################################################################################

output "vpc_id" {
  description = "ID of the VPC."
  value       = module.vpc.vpc_id
}

output "vpc_cidr" {
  description = "CIDR block of the VPC."
  value       = module.vpc.vpc_cidr_block
}

output "azs" {
  description = "Availability zones, in the order of the subnet lists."
  value       = var.azs
}

output "public_subnet_ids" {
  description = "IDs of the public subnets, one per zone."
  value       = module.vpc.public_subnets
}

output "private_subnet_ids" {
  description = "IDs of the private subnets, one per zone, where EKS nodes run."
  value       = module.vpc.private_subnets
}

output "database_subnet_ids" {
  description = "IDs of the database subnets, one per zone, which have no route to the internet."
  value       = module.vpc.database_subnets

  precondition {
    condition = (
      length(module.vpc.database_nat_gateway_route_ids) == 0 &&
      module.vpc.database_internet_gateway_route_id == null
    )
    error_message = "The database subnets must have no route to the internet: neither a NAT gateway nor an internet gateway route may be in their route tables."
  }
}

output "nat_public_ips" {
  description = "Public addresses that outbound traffic of the private subnets comes from."
  value       = module.vpc.nat_public_ips

  precondition {
    condition     = length(module.vpc.nat_public_ips) == (var.single_nat_gateway ? 1 : length(var.azs))
    error_message = "There must be one NAT gateway, or one per availability zone when single_nat_gateway is false."
  }
}

################################################################################
# RDS
################################################################################

output "rds_endpoint" {
  description = "PostgreSQL endpoint as address:port."
  value       = module.rds.db_instance_endpoint
}

output "rds_address" {
  description = "PostgreSQL host name."
  value       = module.rds.db_instance_address
}

output "rds_port" {
  description = "PostgreSQL port."
  value       = module.rds.db_instance_port
}

output "rds_identifier" {
  description = "Identifier of the RDS instance."
  value       = module.rds.db_instance_identifier
}

output "rds_database_name" {
  description = "Name of the initial database."
  value       = module.rds.db_instance_name
}

output "rds_username" {
  description = "Master user name."
  # From the variable: the module marks its own output as sensitive, and the
  # name of a user is not a secret.
  value = var.rds_master_username
}

output "rds_master_user_secret_arn" {
  description = "ARN of the secret, managed and rotated by RDS, that holds the master user name and password as JSON."
  value       = module.rds.db_instance_master_user_secret_arn
}

output "rds_security_group_id" {
  description = "ID of the security group of the RDS instance."
  value       = aws_security_group.rds.id
}

################################################################################
# Redis
################################################################################

output "redis_endpoint" {
  description = "Redis host name of the primary node. TLS only."
  value       = aws_elasticache_replication_group.redis.primary_endpoint_address
}

output "redis_reader_endpoint" {
  description = "Redis host name that spreads reads over the replicas; with a single node it is that node."
  value       = aws_elasticache_replication_group.redis.reader_endpoint_address
}

output "redis_port" {
  description = "Redis port."
  value       = aws_elasticache_replication_group.redis.port
}

output "redis_replication_group_id" {
  description = "ID of the Redis replication group."
  value       = aws_elasticache_replication_group.redis.id
}

output "redis_auth_token_secret_arn" {
  description = "ARN of the secret that holds the Redis AUTH token as a plain string."
  value       = aws_secretsmanager_secret.redis_auth_token.arn
}

output "redis_security_group_id" {
  description = "ID of the security group of the Redis replication group."
  value       = aws_security_group.redis.id
}

################################################################################
# ECR
################################################################################

output "ecr_repository_urls" {
  description = "URL of the image repository of each service."
  value       = { for service, repository in module.ecr : service => repository.repository_url }
}

output "ecr_repository_arns" {
  description = "ARN of the image repository of each service."
  value       = { for service, repository in module.ecr : service => repository.repository_arn }
}

################################################################################
# S3
################################################################################

output "s3_bucket_name" {
  description = "Name of the file storage bucket."
  value       = aws_s3_bucket.storage.bucket
}

output "s3_bucket_arn" {
  description = "ARN of the file storage bucket."
  value       = aws_s3_bucket.storage.arn
}

################################################################################
# KMS
################################################################################

output "kms_key_arn" {
  description = "ARN of the key that encrypts the data of this environment."
  value       = module.kms.key_arn
}

output "kms_key_id" {
  description = "ID of the key that encrypts the data of this environment."
  value       = module.kms.key_id
}
