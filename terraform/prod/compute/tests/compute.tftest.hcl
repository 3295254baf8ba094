# The layer as planned and applied on a provider that only pretends, and on a
# foundation that is made up here: no AWS, no state, no network.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_eks_addon_version" {
    defaults = { version = "v1.0.0-eksbuild.1" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/made-up" }
  }

  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0" }
  }

  mock_resource "aws_eks_cluster" {
    defaults = {
      arn                   = "arn:aws:eks:ap-northeast-2:123456789012:cluster/wealist-prod-eks"
      endpoint              = "https://0123456789ABCDEF.gr7.ap-northeast-2.eks.amazonaws.com"
      certificate_authority = [{ data = "Y2VydGlmaWNhdGU=" }]
      identity              = [{ oidc = [{ issuer = "https://oidc.eks.ap-northeast-2.amazonaws.com/id/0123456789ABCDEF" }] }]
    }
  }

  mock_resource "aws_eks_node_group" {
    defaults = {
      resources = [{ autoscaling_groups = [{ name = "eks-spot-1" }], remote_access_security_group_id = "" }]
    }
  }
}

override_data {
  target = data.terraform_remote_state.foundation
  values = {
    outputs = {
      vpc_id             = "vpc-0123456789abcdef0"
      private_subnet_ids = ["subnet-a", "subnet-b", "subnet-c"]
      kms_key_arn        = "arn:aws:kms:ap-northeast-2:123456789012:key/6a1ff2bd-0a2b-4b7b-9c0e-000000000000"
    }
  }
}

variables {
  cluster_access = [{ principal_arn = "arn:aws:iam::123456789012:role/platform", access = "admin" }]
}

