locals {
  # The view policy, as Kubernetes' own view role, leaves Secrets out.
  access_policies = {
    admin  = "AmazonEKSClusterAdminPolicy"
    viewer = "AmazonEKSViewPolicy"
  }
}

resource "aws_eks_access_entry" "this" {
  for_each = var.cluster_access

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.value.principal_arn
}

resource "aws_eks_access_policy_association" "this" {
  for_each = var.cluster_access

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
    condition     = anytrue([for entry in values(var.cluster_access) : entry.access == "admin"])
    error_message = "Nobody administers the cluster: not even whoever creates it can use kubectl. Name at least one principal with access = \"admin\" in cluster_access."
  }
}
