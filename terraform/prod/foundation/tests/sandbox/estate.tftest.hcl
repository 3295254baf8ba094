# The layer as planned for an empty account, row by row. The Redis token is an
# ephemeral resource, which mock providers don't have, so this plans against
# an AWS endpoint: point AWS_ENDPOINT_URL at the sandbox, then
#
#   terraform test -test-directory=tests/sandbox
#
# Nothing is created.

run "as_specified" {
  command = plan

  # VPC

  assert {
    condition     = module.vpc.vpc_cidr_block == "10.0.0.0/16"
    error_message = "The VPC must be 10.0.0.0/16."
  }

  assert {
    condition = (
      module.vpc.public_subnets_cidr_blocks == tolist(["10.0.101.0/24", "10.0.102.0/24", "10.0.103.0/24"]) &&
      module.vpc.private_subnets_cidr_blocks == tolist(["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]) &&
      module.vpc.database_subnets_cidr_blocks == tolist(["10.0.201.0/24", "10.0.202.0/24", "10.0.203.0/24"])
    )
    error_message = "There must be a public, a private and a database subnet for each zone."
  }

  assert {
    condition = alltrue([
      for subnets in [module.vpc.public_subnet_objects, module.vpc.private_subnet_objects, module.vpc.database_subnet_objects] :
      [for subnet in subnets : subnet.availability_zone] == ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c"]
    ])
    error_message = "Each kind of subnet must span the zones a, b and c, in this order."
  }

  assert {
    condition     = alltrue([for subnet in module.vpc.public_subnet_objects : !subnet.map_public_ip_on_launch])
    error_message = "No instance may get a public address by itself."
  }

  assert {
    condition     = length(module.vpc.natgw_ids) == 1
    error_message = "There must be one NAT gateway."
  }

  assert {
    condition     = length(module.vpc.database_nat_gateway_route_ids) == 0 && module.vpc.database_internet_gateway_route_id == null
    error_message = "The database subnets must have no route to the internet."
  }

  assert {
    condition     = length(module.vpc.database_route_table_ids) == 1 && length(module.vpc.database_route_table_association_ids) == 3
    error_message = "The database subnets must have a route table of their own."
  }

  # Security groups

  assert {
    condition = alltrue([
      for rules, port in { rds = 5432, redis = 6379 } : alltrue([
        for rule in(rules == "rds" ? values(aws_vpc_security_group_ingress_rule.rds) : values(aws_vpc_security_group_ingress_rule.redis)) :
        rule.ip_protocol == "tcp" && rule.from_port == port && rule.to_port == port
      ])
    ])
    error_message = "RDS must be reached on 5432 and Redis on 6379 only."
  }

  assert {
    condition = alltrue([
      for rules in [aws_vpc_security_group_ingress_rule.rds, aws_vpc_security_group_ingress_rule.redis] :
      { for az, rule in rules : az => rule.cidr_ipv4 } == {
        ap-northeast-2a = "10.0.1.0/24"
        ap-northeast-2b = "10.0.2.0/24"
        ap-northeast-2c = "10.0.3.0/24"
      }
    ])
    error_message = "RDS and Redis must be reached from the private subnets only."
  }

  assert {
    condition     = length(aws_security_group.rds.egress) == 0 && length(aws_security_group.redis.egress) == 0
    error_message = "The security groups of RDS and Redis must have no egress."
  }

  # RDS

  assert {
    condition     = output.rds_identifier == "wealist-prod-postgres" && tostring(output.rds_port) == "5432"
    error_message = "The database must be wealist-prod-postgres on port 5432."
  }

  assert {
    condition     = output.rds_database_name == "wealist" && output.rds_username == "wealist_admin"
    error_message = "The outputs must name the database and its master user."
  }

  # Redis

  assert {
    condition = (
      aws_elasticache_replication_group.redis.replication_group_id == "wealist-prod-redis" &&
      aws_elasticache_replication_group.redis.engine == "redis" &&
      aws_elasticache_replication_group.redis.engine_version == "7.1" &&
      aws_elasticache_replication_group.redis.node_type == "cache.t4g.small" &&
      aws_elasticache_replication_group.redis.port == 6379
    )
    error_message = "Redis must be wealist-prod-redis: version 7.1 on cache.t4g.small, port 6379."
  }

  assert {
    condition = (
      aws_elasticache_replication_group.redis.num_cache_clusters == 1 &&
      !aws_elasticache_replication_group.redis.automatic_failover_enabled &&
      !aws_elasticache_replication_group.redis.multi_az_enabled
    )
    error_message = "Redis must be a single node."
  }

  assert {
    condition = (
      tobool(aws_elasticache_replication_group.redis.at_rest_encryption_enabled) &&
      aws_elasticache_replication_group.redis.transit_encryption_enabled
    )
    error_message = "Redis must be encrypted at rest and in transit."
  }

  assert {
    condition     = aws_elasticache_parameter_group.redis.family == "redis7"
    error_message = "The parameter group of Redis must be of the family redis7."
  }

  assert {
    condition     = aws_secretsmanager_secret_version.redis_auth_token.secret_string_wo_version == 1 && startswith(aws_secretsmanager_secret.redis_auth_token.name_prefix, "wealist-prod-")
    error_message = "The token of Redis must be the first version of a secret of this layer."
  }

  # ECR

  assert {
    condition = keys(module.ecr) == [
      "auth-service", "board-service", "chat-service", "frontend",
      "noti-service", "storage-service", "user-service", "video-service",
    ]
    error_message = "There must be a repository for each service."
  }

  assert {
    condition     = alltrue([for service, repository in module.ecr : repository.repository_name == "prod/${service}"])
    error_message = "The repositories must be under prod/."
  }

  # S3

  assert {
    condition     = output.s3_bucket_name == "wealist-prod-storage" && !aws_s3_bucket.storage.force_destroy
    error_message = "The bucket must be wealist-prod-storage and not be deletable while it holds objects."
  }

  assert {
    condition     = aws_s3_bucket_versioning.storage.versioning_configuration[0].status == "Enabled"
    error_message = "The bucket must be versioned."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.storage.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "The bucket must be encrypted with SSE-S3."
  }

  assert {
    condition = (
      aws_s3_bucket_public_access_block.storage.block_public_acls &&
      aws_s3_bucket_public_access_block.storage.block_public_policy &&
      aws_s3_bucket_public_access_block.storage.ignore_public_acls &&
      aws_s3_bucket_public_access_block.storage.restrict_public_buckets
    )
    error_message = "All public access to the bucket must be blocked."
  }

  assert {
    condition     = one(aws_s3_bucket_cors_configuration.storage.cors_rule).allowed_origins == toset(["https://wealist.co.kr", "https://*.wealist.co.kr"])
    error_message = "CORS must allow wealist.co.kr and its subdomains, over https."
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.storage.rule[0].abort_incomplete_multipart_upload[0].days_after_initiation == 7
    error_message = "Incomplete uploads must be deleted after 7 days."
  }

  # KMS

  assert {
    condition     = keys(module.kms.aliases) == ["wealist-prod"]
    error_message = "The key must have the alias wealist-prod."
  }

  assert {
    condition     = alltrue([for statement in jsondecode(module.kms.key_policy).Statement : statement.Effect == "Allow" && statement.Principal == { AWS = local.account_root_arn }])
    error_message = "The key's policy must speak of this account alone."
  }

  # Whatever isn't bound to a service must be management: no action that reads,
  # writes or hands on data.
  assert {
    condition = alltrue([
      for statement in jsondecode(module.kms.key_policy).Statement :
      length([for action in flatten([statement.Action]) : action if can(regex("(\\*|Encrypt|Decrypt|GenerateDataKey|CreateGrant|Sign|Mac)", action))]) == 0
      if !can(statement.Condition)
    ])
    error_message = "Outside the services the key may be managed, not used."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(module.kms.key_policy).Statement :
      length(flatten([statement.Condition.StringEquals["kms:ViaService"]])) > 0 &&
      length(setsubtract(flatten([statement.Condition.StringEquals["kms:ViaService"]]), [
        "dax.ap-northeast-2.amazonaws.com", # ElastiCache's second name
        "eks.ap-northeast-2.amazonaws.com",
        "elasticache.ap-northeast-2.amazonaws.com",
        "rds.ap-northeast-2.amazonaws.com",
        "s3.ap-northeast-2.amazonaws.com",
        "secretsmanager.ap-northeast-2.amazonaws.com",
      ])) == 0
      if can(statement.Condition)
    ])
    error_message = "The key must be usable through RDS, ElastiCache, S3, Secrets Manager and EKS only."
  }

  # What each service may do: through it, which of these does some statement
  # allow. EKS is judged as CreateCluster calls, without GrantIsForAWSResource;
  # DescribeKey is what it asks for besides the grant.
  assert {
    condition = {
      for service in ["dax", "eks", "elasticache", "rds", "s3", "secretsmanager"] : service => [
        for action in ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"] :
        action if anytrue([
          for statement in jsondecode(module.kms.key_policy).Statement :
          contains(flatten([statement.Action]), action) &&
          contains(flatten([statement.Condition.StringEquals["kms:ViaService"]]), "${service}.ap-northeast-2.amazonaws.com") &&
          (service != "eks" || keys(statement.Condition) == ["StringEquals"])
          if can(statement.Condition)
        ])
      ]
      } == {
      for service in ["dax", "eks", "elasticache", "rds", "s3", "secretsmanager"] :
      service => ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    }
    error_message = "Each of the five services must be able to use the key and to create its grants, and EKS without kms:GrantIsForAWSResource, which CreateCluster doesn't support."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(module.kms.key_policy).Statement :
      try(tostring(statement.Condition.Bool["kms:GrantIsForAWSResource"]), "") == "true"
      if statement.Sid != "GrantsForEKS" &&
      anytrue([for action in flatten([statement.Action]) : can(regex("^${replace(action, "*", ".*")}$", "kms:CreateGrant"))])
    ])
    error_message = "Grants of all services but EKS must be for AWS resources only."
  }

  assert {
    condition = [
      for statement in jsondecode(module.kms.key_policy).Statement :
      { action = statement.Action, condition = statement.Condition }
      if statement.Sid == "GrantsForEKS"
      ] == [
      {
        action    = "kms:CreateGrant"
        condition = { StringEquals = { "kms:ViaService" = "eks.ap-northeast-2.amazonaws.com" } }
      },
    ]
    error_message = "Without kms:GrantIsForAWSResource there must be nothing but the creation of grants, by EKS alone."
  }

  # Tags

  assert {
    condition = aws_s3_bucket.storage.tags_all == tomap({
      Project     = "wealist"
      Environment = "prod"
      Layer       = "prod/foundation"
      ManagedBy   = "terraform"
    })
    error_message = "Every resource must carry the layer's tags."
  }
}

run "scaled_up" {
  command = plan

  variables {
    rds_multi_az             = true
    single_nat_gateway       = false
    redis_num_cache_clusters = 2
  }

  assert {
    condition     = length(module.vpc.natgw_ids) == 3 && length(module.vpc.private_route_table_ids) == 3
    error_message = "There must be a NAT gateway for each zone."
  }

  assert {
    condition     = length(module.vpc.database_nat_gateway_route_ids) == 0 && length(module.vpc.database_route_table_ids) == 3
    error_message = "The database subnets must have no route to the internet, whatever the number of NAT gateways."
  }

  assert {
    condition = (
      aws_elasticache_replication_group.redis.num_cache_clusters == 2 &&
      aws_elasticache_replication_group.redis.automatic_failover_enabled &&
      aws_elasticache_replication_group.redis.multi_az_enabled
    )
    error_message = "Redis with a replica must fail over by itself, across zones."
  }
}

run "deletion_protection_lifted" {
  command         = plan
  expect_failures = [check.rds_deletion_protection]

  variables {
    rds_deletion_protection = false
  }
}
