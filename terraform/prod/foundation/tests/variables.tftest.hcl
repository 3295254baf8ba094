# What variables.tf accepts. The runs plan tests/variables, which is nothing but
# variables.tf, so they need no provider and take milliseconds. Mocking the
# provider for the whole layer isn't possible: mock providers have no ephemeral
# resources yet, and the Redis token is one.

run "defaults_are_those_of_the_specification" {
  command = plan

  module {
    source = "./tests/variables"
  }

  assert {
    condition     = var.region == "ap-northeast-2" && var.azs == tolist(["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c"])
    error_message = "The region and its zones must be a, b and c of ap-northeast-2."
  }

  assert {
    condition     = var.vpc_cidr == "10.0.0.0/16"
    error_message = "The VPC must be 10.0.0.0/16."
  }

  assert {
    condition     = var.public_subnet_cidrs == tolist(["10.0.101.0/24", "10.0.102.0/24", "10.0.103.0/24"])
    error_message = "The public subnets must be 10.0.101.0/24 to 10.0.103.0/24."
  }

  assert {
    condition     = var.private_subnet_cidrs == tolist(["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"])
    error_message = "The private subnets must be 10.0.1.0/24 to 10.0.3.0/24."
  }

  assert {
    condition     = var.database_subnet_cidrs == tolist(["10.0.201.0/24", "10.0.202.0/24", "10.0.203.0/24"])
    error_message = "The database subnets must be 10.0.201.0/24 to 10.0.203.0/24."
  }

  assert {
    condition     = var.single_nat_gateway
    error_message = "There must be one NAT gateway."
  }

  assert {
    condition     = var.rds_engine_version == "17.7" && var.rds_instance_class == "db.t4g.small"
    error_message = "The database must be PostgreSQL 17.7 on db.t4g.small."
  }

  assert {
    condition     = var.rds_allocated_storage == 20 && var.rds_max_allocated_storage == 100
    error_message = "The storage must be 20 GB and grow to 100 GB."
  }

  assert {
    condition     = !var.rds_multi_az && var.rds_backup_retention_days == 7 && var.rds_deletion_protection
    error_message = "The database must have no standby, 7 days of backups and deletion protection."
  }

  assert {
    condition     = var.redis_engine_version == "7.1" && var.redis_node_type == "cache.t4g.small" && var.redis_num_cache_clusters == 1
    error_message = "Redis must be 7.1 on one cache.t4g.small."
  }

  assert {
    condition     = var.ecr_services == toset(["auth-service", "user-service", "board-service", "chat-service", "noti-service", "storage-service", "video-service", "frontend"])
    error_message = "There must be a repository for each of the eight services."
  }

  assert {
    condition     = var.ecr_untagged_expiry_days == 1 && var.ecr_max_image_count == 50
    error_message = "Untagged images must go after 1 day and the newest 50 stay."
  }

  assert {
    condition     = var.s3_bucket_name == "wealist-prod-storage" && var.s3_incomplete_upload_expiry_days == 7
    error_message = "The bucket must be wealist-prod-storage and drop incomplete uploads after 7 days."
  }

  assert {
    condition     = var.s3_cors_allowed_origins == tolist(["https://wealist.co.kr", "https://*.wealist.co.kr"])
    error_message = "Browsers must reach the bucket from wealist.co.kr and its subdomains."
  }

  assert {
    condition     = var.kms_deletion_window_days == 7
    error_message = "A deleted key must be recoverable for 7 days."
  }

  assert {
    condition     = !var.apply_immediately
    error_message = "Changes must wait for the maintenance window."
  }
}

################################################################################
# Accepted
################################################################################

run "another_region_and_network" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    region                = "us-east-1"
    azs                   = ["us-east-1a", "us-east-1d"]
    vpc_cidr              = "172.20.0.0/20"
    public_subnet_cidrs   = ["172.20.0.0/24", "172.20.1.0/24"]
    private_subnet_cidrs  = ["172.20.4.0/23", "172.20.6.0/23"]
    database_subnet_cidrs = ["172.20.2.0/28", "172.20.2.16/28"]
  }
}

run "the_scale_up_switches" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    rds_multi_az             = true
    single_nat_gateway       = false
    redis_num_cache_clusters = 2
  }
}

run "larger_machines_and_storage_that_does_not_grow" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    rds_instance_class         = "db.r7g.2xlarge"
    redis_node_type            = "cache.r7g.large"
    rds_allocated_storage      = 500
    rds_max_allocated_storage  = 500
    rds_backup_retention_days  = 35
    rds_cloudwatch_log_exports = ["postgresql", "upgrade"]
  }
}

################################################################################
# General: rejected
################################################################################

run "region_that_is_none" {
  command         = plan
  expect_failures = [var.region]

  module {
    source = "./tests/variables"
  }

  variables {
    region = "seoul"
  }
}

run "reserved_tag_key" {
  command         = plan
  expect_failures = [var.tags]

  module {
    source = "./tests/variables"
  }

  variables {
    tags = { "aws:owner" = "someone" }
  }
}

################################################################################
# VPC: rejected
################################################################################