run "as_specified" {
  command = plan

  # Cluster

  assert {
    condition     = aws_eks_cluster.this.name == "wealist-prod-eks" && aws_eks_cluster.this.version == "1.35"
    error_message = "The cluster must be wealist-prod-eks on Kubernetes 1.35."
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].subnet_ids == toset(["subnet-a", "subnet-b", "subnet-c"])
    error_message = "The cluster must be in the private subnets of the foundation."
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "The Kubernetes API must be reached from the VPC only."
  }

  assert {
    condition = (
      aws_eks_cluster.this.encryption_config[0].resources == toset(["secrets"]) &&
      aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == "arn:aws:kms:ap-northeast-2:123456789012:key/6a1ff2bd-0a2b-4b7b-9c0e-000000000000"
    )
    error_message = "Secrets must be encrypted with the key of the foundation."
  }

  assert {
    condition = (
      aws_eks_cluster.this.access_config[0].authentication_mode == "API" &&
      !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
    )
    error_message = "Access entries alone must decide who gets in; who created the cluster must not get in by that."
  }

  assert {
    condition     = !aws_eks_cluster.this.bootstrap_self_managed_addons
    error_message = "EKS must not install add-ons that nobody manages."
  }

  assert {
    condition     = aws_eks_cluster.this.enabled_cluster_log_types == toset(["api", "audit", "authenticator", "controllerManager", "scheduler"])
    error_message = "All five logs of the control plane must be on."
  }

  assert {
    condition = (
      aws_cloudwatch_log_group.cluster.name == "/aws/eks/wealist-prod-eks/cluster" &&
      aws_cloudwatch_log_group.cluster.retention_in_days == 30
    )
    error_message = "The log group of the control plane must be EKS's own and forget after 30 days."
  }

  assert {
    condition     = aws_eks_cluster.this.upgrade_policy[0].support_type == "EXTENDED"
    error_message = "AWS must not upgrade the control plane."
  }

  # Nodes

  assert {
    condition = (
      aws_eks_node_group.spot.capacity_type == "SPOT" &&
      aws_eks_node_group.spot.instance_types == tolist(["t3.medium", "t3a.medium", "t3.large", "t3a.large"]) &&
      aws_eks_node_group.spot.ami_type == "AL2023_x86_64_STANDARD"
    )
    error_message = "The nodes must be x86 Spot instances of four types."
  }

  assert {
    condition = (
      aws_eks_node_group.spot.scaling_config[0].min_size == 2 &&
      aws_eks_node_group.spot.scaling_config[0].desired_size == 3 &&
      aws_eks_node_group.spot.scaling_config[0].max_size == 6
    )
    error_message = "There must be 2 to 6 nodes, and 3 to start with."
  }

  assert {
    condition     = aws_eks_node_group.spot.version == "1.35"
    error_message = "The nodes must be on Kubernetes 1.35, as the control plane is."
  }

  assert {
    condition     = aws_eks_node_group.spot.subnet_ids == toset(["subnet-a", "subnet-b", "subnet-c"])
    error_message = "The nodes must be in the private subnets, from where RDS and Redis can be reached."
  }

  assert {
    condition = (
      one(aws_launch_template.node.metadata_options).http_tokens == "required" &&
      one(aws_launch_template.node.metadata_options).http_put_response_hop_limit == 1
    )
    error_message = "Instance metadata must need a token and end at the node."
  }

  assert {
    condition = (
      length(aws_launch_template.node.block_device_mappings) == 1 &&
      one(one(aws_launch_template.node.block_device_mappings).ebs).volume_size == 50 &&
      one(one(aws_launch_template.node.block_device_mappings).ebs).volume_type == "gp3" &&
      tobool(one(one(aws_launch_template.node.block_device_mappings).ebs).encrypted)
    )
    error_message = "A node's disk must be 50 GB of encrypted gp3."
  }

  assert {
    condition = {
      for specification in aws_launch_template.node.tag_specifications :
      specification.resource_type => lookup(specification.tags, "Layer", null)
    } == { instance = "prod/compute", network-interface = "prod/compute", volume = "prod/compute" }
    error_message = "What Auto Scaling launches must carry the layer's tags."
  }

  assert {
    condition     = aws_security_group.node.vpc_id == "vpc-0123456789abcdef0"
    error_message = "The nodes' security group must be in the VPC of the foundation."
  }

  # Roles

  assert {
    condition     = endswith(aws_iam_role_policy_attachment.cluster.policy_arn, "/AmazonEKSClusterPolicy")
    error_message = "The control plane must have its own policy."
  }

  assert {
    condition     = keys(aws_iam_role_policy_attachment.node) == ["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy"]
    error_message = "Nodes must be able to join the cluster and pull images, and nothing else."
  }

  assert {
    condition = (
      endswith(aws_iam_role_policy_attachment.vpc_cni.policy_arn, "/AmazonEKS_CNI_Policy") &&
      one(aws_eks_addon.vpc_cni.pod_identity_association).service_account == "aws-node"
    )
    error_message = "The network plugin must have a role of its own."
  }

  # Add-ons

  assert {
    condition = toset([
      for addon in [aws_eks_addon.coredns, aws_eks_addon.kube_proxy, aws_eks_addon.pod_identity_agent, aws_eks_addon.vpc_cni] :
      addon.addon_name
    ]) == toset(["coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni"])
    error_message = "There must be four add-ons: coredns, eks-pod-identity-agent, kube-proxy and vpc-cni."
  }

  # Access

  assert {
    condition = {
      for association in aws_eks_access_policy_association.this :
      association.principal_arn => [association.policy_arn, association.access_scope[0].type]
      } == {
      "arn:aws:iam::123456789012:role/platform" = ["arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy", "cluster"]
    }
    error_message = "An admin must be one of the whole cluster."
  }
}

run "applied" {
  command = apply

  assert {
    condition     = output.update_kubeconfig_command == "aws eks update-kubeconfig --region ap-northeast-2 --name wealist-prod-eks --alias wealist-prod-eks"
    error_message = "The command must name region and cluster."
  }

  # Put together here and used in a trust policy: it must be what AWS will say.
  assert {
    condition     = local.cluster_arn == "arn:aws:eks:ap-northeast-2:123456789012:cluster/wealist-prod-eks"
    error_message = "The role of the network plugin must be for this cluster."
  }

  assert {
    condition = output.addon_versions == {
      coredns                = "v1.0.0-eksbuild.1"
      eks-pod-identity-agent = "v1.0.0-eksbuild.1"
      kube-proxy             = "v1.0.0-eksbuild.1"
      vpc-cni                = "v1.0.0-eksbuild.1"
    }
    error_message = "The output must have the version of each of the four add-ons."
  }

  assert {
    condition = (
      output.node_security_group_id != output.cluster_security_group_id &&
      aws_launch_template.node.vpc_security_group_ids == toset([output.cluster_security_group_id, output.node_security_group_id])
    )
    error_message = "The nodes must be in two security groups, the cluster's and their own, and the outputs must tell them apart."
  }
}

