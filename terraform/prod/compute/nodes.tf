# The nodes' own group, next to the one that EKS keeps for the cluster. It has
# no rule of its own: it is where other layers open the ports of what they run
# (aws_vpc_security_group_ingress_rule), which is also why rules aren't declared
# inline. EKS's group already lets nodes and control plane talk to each other
# and nodes reach out.
resource "aws_security_group" "node" {
  name_prefix = "${local.cluster_name}-node-"
  description = "Nodes of ${local.cluster_name}: rules of other layers"
  vpc_id      = data.terraform_remote_state.foundation.outputs.vpc_id

  # No kubernetes.io/cluster tag: load balancer controllers want exactly one
  # group of a node to carry it, and EKS's does.
  tags = { Name = "${local.cluster_name}-node" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_launch_template" "node" {
  name_prefix = "${local.cluster_name}-node-"
  description = "Nodes of ${local.cluster_name}"

  # EKS's group has to be named: it is attached by itself only where a template
  # names no group at all.
  vpc_security_group_ids = [
    aws_eks_cluster.this.vpc_config[0].cluster_security_group_id,
    aws_security_group.node.id,
  ]

  # Under the account's aws/ebs key. The key of prod/foundation can't be used
  # through EC2, see the README.
  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = var.node_disk_size
      encrypted             = true
      delete_on_termination = true
    }
  }

  # One hop ends at the node. A pod with a network of its own is one hop
  # further and can't take the node's role; it gets a role through Pod Identity.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # What Auto Scaling launches doesn't get the provider's default tags.
  dynamic "tag_specifications" {
    for_each = ["instance", "network-interface", "volume"]

    content {
      resource_type = tag_specifications.value
      tags          = merge(local.tags, { Name = "${local.cluster_name}-node" })
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_eks_node_group" "spot" {
  cluster_name  = aws_eks_cluster.this.name
  node_role_arn = aws_iam_role.node.arn
  subnet_ids    = data.terraform_remote_state.foundation.outputs.private_subnet_ids

  # A prefix, so that a change of instance types brings up the new group before
  # the old one is drained.
  node_group_name_prefix = "spot-"

  capacity_type  = "SPOT"
  instance_types = var.node_instance_types

  ami_type        = "AL2023_x86_64_STANDARD"
  version         = aws_eks_cluster.this.version
  release_version = var.node_ami_release_version

  # A number and not $Latest: a new version of the template shows in the plan
  # and rolls the nodes.
  launch_template {
    id      = aws_launch_template.node.id
    version = aws_launch_template.node.latest_version
  }

  scaling_config {
    min_size     = var.node_min_size
    desired_size = var.node_desired_size
    max_size     = var.node_max_size
  }

  update_config {
    max_unavailable = 1
  }

  lifecycle {
    create_before_destroy = true

    # From the first day on the number of nodes belongs to the autoscaler.
    ignore_changes = [scaling_config[0].desired_size]
  }

  # A node is only ready, and the group only created, with network, proxy and
  # credentials in place. The other way round, the network outlives the nodes,
  # so that it can take its interfaces along.
  depends_on = [
    aws_eks_addon.kube_proxy,
    aws_eks_addon.pod_identity_agent,
    aws_eks_addon.vpc_cni,
    aws_iam_role_policy_attachment.node,
  ]
}
