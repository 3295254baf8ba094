# What only the real provider works out, planned for an account without a
# foundation, which is made up here: point AWS_ENDPOINT_URL at the sandbox, then
#
#   terraform test -test-directory=tests/sandbox
#
# Nothing is created.

override_data {
  target = data.terraform_remote_state.foundation
  values = {
    outputs = {
      vpc_id             = "vpc-0123456789abcdef0"
      private_subnet_ids = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]
      kms_key_arn        = "arn:aws:kms:ap-northeast-2:123456789012:key/6a1ff2bd-0a2b-4b7b-9c0e-000000000000"
    }
  }
}

variables {
  cluster_access = [{ principal_arn = "arn:aws:iam::123456789012:role/platform", access = "admin" }]
}

run "as_specified" {
  command = plan

  assert {
    condition = {
      for role, policy in { cluster = aws_iam_role.cluster.assume_role_policy, node = aws_iam_role.node.assume_role_policy } :
      role => [for statement in jsondecode(policy).Statement : [statement.Effect, statement.Action, statement.Principal]]
      } == {
      cluster = [["Allow", "sts:AssumeRole", { Service = "eks.amazonaws.com" }]]
      node    = [["Allow", "sts:AssumeRole", { Service = "ec2.amazonaws.com" }]]
    }
    error_message = "The roles must be for EKS and for EC2, each for one of them."
  }

  assert {
    condition = one(jsondecode(aws_iam_role.vpc_cni.assume_role_policy).Statement) == {
      Effect    = "Allow"
      Action    = ["sts:TagSession", "sts:AssumeRole"]
      Principal = { Service = "pods.eks.amazonaws.com" }
      Condition = {
        StringEquals = {
          "aws:RequestTag/eks-cluster-arn"            = "arn:aws:eks:ap-northeast-2:123456789012:cluster/wealist-prod-eks"
          "aws:RequestTag/kubernetes-namespace"       = "kube-system"
          "aws:RequestTag/kubernetes-service-account" = "aws-node"
        }
      }
    }
    error_message = "The role of the network plugin must be for its own service account in this cluster."
  }

  assert {
    condition     = alltrue([for name, version in local.addon_versions : can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+-eksbuild\\.[0-9]+$", version))])
    error_message = "Each add-on must have the version that EKS recommends for it."
  }

  assert {
    condition     = startswith(local.addon_versions["kube-proxy"], "v${var.kubernetes_version}.")
    error_message = "kube-proxy must be that of the Kubernetes version."
  }

  assert {
    condition = aws_eks_cluster.this.tags_all == tomap({
      Project     = "wealist"
      Environment = "prod"
      Layer       = "prod/compute"
      ManagedBy   = "terraform"
    })
    error_message = "Every resource must carry the layer's tags."
  }
}

run "upgraded" {
  command = plan

  variables {
    kubernetes_version = "1.36"
  }

  assert {
    condition     = startswith(local.addon_versions["kube-proxy"], "v1.36.")
    error_message = "An upgrade of Kubernetes must take kube-proxy along."
  }
}
