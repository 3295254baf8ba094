locals {
  managed_policy_arn_prefix = "arn:${data.aws_partition.current.partition}:iam::aws:policy"

  vpc_cni_service_account = "aws-node"
}

################################################################################
# Control plane
################################################################################

data "aws_iam_policy_document" "cluster_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "cluster" {
  name               = "${local.cluster_name}-cluster"
  description        = "Control plane of ${local.cluster_name}"
  assume_role_policy = data.aws_iam_policy_document.cluster_trust.json
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "${local.managed_policy_arn_prefix}/AmazonEKSClusterPolicy"
}

################################################################################
# Nodes
################################################################################

data "aws_iam_policy_document" "node_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "node" {
  name               = "${local.cluster_name}-node"
  description        = "Nodes of ${local.cluster_name}: join the cluster, pull images"
  assume_role_policy = data.aws_iam_policy_document.node_trust.json
}

# AmazonEKS_CNI_Policy is not among them: the network plugin has a role of its
# own, so a node can't rearrange network interfaces.
resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset(["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy"])

  role       = aws_iam_role.node.name
  policy_arn = "${local.managed_policy_arn_prefix}/${each.key}"
}

################################################################################
# Network plugin
################################################################################

# Through Pod Identity, and only to the plugin's own service account in this
# cluster.
data "aws_iam_policy_document" "vpc_cni_trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/eks-cluster-arn"
      values   = [local.cluster_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-namespace"
      values   = ["kube-system"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-service-account"
      values   = [local.vpc_cni_service_account]
    }
  }
}

resource "aws_iam_role" "vpc_cni" {
  name               = "${local.cluster_name}-vpc-cni"
  description        = "Network plugin of ${local.cluster_name}"
  assume_role_policy = data.aws_iam_policy_document.vpc_cni_trust.json
}

resource "aws_iam_role_policy_attachment" "vpc_cni" {
  role       = aws_iam_role.vpc_cni.name
  policy_arn = "${local.managed_policy_arn_prefix}/AmazonEKS_CNI_Policy"
}
