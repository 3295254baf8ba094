locals {
  redis_port = 6379

  # Two nodes or more: a replica in another zone takes over by itself.
  redis_is_replicated = var.redis_num_cache_clusters > 1
}

resource "aws_security_group" "redis" {
  name_prefix = "${local.name}-redis-"
  description = "Redis from the private subnets, nothing outbound"
  vpc_id      = module.vpc.vpc_id

  # Declared empty, not merely absent: a rule added by hand shows up as drift.
  egress = []

  tags = { Name = "${local.name}-redis" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "redis" {
  for_each = local.private_subnet_cidr_by_az

  security_group_id = aws_security_group.redis.id
  description       = "Redis from the private subnet in ${each.key}"
  ip_protocol       = "tcp"
  from_port         = local.redis_port
  to_port           = local.redis_port
  cidr_ipv4         = each.value
}

################################################################################
# AUTH token
#
# Generated in memory, written through a write-only argument and read back as a
# sensitive value: no plan, log or output ever shows it. The state holds it, as
# ElastiCache's own auth_token argument requires, hence the encrypted backend.
# A data source for the random password is not an option: it would print the
# password as its id.
################################################################################

ephemeral "aws_secretsmanager_random_password" "redis_auth_token" {
  # ElastiCache accepts 16 to 128 printable characters and few punctuation
  # marks; 64 letters and digits need no escaping anywhere.
  password_length     = 64
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "redis_auth_token" {
  # A prefix, because a deleted secret keeps its name through the recovery
  # window and the layer could not be created again until it ends. Consumers
  # find the secret by the ARN in the outputs.
  name_prefix             = "${local.name}-redis-auth-token-"
  description             = "AUTH token of the Redis replication group ${local.name}-redis"
  kms_key_id              = module.kms.key_arn
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_version" "redis_auth_token" {
  secret_id = aws_secretsmanager_secret.redis_auth_token.id

  # Fixed: a fresh random value alone changes nothing. A new token is made by
  # replacing this resource, which leaves no setting behind that a later plan
  # could take back or repeat: wealist secrets rotate redis-auth-token.
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.redis_auth_token.random_password
  secret_string_wo_version = 1
}

# By version, not by stage: what Redis gets is what this configuration wrote,
# even if someone has stored another version since.
data "aws_secretsmanager_secret_version" "redis_auth_token" {
  secret_id  = aws_secretsmanager_secret.redis_auth_token.id
  version_id = aws_secretsmanager_secret_version.redis_auth_token.version_id
}

################################################################################
# Replication group
################################################################################

resource "aws_elasticache_subnet_group" "redis" {
  name        = "${local.name}-redis"
  description = "Database subnets of ${local.name}"
  subnet_ids  = module.vpc.database_subnets
}

resource "aws_elasticache_parameter_group" "redis" {
  # The family is part of the name so that a new family can be created before
  # the old one goes.
  name        = "${local.name}-${local.redis_family}"
  family      = local.redis_family
  description = "Redis of ${local.name}"

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  redis_family = "redis${split(".", var.redis_engine_version)[0]}"
}

resource "aws_elasticache_replication_group" "redis" {
  replication_group_id = "${local.name}-redis"
  description          = "Cache and session store of ${local.name}"

  engine               = "redis"
  engine_version       = var.redis_engine_version
  node_type            = var.redis_node_type
  parameter_group_name = aws_elasticache_parameter_group.redis.name
  port                 = local.redis_port

  # As for RDS: the version is pinned, so only this configuration moves it.
  auto_minor_version_upgrade = false

  # One shard: cluster mode is off.
  num_cache_clusters         = var.redis_num_cache_clusters
  automatic_failover_enabled = local.redis_is_replicated
  multi_az_enabled           = local.redis_is_replicated

  subnet_group_name  = aws_elasticache_subnet_group.redis.name
  security_group_ids = [aws_security_group.redis.id]

  at_rest_encryption_enabled = true
  kms_key_id                 = module.kms.key_arn
  transit_encryption_enabled = true

  # ROTATE: a new token is accepted beside the one before it, so that a client
  # can keep that for a while. SET, which ends the old one, is not Terraform's to do: the
  # provider takes the strategy for a setting, and each change of it for another
  # call to AWS.
  auth_token                 = data.aws_secretsmanager_secret_version.redis_auth_token.secret_string
  auth_token_update_strategy = "ROTATE"

  # 02:00-03:00 in Seoul every night; Monday 03:30-04:30 in Seoul. The first
  # snapshot kept per cluster is free.
  snapshot_retention_limit = var.redis_snapshot_retention_days
  snapshot_window          = "17:00-18:00"
  maintenance_window       = "sun:18:30-sun:19:30"
  apply_immediately        = var.apply_immediately
}
