locals {
  cluster_name = "${local.name}-eks"

  # Put together, not read from the cluster: what is read of a cluster that is
  # about to change is unknown until it has, and whatever hangs on it would
  # show up in the plan as well.
  cluster_arn = "arn:${data.aws_partition.current.partition}:eks:${var.region}:${data.aws_caller_identity.current.account_id}:cluster/${local.cluster_name}"

  # The public endpoint exists for these addresses only, so without any there
  # is none.
  is_public = length(var.cluster_public_access_cidrs) > 0
}

# Created here, with a retention, because EKS would create one that never
# expires.
resource "aws_cloudwatch_log_group" "cluster" {
  name              = "/aws/eks/${local.cluster_name}/cluster"
  retention_in_days = var.cluster_log_retention_days
}

resource "aws_eks_cluster" "this" {
  name     = local.cluster_name
  version  = var.kubernetes_version
  role_arn = aws_iam_role.cluster.arn

  vpc_config {
    subnet_ids              = data.terraform_remote_state.foundation.outputs.private_subnet_ids
    endpoint_private_access = true
    endpoint_public_access  = local.is_public
    public_access_cidrs     = local.is_public ? var.cluster_public_access_cidrs : null
  }

  # Access entries alone decide who gets in: no aws-auth ConfigMap, and whoever
  # happens to run the first apply is no administrator for ever.
  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = false
  }

  # The add-ons are all declared in addons.tf; otherwise EKS would install
  # copies of three of them that nobody manages.
  bootstrap_self_managed_addons = false

  # From Kubernetes 1.28 on EKS encrypts all API data under this key, whatever
  # is listed here.
  encryption_config {
    resources = ["secrets"]

    provider {
      key_arn = data.terraform_remote_state.foundation.outputs.kms_key_arn
    }
  }

  enabled_cluster_log_types = ["api", "audit", "authenticator", "controllerManager", "scheduler"]

  upgrade_policy {
    support_type = var.kubernetes_support_type
  }

  lifecycle {
    precondition {
      condition     = length(distinct(data.terraform_remote_state.foundation.outputs.private_subnet_ids)) >= 2
      error_message = "EKS needs private subnets in two zones at least, and prod/foundation has ${length(data.terraform_remote_state.foundation.outputs.private_subnet_ids)}."
    }

    precondition {
      condition     = split(":", data.terraform_remote_state.foundation.outputs.kms_key_arn)[3] == var.region
      error_message = "The key of prod/foundation is not in ${var.region}. EKS takes keys of its own region only: set region to that of prod/foundation."
    }
  }

  # The role must be able to act before EKS uses it and until the cluster is
  # gone, and the log group must be there before EKS writes to it.
  depends_on = [
    aws_cloudwatch_log_group.cluster,
    aws_iam_role_policy_attachment.cluster,
  ]
}
