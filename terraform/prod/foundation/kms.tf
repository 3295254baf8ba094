data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_root_arn = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"

  # The only doors through which the key can be used. ElastiCache has two: a key
  # that it is to use must name "dax" beside its own name (KMS developer guide,
  # "kms:ViaService").
  kms_via_services = {
    for service in ["dax", "eks", "elasticache", "rds", "s3", "secretsmanager"] :
    service => "${service}.${var.region}.amazonaws.com"
  }
}

module "kms" {
  source  = "terraform-aws-modules/kms/aws"
  version = "~> 3.1"

  description = "Encrypts the data of ${local.name}: RDS, Redis, S3, Secrets Manager and EKS secrets"
  aliases     = [local.name]

  deletion_window_in_days = var.kms_deletion_window_days
  enable_key_rotation     = true
  rotation_period_in_days = 365

  # The default policy allows kms:* to the account, which hands every identity
  # with an IAM grant direct use of the key. These statements replace it.
  enable_default_policy = false

  # The account root as a principal delegates to IAM: an identity needs both a
  # statement below and a matching IAM policy of its own.
  key_statements = {
    # Management only. CreateGrant is left out on purpose (the usual wildcard
    # kms:Create* would include it): an administrator could use it to grant
    # Decrypt to anyone, outside every service.
    account_administration = {
      sid = "AccountAdministration"
      actions = [
        "kms:CancelKeyDeletion",
        "kms:CreateAlias",
        "kms:DeleteAlias",
        "kms:DescribeKey",
        "kms:DisableKey",
        "kms:DisableKeyRotation",
        "kms:EnableKey",
        "kms:EnableKeyRotation",
        "kms:GetKeyPolicy",
        "kms:GetKeyRotationStatus",
        "kms:ListGrants",
        "kms:ListKeyPolicies",
        "kms:ListKeyRotations",
        "kms:ListResourceTags",
        "kms:PutKeyPolicy",
        "kms:RevokeGrant",
        "kms:RotateKeyOnDemand",
        "kms:ScheduleKeyDeletion",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:UpdateAlias",
        "kms:UpdateKeyDescription",
      ]
      resources  = ["*"]
      principals = [{ type = "AWS", identifiers = [local.account_root_arn] }]
    }

    service_use = {
      sid = "UseThroughServices"
      actions = [
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
        "kms:ReEncrypt*",
      ]
      resources  = ["*"]
      principals = [{ type = "AWS", identifiers = [local.account_root_arn] }]
      conditions = [
        { test = "StringEquals", variable = "kms:ViaService", values = values(local.kms_via_services) },
      ]
    }

    # RDS and ElastiCache keep working after the caller's session is gone
    # through a grant that they create for themselves.
    service_grants = {
      sid = "GrantsForServices"
      actions = [
        "kms:CreateGrant",
        "kms:ListGrants",
        "kms:RevokeGrant",
      ]
      resources  = ["*"]
      principals = [{ type = "AWS", identifiers = [local.account_root_arn] }]
      conditions = [
        { test = "StringEquals", variable = "kms:ViaService", values = [for service, name in local.kms_via_services : name if service != "eks"] },
        { test = "Bool", variable = "kms:GrantIsForAWSResource", values = ["true"] },
      ]
    }

    # So does EKS, but its CreateCluster doesn't support
    # kms:GrantIsForAWSResource (EKS user guide, "Create an Amazon EKS cluster").
    # kms:ViaService still keeps callers from making a grant themselves. The
    # grant isn't narrowed further: its operations and constraints are EKS's own
    # affair, and AWS doesn't document them.
    eks_grants = {
      sid        = "GrantsForEKS"
      actions    = ["kms:CreateGrant"]
      resources  = ["*"]
      principals = [{ type = "AWS", identifiers = [local.account_root_arn] }]
      conditions = [
        { test = "StringEquals", variable = "kms:ViaService", values = [local.kms_via_services["eks"]] },
      ]
    }
  }
}
