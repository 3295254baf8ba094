# What variables.tf accepts. The runs plan tests/variables, which is nothing but
# variables.tf, so they need no provider and take milliseconds.

run "defaults_are_those_of_the_specification" {
  command = plan

  module {
    source = "./tests/variables"
  }

  assert {
    condition     = var.region == "ap-northeast-2"
    error_message = "The region must be that of prod/foundation."
  }

  assert {
    condition     = var.kubernetes_version == "1.35" && var.kubernetes_support_type == "EXTENDED"
    error_message = "Kubernetes must be 1.35 and not be upgraded by AWS."
  }

  assert {
    condition     = length(var.cluster_public_access_cidrs) == 0
    error_message = "The Kubernetes API must not be on the internet."
  }

  assert {
    condition     = length(var.cluster_access) == 0
    error_message = "Nobody may have access without being named."
  }

  assert {
    condition     = var.node_instance_types == tolist(["t3.medium", "t3a.medium", "t3.large", "t3a.large"])
    error_message = "The nodes must be t3.medium, t3a.medium, t3.large or t3a.large."
  }

  assert {
    condition     = var.node_min_size == 2 && var.node_desired_size == 3 && var.node_max_size == 6
    error_message = "There must be 2 to 6 nodes, and 3 to start with."
  }

  assert {
    condition     = var.node_disk_size == 50
    error_message = "A node must have a disk of 50 GB."
  }

  assert {
    condition     = var.cluster_log_retention_days == 30
    error_message = "The logs of the control plane must be kept for 30 days."
  }

  assert {
    condition     = length(var.addon_versions) == 0 && var.node_ami_release_version == null
    error_message = "Add-ons and images must be AWS's defaults."
  }
}

################################################################################
# Accepted
################################################################################

run "another_region_and_no_tags" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    region = "us-gov-west-1"
    tags   = null
  }
}

run "an_office_and_a_bastion_reach_the_api" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_public_access_cidrs = ["203.0.113.0/24", "198.51.100.7/32", "172.15.0.0/16", "11.0.0.0/16"]
  }
}

run "roles_users_and_single_sign_on_get_access" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_access = [
      { principal_arn = "arn:aws:iam::123456789012:role/platform", access = "admin" },
      { principal_arn = "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/ap-northeast-2/AWSReservedSSO_Developers_0123456789abcdef", access = "viewer" },
      { principal_arn = "arn:aws:iam::123456789012:user/on.call@wealist.co.kr", access = "viewer", namespaces = ["board", "chat-2"] },
    ]
  }
}

run "larger_nodes_and_more_of_them" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    node_instance_types      = ["m7i-flex.large", "m7i.2xlarge", "m5.metal", "m7i.metal-24xl", "g5.xlarge"]
    node_min_size            = 3
    node_desired_size        = 3
    node_max_size            = 450
    node_disk_size           = 16384
    node_ami_release_version = "1.35.2-20260415"
  }
}

run "an_upgrade_with_add_ons_held_back" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    kubernetes_version      = "1.36"
    kubernetes_support_type = "STANDARD"
    addon_versions          = { kube-proxy = "v1.33.10-eksbuild.2", vpc-cni = "v1.21.1-eksbuild.3" }
  }
}

################################################################################
# General: rejected
################################################################################

run "region_that_is_none" {
  command         = plan
  expect_failures = [var.region]

  module {
    source = "./tests/variables"
  }

  variables {
    region = "seoul"
  }
}

run "tag_key_that_aws_reserves" {
  command         = plan
  expect_failures = [var.tags]

  module {
    source = "./tests/variables"
  }

  variables {
    tags = { "aws:owner" = "platform" }
  }
}

run "tag_value_that_is_too_long" {
  command         = plan
  expect_failures = [var.tags]

  module {
    source = "./tests/variables"
  }

  variables {
    tags = { owner = join("", [for _ in range(257) : "x"]) }
  }
}

################################################################################
# Cluster: rejected
################################################################################

run "kubernetes_patch_release" {
  command         = plan
  expect_failures = [var.kubernetes_version]

  module {
    source = "./tests/variables"
  }

  variables {
    kubernetes_version = "1.35.2"
  }
}

run "kubernetes_before_the_oldest" {
  command         = plan
  expect_failures = [var.kubernetes_version]

  module {
    source = "./tests/variables"
  }

  variables {
    kubernetes_version = "1.32"
  }
}

run "kubernetes_of_another_major" {
  command         = plan
  expect_failures = [var.kubernetes_version]

  module {
    source = "./tests/variables"
  }

  variables {
    kubernetes_version = "2.35"
  }
}

run "kubernetes_that_is_no_version" {
  command         = plan
  expect_failures = [var.kubernetes_version]

  module {
    source = "./tests/variables"
  }

  variables {
    kubernetes_version = "latest"
  }
}

run "support_type_that_is_none" {
  command         = plan
  expect_failures = [var.kubernetes_support_type]

  module {
    source = "./tests/variables"
  }

  variables {
    kubernetes_support_type = "extended"
  }
}