run "upgraded" {
  command = plan

  variables {
    kubernetes_version = "1.36"
  }

  assert {
    condition     = aws_eks_cluster.this.version == "1.36" && aws_eks_node_group.spot.version == "1.36"
    error_message = "An upgrade must take the control plane and the nodes along."
  }

  assert {
    condition     = toset(values(data.aws_eks_addon_version.default)[*].kubernetes_version) == toset(["1.36"])
    error_message = "An upgrade must ask for the add-ons of the new version."
  }
}

run "reached_from_the_office" {
  command = plan

  variables {
    cluster_public_access_cidrs = ["203.0.113.0/24"]
  }

  assert {
    condition = (
      aws_eks_cluster.this.vpc_config[0].endpoint_public_access &&
      aws_eks_cluster.this.vpc_config[0].endpoint_private_access &&
      aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["203.0.113.0/24"])
    )
    error_message = "The Kubernetes API must be reached from the office, and from the VPC as before."
  }
}

run "viewers" {
  command = plan

  variables {
    cluster_access = [
      { principal_arn = "arn:aws:iam::123456789012:role/support", access = "viewer" },
      { principal_arn = "arn:aws:iam::123456789012:role/platform", access = "admin" },
      { principal_arn = "arn:aws:iam::123456789012:role/board", access = "viewer", namespaces = ["board"] },
    ]
  }

  # EKS keeps one entry for each principal. An address that could change while
  # the principal stays would have it created beside the one that goes.
  assert {
    condition = alltrue([
      for resources in [aws_eks_access_entry.this, aws_eks_access_policy_association.this] :
      { for key, resource in resources : key => resource.principal_arn } == {
        for name in ["board", "platform", "support"] :
        "arn:aws:iam::123456789012:role/${name}" => "arn:aws:iam::123456789012:role/${name}"
      }
    ])
    error_message = "An access entry and its policy must be known by the principal, and by nothing that can be renamed or moved."
  }

  assert {
    condition = {
      for association in aws_eks_access_policy_association.this :
      reverse(split("/", association.principal_arn))[0] => [reverse(split("/", association.policy_arn))[0], association.access_scope[0].type]
      } == {
      platform = ["AmazonEKSClusterAdminPolicy", "cluster"]
      support  = ["AmazonEKSViewPolicy", "cluster"]
      board    = ["AmazonEKSViewPolicy", "namespace"]
    }
    error_message = "A viewer must see the whole cluster, or the namespaces that are named."
  }

  assert {
    condition     = aws_eks_access_policy_association.this["arn:aws:iam::123456789012:role/board"].access_scope[0].namespaces == toset(["board"])
    error_message = "A viewer of a namespace must see that one only."
  }
}

run "add_ons_held_at_a_version" {
  command = plan

  variables {
    addon_versions = { vpc-cni = "v1.21.1-eksbuild.3" }
  }

  assert {
    condition     = aws_eks_addon.vpc_cni.addon_version == "v1.21.1-eksbuild.3" && aws_eks_addon.coredns.addon_version == "v1.0.0-eksbuild.1"
    error_message = "What isn't held must follow AWS's default."
  }

  assert {
    condition     = !contains(keys(data.aws_eks_addon_version.default), "vpc-cni")
    error_message = "AWS must not be asked about an add-on that is held."
  }
}

run "without_an_admin" {
  command         = plan
  expect_failures = [check.cluster_has_an_admin]

  variables {
    cluster_access = [{ principal_arn = "arn:aws:iam::123456789012:role/support", access = "viewer" }]
  }
}

run "foundation_in_a_single_zone" {
  command         = plan
  expect_failures = [aws_eks_cluster.this]

  override_data {
    target = data.terraform_remote_state.foundation
    values = {
      outputs = {
        vpc_id             = "vpc-0123456789abcdef0"
        private_subnet_ids = ["subnet-a"]
        kms_key_arn        = "arn:aws:kms:ap-northeast-2:123456789012:key/6a1ff2bd-0a2b-4b7b-9c0e-000000000000"
      }
    }
  }
}

run "foundation_in_another_region" {
  command         = plan
  expect_failures = [aws_eks_cluster.this]

  variables {
    region = "us-east-1"
  }
}