run "vpc_cidr_without_a_prefix" {
  command         = plan
  expect_failures = [var.vpc_cidr]

  module {
    source = "./tests/variables"
  }

  variables {
    vpc_cidr = "10.0.0.0"
  }
}

run "vpc_cidr_of_words" {
  command         = plan
  expect_failures = [var.vpc_cidr]

  module {
    source = "./tests/variables"
  }

  variables {
    vpc_cidr = "the office"
  }
}

run "vpc_cidr_with_host_bits" {
  command         = plan
  expect_failures = [var.vpc_cidr]

  module {
    source = "./tests/variables"
  }

  variables {
    vpc_cidr = "10.0.0.1/16"
  }
}

run "vpc_cidr_larger_than_aws_allows" {
  command         = plan
  expect_failures = [var.vpc_cidr]

  module {
    source = "./tests/variables"
  }

  variables {
    vpc_cidr = "10.0.0.0/8"
  }
}

run "vpc_cidr_in_ipv6" {
  command         = plan
  expect_failures = [var.vpc_cidr]

  module {
    source = "./tests/variables"
  }

  variables {
    vpc_cidr = "fd00::/16"
  }
}

run "one_zone" {
  command         = plan
  expect_failures = [var.azs]

  module {
    source = "./tests/variables"
  }

  variables {
    azs                   = ["ap-northeast-2a"]
    public_subnet_cidrs   = ["10.0.101.0/24"]
    private_subnet_cidrs  = ["10.0.1.0/24"]
    database_subnet_cidrs = ["10.0.201.0/24"]
  }
}

run "the_same_zone_twice" {
  command         = plan
  expect_failures = [var.azs]

  module {
    source = "./tests/variables"
  }

  variables {
    azs = ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2b"]
  }
}

run "zone_of_another_region" {
  command         = plan
  expect_failures = [var.azs]

  module {
    source = "./tests/variables"
  }

  variables {
    azs = ["ap-northeast-2a", "ap-northeast-2b", "us-east-1a"]
  }
}

run "too_few_public_subnets" {
  command         = plan
  expect_failures = [var.public_subnet_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    public_subnet_cidrs = ["10.0.101.0/24", "10.0.102.0/24"]
  }
}

run "private_subnet_outside_the_vpc" {
  command         = plan
  expect_failures = [var.private_subnet_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    private_subnet_cidrs = ["10.0.1.0/24", "10.0.2.0/24", "10.1.3.0/24"]
  }
}

run "private_subnet_that_is_not_a_cidr" {
  command         = plan
  expect_failures = [var.private_subnet_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    private_subnet_cidrs = ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0"]
  }
}

run "database_subnet_larger_than_the_vpc" {
  command         = plan
  expect_failures = [var.database_subnet_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    database_subnet_cidrs = ["10.0.201.0/24", "10.0.202.0/24", "10.0.0.0/8"]
  }
}

run "database_subnet_smaller_than_aws_allows" {
  command         = plan
  expect_failures = [var.database_subnet_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    database_subnet_cidrs = ["10.0.201.0/24", "10.0.202.0/24", "10.0.203.0/29"]
  }
}

run "database_subnet_with_host_bits" {
  command         = plan
  expect_failures = [var.database_subnet_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    database_subnet_cidrs = ["10.0.201.0/24", "10.0.202.0/24", "10.0.203.7/24"]
  }
}

run "subnet_inside_another" {
  command         = plan
  expect_failures = [var.database_subnet_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    private_subnet_cidrs = ["10.0.1.0/24", "10.0.2.0/24", "10.0.200.0/22"]
  }
}

run "the_same_subnet_twice" {
  command         = plan
  expect_failures = [var.database_subnet_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    database_subnet_cidrs = ["10.0.201.0/24", "10.0.202.0/24", "10.0.3.0/24"]
  }
}

################################################################################
# RDS: rejected
################################################################################

run "postgresql_without_a_minor_version" {
  command         = plan
  expect_failures = [var.rds_engine_version]

  module {
    source = "./tests/variables"
  }

  variables {
    rds_engine_version = "17"
  }
}

run "instance_class_without_db" {
  command         = plan
  expect_failures = [var.rds_instance_class]

  module {
    source = "./tests/variables"
  }

  variables {
    rds_instance_class = "t4g.small"
  }
}

run "storage_below_the_least_of_gp3" {
  command         = plan
  expect_failures = [var.rds_allocated_storage]

  module {
    source = "./tests/variables"
  }

  variables {
    rds_allocated_storage = 10
  }
}

run "storage_in_fractions" {
  command         = plan
  expect_failures = [var.rds_allocated_storage]

  module {
    source = "./tests/variables"
  }

  variables {
    rds_allocated_storage = 20.5
  }
}

run "storage_maximum_below_storage" {
  command         = plan
  expect_failures = [var.rds_max_allocated_storage]

  module {
    source = "./tests/variables"
  }

  variables {
    rds_allocated_storage = 200
  }
}