run "api_for_the_whole_internet" {
  command         = plan
  expect_failures = [var.cluster_public_access_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_public_access_cidrs = ["0.0.0.0/0"]
  }
}

run "api_for_half_of_the_internet" {
  command         = plan
  expect_failures = [var.cluster_public_access_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_public_access_cidrs = ["128.0.0.0/1"]
  }
}

run "api_for_more_than_a_network" {
  command         = plan
  expect_failures = [var.cluster_public_access_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_public_access_cidrs = ["203.0.0.0/15"]
  }
}

run "api_for_a_block_with_host_bits" {
  command         = plan
  expect_failures = [var.cluster_public_access_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_public_access_cidrs = ["203.0.113.5/24"]
  }
}

run "api_for_an_address_without_prefix" {
  command         = plan
  expect_failures = [var.cluster_public_access_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_public_access_cidrs = ["203.0.113.5"]
  }
}

run "api_for_an_ipv6_block" {
  command         = plan
  expect_failures = [var.cluster_public_access_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_public_access_cidrs = ["2001:db8::/32"]
  }
}

run "api_for_the_private_network" {
  command         = plan
  expect_failures = [var.cluster_public_access_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_public_access_cidrs = ["10.0.0.0/16"]
  }
}

run "api_for_a_private_block_in_the_middle" {
  command         = plan
  expect_failures = [var.cluster_public_access_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_public_access_cidrs = ["172.31.255.0/24"]
  }
}

run "api_for_link_local_addresses" {
  command         = plan
  expect_failures = [var.cluster_public_access_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_public_access_cidrs = ["169.254.0.0/16"]
  }
}

run "api_for_shared_addresses" {
  command         = plan
  expect_failures = [var.cluster_public_access_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_public_access_cidrs = ["100.127.0.0/16"]
  }
}

run "api_for_multicast" {
  command         = plan
  expect_failures = [var.cluster_public_access_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_public_access_cidrs = ["239.1.1.1/32"]
  }
}

run "api_for_the_same_block_twice" {
  command         = plan
  expect_failures = [var.cluster_public_access_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_public_access_cidrs = ["203.0.113.0/24", "203.0.113.0/24"]
  }
}

run "api_for_more_blocks_than_eks_takes" {
  command         = plan
  expect_failures = [var.cluster_public_access_cidrs]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_public_access_cidrs = [for n in range(41) : "203.0.113.${n}/32"]
  }
}

run "logs_kept_for_ever" {
  command         = plan
  expect_failures = [var.cluster_log_retention_days]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_log_retention_days = 0
  }
}

run "logs_kept_for_days_that_cloudwatch_lacks" {
  command         = plan
  expect_failures = [var.cluster_log_retention_days]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_log_retention_days = 31
  }
}

run "access_for_the_root_of_the_account" {
  command         = plan
  expect_failures = [var.cluster_access]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_access = [{ principal_arn = "arn:aws:iam::123456789012:root", access = "admin" }]
  }
}

run "access_for_a_session" {
  command         = plan
  expect_failures = [var.cluster_access]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_access = [{ principal_arn = "arn:aws:sts::123456789012:assumed-role/platform/alice", access = "admin" }]
  }
}

run "access_for_everybody" {
  command         = plan
  expect_failures = [var.cluster_access]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_access = [{ principal_arn = "arn:aws:iam::123456789012:role/*", access = "admin" }]
  }
}

run "access_for_a_name" {
  command         = plan
  expect_failures = [var.cluster_access]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_access = [{ principal_arn = "platform", access = "admin" }]
  }
}

run "access_for_nobody" {
  command         = plan
  expect_failures = [var.cluster_access]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_access = [{ principal_arn = null, access = "admin" }]
  }
}

run "access_of_a_kind_that_is_none" {
  command         = plan
  expect_failures = [var.cluster_access]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_access = [{ principal_arn = "arn:aws:iam::123456789012:role/platform", access = "superuser" }]
  }
}

run "admin_of_a_namespace" {
  command         = plan
  expect_failures = [var.cluster_access]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_access = [{ principal_arn = "arn:aws:iam::123456789012:role/platform", access = "admin", namespaces = ["board"] }]
  }
}

run "viewer_of_a_namespace_that_is_none" {
  command         = plan
  expect_failures = [var.cluster_access]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_access = [{ principal_arn = "arn:aws:iam::123456789012:role/platform", access = "viewer", namespaces = ["Board_*"] }]
  }
}

run "access_for_the_same_principal_twice" {
  command         = plan
  expect_failures = [var.cluster_access]

  module {
    source = "./tests/variables"
  }

  variables {
    cluster_access = [
      { principal_arn = "arn:aws:iam::123456789012:role/platform", access = "admin" },
      { principal_arn = "arn:aws:iam::123456789012:role/platform", access = "viewer" },
    ]
  }
}

################################################################################
# Nodes: rejected
################################################################################

run "a_single_instance_type" {
  command         = plan
  expect_failures = [var.node_instance_types]

  module {
    source = "./tests/variables"
  }

  variables {
    node_instance_types = ["t3.medium"]
  }
}

