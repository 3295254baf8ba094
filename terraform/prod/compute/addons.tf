locals {
  addons = toset(["coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni"])

  addon_versions = merge(
    { for name, default in data.aws_eks_addon_version.default : name => default.version },
    var.addon_versions,
  )
}

# What AWS has tested with this Kubernetes version, so that an upgrade of the
# cluster takes its add-ons along.
data "aws_eks_addon_version" "default" {
  for_each = setsubtract(local.addons, keys(var.addon_versions))

  addon_name         = each.key
  kubernetes_version = var.kubernetes_version
}

################################################################################
# Before the nodes: a DaemonSet each, active without one
################################################################################

resource "aws_eks_addon" "pod_identity_agent" {
  cluster_name  = aws_eks_cluster.this.name
  addon_name    = "eks-pod-identity-agent"
  addon_version = local.addon_versions["eks-pod-identity-agent"]

  # Their configuration is what stands here, not what was edited in the cluster.
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
}

resource "aws_eks_addon" "kube_proxy" {
  cluster_name  = aws_eks_cluster.this.name
  addon_name    = "kube-proxy"
  addon_version = local.addon_versions["kube-proxy"]

  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
}

resource "aws_eks_addon" "vpc_cni" {
  cluster_name  = aws_eks_cluster.this.name
  addon_name    = "vpc-cni"
  addon_version = local.addon_versions["vpc-cni"]

  pod_identity_association {
    service_account = local.vpc_cni_service_account
    role_arn        = aws_iam_role.vpc_cni.arn
  }

  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  # It gets its credentials from the agent on the same node.
  depends_on = [
    aws_eks_addon.pod_identity_agent,
    aws_iam_role_policy_attachment.vpc_cni,
  ]
}

################################################################################
# After the nodes: a Deployment, degraded until it finds some
################################################################################

resource "aws_eks_addon" "coredns" {
  cluster_name  = aws_eks_cluster.this.name
  addon_name    = "coredns"
  addon_version = local.addon_versions["coredns"]

  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  depends_on = [aws_eks_node_group.spot]
}
