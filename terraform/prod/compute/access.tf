locals {
  # The view policy, as Kubernetes' own view role, leaves Secrets out.
  access_policies = {
    admin  = "AmazonEKSClusterAdminPolicy"
    viewer = "AmazonEKSViewPolicy"
  }

  # By what EKS itself keeps them under: one entry for each principal. Under any
  # other name a change of the name would create the entry again while the old
  # one is still there, and take it away afterwards.
  cluster_access = { for entry in var.cluster_access : entry.principal_arn => entry }
}

resource "aws_eks_access_entry" "this" {
  for_each = local.cluster_access

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.key
}

resource "aws_eks_access_policy_association" "this" {
  for_each = local.cluster_access

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_eks_access_entry.this[each.key].principal_arn
  policy_arn    = "arn:${data.aws_partition.current.partition}:eks::aws:cluster-access-policy/${local.access_policies[each.value.access]}"

  access_scope {
    type       = length(each.value.namespaces) == 0 ? "cluster" : "namespace"
    namespaces = length(each.value.namespaces) == 0 ? null : each.value.namespaces
  }
}

check "cluster_has_an_admin" {
  assert {
    condition     = anytrue([for entry in var.cluster_access : entry.access == "admin"])
    error_message = "Nobody administers the cluster: not even whoever creates it can use kubectl. Name at least one principal with access = \"admin\" in cluster_access."
  }
}