run "an_instance_type_twice" {
  command         = plan
  expect_failures = [var.node_instance_types]

  module {
    source = "./tests/variables"
  }

  variables {
    node_instance_types = ["t3.medium", "t3.medium"]
  }
}

run "instance_types_for_graviton" {
  command         = plan
  expect_failures = [var.node_instance_types]

  module {
    source = "./tests/variables"
  }

  variables {
    node_instance_types = ["t4g.medium", "m7gd.large"]
  }
}

run "an_instance_type_for_graviton_with_an_accelerator" {
  command         = plan
  expect_failures = [var.node_instance_types]

  module {
    source = "./tests/variables"
  }

  variables {
    node_instance_types = ["t3.large", "g5g.xlarge"]
  }
}

run "instance_types_that_are_too_small" {
  command         = plan
  expect_failures = [var.node_instance_types]

  module {
    source = "./tests/variables"
  }

  variables {
    node_instance_types = ["t3.micro", "t3.small"]
  }
}

run "an_instance_class_of_rds" {
  command         = plan
  expect_failures = [var.node_instance_types]

  module {
    source = "./tests/variables"
  }

  variables {
    node_instance_types = ["db.t4g.small", "t3.large"]
  }
}

run "more_instance_types_than_a_group_takes" {
  command         = plan
  expect_failures = [var.node_instance_types]

  module {
    source = "./tests/variables"
  }

  variables {
    node_instance_types = [for n in range(21) : "m${n + 1}.large"]
  }
}

run "no_node_at_all" {
  command         = plan
  expect_failures = [var.node_min_size]

  module {
    source = "./tests/variables"
  }

  variables {
    node_min_size = 0
  }
}

run "part_of_a_node_at_least" {
  command         = plan
  expect_failures = [var.node_min_size]

  module {
    source = "./tests/variables"
  }

  variables {
    node_min_size = 1.5
  }
}

run "fewer_nodes_than_the_minimum" {
  command         = plan
  expect_failures = [var.node_desired_size]

  module {
    source = "./tests/variables"
  }

  variables {
    node_desired_size = 1
  }
}

run "more_nodes_than_the_maximum" {
  command         = plan
  expect_failures = [var.node_desired_size]

  module {
    source = "./tests/variables"
  }

  variables {
    node_desired_size = 7
  }
}

run "part_of_a_node" {
  command         = plan
  expect_failures = [var.node_desired_size]

  module {
    source = "./tests/variables"
  }

  variables {
    node_desired_size = 2.5
  }
}

run "more_nodes_than_a_group_takes" {
  command         = plan
  expect_failures = [var.node_max_size]

  module {
    source = "./tests/variables"
  }

  variables {
    node_max_size = 451
  }
}

run "disk_that_is_too_small" {
  command         = plan
  expect_failures = [var.node_disk_size]

  module {
    source = "./tests/variables"
  }

  variables {
    node_disk_size = 19
  }
}

run "disk_that_is_larger_than_gp3" {
  command         = plan
  expect_failures = [var.node_disk_size]

  module {
    source = "./tests/variables"
  }

  variables {
    node_disk_size = 16385
  }
}

run "disk_of_part_of_a_gigabyte" {
  command         = plan
  expect_failures = [var.node_disk_size]

  module {
    source = "./tests/variables"
  }

  variables {
    node_disk_size = 50.5
  }
}

run "image_for_another_kubernetes" {
  command         = plan
  expect_failures = [var.node_ami_release_version]

  module {
    source = "./tests/variables"
  }

  variables {
    node_ami_release_version = "1.34.2-20260415"
  }
}

run "image_without_a_date" {
  command         = plan
  expect_failures = [var.node_ami_release_version]

  module {
    source = "./tests/variables"
  }

  variables {
    node_ami_release_version = "1.35.2"
  }
}

run "image_by_its_id" {
  command         = plan
  expect_failures = [var.node_ami_release_version]

  module {
    source = "./tests/variables"
  }

  variables {
    node_ami_release_version = "ami-0123456789abcdef0"
  }
}

################################################################################
# Add-ons: rejected
################################################################################

run "add_on_that_is_not_ours" {
  command         = plan
  expect_failures = [var.addon_versions]

  module {
    source = "./tests/variables"
  }

  variables {
    addon_versions = { aws-ebs-csi-driver = "v1.44.0-eksbuild.1" }
  }
}

run "add_on_version_without_a_build" {
  command         = plan
  expect_failures = [var.addon_versions]

  module {
    source = "./tests/variables"
  }

  variables {
    addon_versions = { vpc-cni = "1.21.1" }
  }
}

run "kube_proxy_newer_than_kubernetes" {
  command         = plan
  expect_failures = [var.addon_versions]

  module {
    source = "./tests/variables"
  }

  variables {
    addon_versions = { kube-proxy = "v1.36.0-eksbuild.2" }
  }
}

run "kube_proxy_too_old_for_kubernetes" {
  command         = plan
  expect_failures = [var.addon_versions]

  module {
    source = "./tests/variables"
  }

  variables {
    addon_versions = { kube-proxy = "v1.31.14-eksbuild.9" }
  }
}
