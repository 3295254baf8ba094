locals {
  rds_port = 5432
}

resource "aws_security_group" "rds" {
  name_prefix = "${local.name}-rds-"
  description = "PostgreSQL from the private subnets, nothing outbound"
  vpc_id      = module.vpc.vpc_id

  # Declared empty, not merely absent: a rule added by hand shows up as drift.
  egress = []

  tags = { Name = "${local.name}-rds" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "rds" {
  for_each = local.private_subnet_cidr_by_az

  security_group_id = aws_security_group.rds.id
  description       = "PostgreSQL from the private subnet in ${each.key}"
  ip_protocol       = "tcp"
  from_port         = local.rds_port
  to_port           = local.rds_port
  cidr_ipv4         = each.value
}

module "rds" {
  source  = "terraform-aws-modules/rds/aws"
  version = "~> 6.13"

  identifier = "${local.name}-postgres"

  engine         = "postgres"
  engine_version = var.rds_engine_version
  family         = "postgres${split(".", var.rds_engine_version)[0]}"
  instance_class = var.rds_instance_class

  # The version is pinned to the minor, so AWS must not move it: the next plan
  # would try to go back.
  auto_minor_version_upgrade  = false
  allow_major_version_upgrade = false

  storage_type          = "gp3"
  allocated_storage     = var.rds_allocated_storage
  max_allocated_storage = var.rds_max_allocated_storage
  storage_encrypted     = true
  kms_key_id            = module.kms.key_arn

  db_name  = var.rds_database_name
  username = var.rds_master_username
  port     = local.rds_port

  # RDS makes, stores and rotates the password. It passes through neither
  # Terraform nor its state.
  manage_master_user_password   = true
  master_user_secret_kms_key_id = module.kms.key_arn

  multi_az               = var.rds_multi_az
  publicly_accessible    = false
  db_subnet_group_name   = module.vpc.database_subnet_group_name
  vpc_security_group_ids = [aws_security_group.rds.id]

  parameter_group_description = "PostgreSQL of ${local.name}: TLS only"
  parameters = [
    {
      name  = "rds.force_ssl"
      value = "1"
      # 1 is also the engine's default from PostgreSQL 15 on, so AWS records
      # the parameter as pending-reboot whatever is asked for; "immediate"
      # would never stop showing up in plans. A new instance starts with it.
      apply_method = "pending-reboot"
    },
  ]

  # 02:00-03:00 in Seoul every night; Monday 03:30-04:30 in Seoul.
  backup_retention_period = var.rds_backup_retention_days
  backup_window           = "17:00-18:00"
  maintenance_window      = "sun:18:30-sun:19:30"
  apply_immediately       = var.apply_immediately

  deletion_protection              = var.rds_deletion_protection
  skip_final_snapshot              = false
  final_snapshot_identifier_prefix = "final"
  copy_tags_to_snapshot            = true

  # Seven days of history cost nothing.
  performance_insights_enabled          = true
  performance_insights_retention_period = 7
  performance_insights_kms_key_id       = module.kms.key_arn

  # Billed by volume, so off unless asked for. The log group is created here,
  # with a retention, because RDS would create one that never expires.
  enabled_cloudwatch_logs_exports        = var.rds_cloudwatch_log_exports
  create_cloudwatch_log_group            = true
  cloudwatch_log_group_retention_in_days = 30
}

check "rds_deletion_protection" {
  assert {
    condition     = var.rds_deletion_protection
    error_message = "RDS deletion protection is off: a destroy or a replacement of the instance would go through. Set rds_deletion_protection back to true once that is no longer intended."
  }
}