run "storage_maximum_above_the_most_of_gp3" {
  command         = plan
  expect_failures = [var.rds_max_allocated_storage]

  module {
    source = "./tests/variables"
  }

  variables {
    rds_max_allocated_storage = 70000
  }
}

run "no_backups" {
  command         = plan
  expect_failures = [var.rds_backup_retention_days]

  module {
    source = "./tests/variables"
  }

  variables {
    rds_backup_retention_days = 0
  }
}

run "backups_kept_for_more_than_35_days" {
  command         = plan
  expect_failures = [var.rds_backup_retention_days]

  module {
    source = "./tests/variables"
  }

  variables {
    rds_backup_retention_days = 36
  }
}

run "database_name_with_a_dash" {
  command         = plan
  expect_failures = [var.rds_database_name]

  module {
    source = "./tests/variables"
  }

  variables {
    rds_database_name = "wealist-prod"
  }
}

run "reserved_user_name" {
  command         = plan
  expect_failures = [var.rds_master_username]

  module {
    source = "./tests/variables"
  }

  variables {
    rds_master_username = "admin"
  }
}

run "log_that_postgresql_does_not_have" {
  command         = plan
  expect_failures = [var.rds_cloudwatch_log_exports]

  module {
    source = "./tests/variables"
  }

  variables {
    rds_cloudwatch_log_exports = ["slowquery"]
  }
}

################################################################################
# Redis: rejected
################################################################################

run "redis_before_7" {
  command         = plan
  expect_failures = [var.redis_engine_version]

  module {
    source = "./tests/variables"
  }

  variables {
    redis_engine_version = "6.2"
  }
}

run "node_type_of_a_database" {
  command         = plan
  expect_failures = [var.redis_node_type]

  module {
    source = "./tests/variables"
  }

  variables {
    redis_node_type = "db.t4g.small"
  }
}

run "no_redis_node" {
  command         = plan
  expect_failures = [var.redis_num_cache_clusters]

  module {
    source = "./tests/variables"
  }

  variables {
    redis_num_cache_clusters = 0
  }
}

run "more_redis_nodes_than_a_shard_holds" {
  command         = plan
  expect_failures = [var.redis_num_cache_clusters]

  module {
    source = "./tests/variables"
  }

  variables {
    redis_num_cache_clusters = 7
  }
}

run "half_a_redis_node" {
  command         = plan
  expect_failures = [var.redis_num_cache_clusters]

  module {
    source = "./tests/variables"
  }

  variables {
    redis_num_cache_clusters = 1.5
  }
}

run "snapshots_kept_for_more_than_35_days" {
  command         = plan
  expect_failures = [var.redis_snapshot_retention_days]

  module {
    source = "./tests/variables"
  }

  variables {
    redis_snapshot_retention_days = 36
  }
}

################################################################################
# ECR, S3 and KMS: rejected
################################################################################

run "service_with_capitals" {
  command         = plan
  expect_failures = [var.ecr_services]

  module {
    source = "./tests/variables"
  }

  variables {
    ecr_services = ["Auth-Service"]
  }
}

run "untagged_images_kept_for_no_time" {
  command         = plan
  expect_failures = [var.ecr_untagged_expiry_days]

  module {
    source = "./tests/variables"
  }

  variables {
    ecr_untagged_expiry_days = 0
  }
}

run "no_image_kept" {
  command         = plan
  expect_failures = [var.ecr_max_image_count]

  module {
    source = "./tests/variables"
  }

  variables {
    ecr_max_image_count = 0
  }
}

run "bucket_name_with_an_underscore" {
  command         = plan
  expect_failures = [var.s3_bucket_name]

  module {
    source = "./tests/variables"
  }

  variables {
    s3_bucket_name = "wealist_prod"
  }
}

run "any_origin" {
  command         = plan
  expect_failures = [var.s3_cors_allowed_origins]

  module {
    source = "./tests/variables"
  }

  variables {
    s3_cors_allowed_origins = ["*"]
  }
}

run "plain_http_origin" {
  command         = plan
  expect_failures = [var.s3_cors_allowed_origins]

  module {
    source = "./tests/variables"
  }

  variables {
    s3_cors_allowed_origins = ["http://wealist.co.kr"]
  }
}

run "no_origin" {
  command         = plan
  expect_failures = [var.s3_cors_allowed_origins]

  module {
    source = "./tests/variables"
  }

  variables {
    s3_cors_allowed_origins = []
  }
}

run "incomplete_uploads_kept_for_no_time" {
  command         = plan
  expect_failures = [var.s3_incomplete_upload_expiry_days]

  module {
    source = "./tests/variables"
  }

  variables {
    s3_incomplete_upload_expiry_days = 0
  }
}

run "key_deleted_sooner_than_aws_allows" {
  command         = plan
  expect_failures = [var.kms_deletion_window_days]

  module {
    source = "./tests/variables"
  }

  variables {
    kms_deletion_window_days = 6
  }
}

run "key_deleted_later_than_aws_allows" {
  command         = plan
  expect_failures = [var.kms_deletion_window_days]

  module {
    source = "./tests/variables"
  }

  variables {
    kms_deletion_window_days = 31
  }
}
