################################################################################
# Cluster
################################################################################

output "cluster_name" {
  description = "Name of the cluster."
  value       = aws_eks_cluster.this.name
}

output "cluster_arn" {
  description = "ARN of the cluster."
  value       = aws_eks_cluster.this.arn
}

output "cluster_version" {
  description = "Kubernetes version of the control plane, as major.minor."
  value       = aws_eks_cluster.this.version
}

output "cluster_endpoint" {
  description = "URL of the Kubernetes API."
  value       = aws_eks_cluster.this.endpoint

  precondition {
    condition = (
      aws_eks_cluster.this.vpc_config[0].endpoint_private_access &&
      (!aws_eks_cluster.this.vpc_config[0].endpoint_public_access || !contains(aws_eks_cluster.this.vpc_config[0].public_access_cidrs, "0.0.0.0/0"))
    )
    error_message = "The Kubernetes API must be reachable from the VPC, and from the internet only for the addresses in cluster_public_access_cidrs."
  }
}

output "cluster_certificate_authority_data" {
  description = "Certificate, as base64, that the Kubernetes API is recognised by. Public, like every CA certificate."
  value       = aws_eks_cluster.this.certificate_authority[0].data
}

output "cluster_oidc_issuer_url" {
  description = "URL of the cluster's OpenID Connect issuer, for what can't use Pod Identity."
  value       = aws_eks_cluster.this.identity[0].oidc[0].issuer
}

output "cluster_security_group_id" {
  description = "ID of the security group that EKS keeps for the control plane and its nodes."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "cluster_log_group_name" {
  description = "Name of the CloudWatch log group of the control plane."
  value       = aws_cloudwatch_log_group.cluster.name
}

output "update_kubeconfig_command" {
  description = "Command that makes kubectl talk to the cluster."
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${aws_eks_cluster.this.name} --alias ${aws_eks_cluster.this.name}"
}

################################################################################
# Nodes
################################################################################

output "node_security_group_id" {
  description = "ID of the nodes' own security group, for the rules of other layers."
  value       = aws_security_group.node.id
}

output "node_role_arn" {
  description = "ARN of the IAM role of the nodes."
  value       = aws_iam_role.node.arn
}

output "node_group_name" {
  description = "Name of the node group."
  value       = aws_eks_node_group.spot.node_group_name
}

output "node_autoscaling_group_names" {
  description = "Names of the Auto Scaling groups behind the node group."
  value       = aws_eks_node_group.spot.resources[0].autoscaling_groups[*].name
}

################################################################################
# Add-ons
################################################################################

output "addon_versions" {
  description = "Version of each add-on."
  value = {
    for addon in [aws_eks_addon.coredns, aws_eks_addon.kube_proxy, aws_eks_addon.pod_identity_agent, aws_eks_addon.vpc_cni] :
    addon.addon_name => addon.addon_version
  }
}
