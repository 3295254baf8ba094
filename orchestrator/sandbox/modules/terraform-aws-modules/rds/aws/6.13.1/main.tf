# Stand-in for terraform-aws-modules/rds/aws 6.13.1, for machines that can't
# reach the public registry. It covers one instance with its subnet group,
# parameter group and log groups, with the inputs, outputs and resource
# addresses of the original, and it needs the aws provider only.
# Inputs that it doesn't implement are absent, so that using one is an error.

module "db_subnet_group" {
  source = "./modules/db_subnet_group"

  create          = var.create_db_subnet_group
  name            = coalesce(var.db_subnet_group_name, var.identifier)
  use_name_prefix = var.db_subnet_group_use_name_prefix
  description     = var.db_subnet_group_description
  subnet_ids      = var.subnet_ids

  tags = merge(var.tags, var.db_subnet_group_tags)
}

module "db_parameter_group" {
  source = "./modules/db_parameter_group"

  create          = var.create_db_parameter_group
  name            = coalesce(var.parameter_group_name, var.identifier)
  use_name_prefix = var.parameter_group_use_name_prefix
  description     = var.parameter_group_description
  family          = var.family
  parameters      = var.parameters
  skip_destroy    = var.parameter_group_skip_destroy

  tags = merge(var.tags, var.db_parameter_group_tags)
}

module "db_instance" {
  source = "./modules/db_instance"

  create                = var.create_db_instance
  identifier            = var.identifier
  use_identifier_prefix = var.instance_use_identifier_prefix

  engine                      = var.engine
  engine_version              = var.engine_version
  engine_lifecycle_support    = var.engine_lifecycle_support
  instance_class              = var.instance_class
  allow_major_version_upgrade = var.allow_major_version_upgrade
  auto_minor_version_upgrade  = var.auto_minor_version_upgrade

  storage_type          = var.storage_type
  allocated_storage     = var.allocated_storage
  max_allocated_storage = var.max_allocated_storage
  iops                  = var.iops
  storage_throughput    = var.storage_throughput
  storage_encrypted     = var.storage_encrypted
  kms_key_id            = var.kms_key_id

  db_name                             = var.db_name
  username                            = var.username
  password                            = var.password
  port                                = var.port
  manage_master_user_password         = var.manage_master_user_password
  master_user_secret_kms_key_id       = var.master_user_secret_kms_key_id
  iam_database_authentication_enabled = var.iam_database_authentication_enabled

  multi_az               = var.multi_az
  availability_zone      = var.availability_zone
  publicly_accessible    = var.publicly_accessible
  network_type           = var.network_type
  ca_cert_identifier     = var.ca_cert_identifier
  db_subnet_group_name   = var.create_db_subnet_group ? module.db_subnet_group.db_subnet_group_id : var.db_subnet_group_name
  parameter_group_name   = var.create_db_parameter_group ? module.db_parameter_group.db_parameter_group_id : var.parameter_group_name
  vpc_security_group_ids = var.vpc_security_group_ids

  backup_retention_period = var.backup_retention_period
  backup_window           = var.backup_window
  maintenance_window      = var.maintenance_window
  apply_immediately       = var.apply_immediately

  deletion_protection              = var.deletion_protection
  delete_automated_backups         = var.delete_automated_backups
  skip_final_snapshot              = var.skip_final_snapshot
  final_snapshot_identifier_prefix = var.final_snapshot_identifier_prefix
  snapshot_identifier              = var.snapshot_identifier
  copy_tags_to_snapshot            = var.copy_tags_to_snapshot

  performance_insights_enabled          = var.performance_insights_enabled
  performance_insights_retention_period = var.performance_insights_retention_period
  performance_insights_kms_key_id       = var.performance_insights_kms_key_id
  database_insights_mode                = var.database_insights_mode

  enabled_cloudwatch_logs_exports        = var.enabled_cloudwatch_logs_exports
  create_cloudwatch_log_group            = var.create_cloudwatch_log_group
  cloudwatch_log_group_retention_in_days = var.cloudwatch_log_group_retention_in_days
  cloudwatch_log_group_kms_key_id        = var.cloudwatch_log_group_kms_key_id
  cloudwatch_log_group_skip_destroy      = var.cloudwatch_log_group_skip_destroy
  cloudwatch_log_group_class             = var.cloudwatch_log_group_class
  cloudwatch_log_group_tags              = var.cloudwatch_log_group_tags

  timeouts = var.timeouts

  db_instance_tags = var.db_instance_tags
  tags             = var.tags
}
