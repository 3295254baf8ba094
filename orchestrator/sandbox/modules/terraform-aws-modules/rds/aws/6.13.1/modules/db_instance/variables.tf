variable "create" {
  description = "Whether the instance is created"
  type        = bool
  default     = true
}

variable "identifier" {
  description = "Name of the instance"
  type        = string
}

variable "use_identifier_prefix" {
  description = "Whether the identifier is the prefix of a generated one"
  type        = bool
  default     = false
}

################################################################################
# Engine
################################################################################

variable "engine" {
  description = "Database engine, such as postgres"
  type        = string
  default     = null
}

variable "engine_version" {
  description = "Version of the engine"
  type        = string
  default     = null
}

variable "engine_lifecycle_support" {
  description = "Whether the instance joins RDS Extended Support after the end of life of its version"
  type        = string
  default     = null
}

variable "instance_class" {
  description = "Instance class"
  type        = string
  default     = null
}

variable "allow_major_version_upgrade" {
  description = "Whether a change of the major version is accepted"
  type        = bool
  default     = false
}

variable "auto_minor_version_upgrade" {
  description = "Whether RDS installs minor versions by itself"
  type        = bool
  default     = true
}

################################################################################
# Storage
################################################################################

variable "storage_type" {
  description = "Storage type, such as gp3"
  type        = string
  default     = null
}

variable "allocated_storage" {
  description = "Storage in GB"
  type        = number
  default     = null
}

variable "max_allocated_storage" {
  description = "Size in GB up to which the storage grows by itself; 0 is never"
  type        = number
  default     = 0
}

variable "iops" {
  description = "Provisioned I/O operations a second"
  type        = number
  default     = null
}

variable "storage_throughput" {
  description = "Throughput of gp3 storage"
  type        = number
  default     = null
}

variable "storage_encrypted" {
  description = "Whether the storage is encrypted"
  type        = bool
  default     = true
}

variable "kms_key_id" {
  description = "ARN of the key that encrypts the storage"
  type        = string
  default     = null
}

################################################################################
# Access
################################################################################

variable "db_name" {
  description = "Name of the initial database"
  type        = string
  default     = null
}

variable "username" {
  description = "Master user name"
  type        = string
  default     = null
}

variable "password" {
  description = "Master password, where RDS does not manage it"
  type        = string
  default     = null
}

variable "port" {
  description = "Port"
  type        = string
  default     = null
}

variable "manage_master_user_password" {
  description = "Whether RDS manages the master password in Secrets Manager"
  type        = bool
  default     = true
}

variable "master_user_secret_kms_key_id" {
  description = "Key that encrypts the managed secret"
  type        = string
  default     = null
}

variable "iam_database_authentication_enabled" {
  description = "Whether IAM identities can be mapped to database users"
  type        = bool
  default     = false
}

################################################################################
# Network
################################################################################

variable "multi_az" {
  description = "Whether there is a standby in another zone"
  type        = bool
  default     = false
}

variable "availability_zone" {
  description = "Zone of the instance"
  type        = string
  default     = null
}

variable "publicly_accessible" {
  description = "Whether the instance has a public address"
  type        = bool
  default     = false
}

variable "network_type" {
  description = "IPV4 or DUAL"
  type        = string
  default     = null
}

variable "ca_cert_identifier" {
  description = "Certificate authority of the server certificate"
  type        = string
  default     = null
}

variable "vpc_security_group_ids" {
  description = "Security groups of the instance"
  type        = list(string)
  default     = []
}

variable "db_subnet_group_name" {
  description = "Subnet group"
  type        = string
  default     = null
}

variable "parameter_group_name" {
  description = "Parameter group"
  type        = string
  default     = null
}

################################################################################
# Backup, maintenance and deletion
################################################################################

variable "backup_retention_period" {
  description = "Days for which automated backups are kept"
  type        = number
  default     = null
}

variable "backup_window" {
  description = "Daily backup window, in UTC"
  type        = string
  default     = null
}

variable "maintenance_window" {
  description = "Weekly maintenance window, in UTC"
  type        = string
  default     = null
}

variable "apply_immediately" {
  description = "Whether changes are made at once instead of in the maintenance window"
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Whether deletion is refused"
  type        = bool
  default     = false
}

variable "delete_automated_backups" {
  description = "Whether automated backups go with the instance"
  type        = bool
  default     = true
}

variable "skip_final_snapshot" {
  description = "Whether the instance is deleted without a final snapshot"
  type        = bool
  default     = false
}

variable "final_snapshot_identifier_prefix" {
  description = "First part of the name of the final snapshot"
  type        = string
  default     = "final"
}

variable "snapshot_identifier" {
  description = "Snapshot to restore from"
  type        = string
  default     = null
}

variable "copy_tags_to_snapshot" {
  description = "Whether snapshots get the tags of the instance"
  type        = bool
  default     = false
}

################################################################################
# Insight and logs
################################################################################

variable "performance_insights_enabled" {
  description = "Whether Performance Insights is on"
  type        = bool
  default     = false
}

variable "performance_insights_retention_period" {
  description = "Days of Performance Insights history"
  type        = number
  default     = 7
}

variable "performance_insights_kms_key_id" {
  description = "ARN of the key that encrypts Performance Insights"
  type        = string
  default     = null
}

variable "database_insights_mode" {
  description = "standard or advanced"
  type        = string
  default     = null
}

variable "enabled_cloudwatch_logs_exports" {
  description = "Logs to send to CloudWatch"
  type        = list(string)
  default     = []
}

variable "create_cloudwatch_log_group" {
  description = "Whether a log group is created for each exported log"
  type        = bool
  default     = false
}

variable "cloudwatch_log_group_retention_in_days" {
  description = "Days for which exported logs are kept"
  type        = number
  default     = 7
}

variable "cloudwatch_log_group_kms_key_id" {
  description = "ARN of the key that encrypts the log groups"
  type        = string
  default     = null
}

variable "cloudwatch_log_group_skip_destroy" {
  description = "Whether the log groups outlive the instance"
  type        = bool
  default     = null
}

variable "cloudwatch_log_group_class" {
  description = "STANDARD or INFREQUENT_ACCESS"
  type        = string
  default     = null
}

variable "cloudwatch_log_group_tags" {
  description = "Further tags for the log groups"
  type        = map(string)
  default     = {}
}

################################################################################
# Everything
################################################################################

variable "timeouts" {
  description = "Time limits of create, update and delete"
  type        = map(string)
  default     = {}
}

variable "db_instance_tags" {
  description = "Further tags for the instance"
  type        = map(string)
  default     = {}
}

variable "tags" {
  description = "Tags for everything"
  type        = map(string)
  default     = {}
}
