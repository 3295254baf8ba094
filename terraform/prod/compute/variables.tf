################################################################################
# General
################################################################################

variable "region" {
  description = "AWS region of every resource in this layer. It must be that of prod/foundation."
  type        = string
  default     = "ap-northeast-2"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS region, such as ap-northeast-2."
  }
}

variable "tags" {
  description = "Tags for every resource, besides those of the layer, which win over these."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for key, value in var.tags :
      length(key) >= 1 && length(key) <= 128 && length(value) <= 256 && !startswith(lower(key), "aws:")
    ])
    error_message = "tags must have keys of 1 to 128 characters that don't start with aws:, and values of at most 256 characters."
  }
}

################################################################################
# Cluster
################################################################################

variable "kubernetes_version" {
  description = "Kubernetes version of the control plane and the nodes, as major.minor. It can be raised by one at a time and not lowered."
  type        = string
  default     = "1.35"
  nullable    = false

  validation {
    condition     = try(can(regex("^1\\.[0-9]{2}$", var.kubernetes_version)) && tonumber(split(".", var.kubernetes_version)[1]) >= 33, false)
    error_message = "kubernetes_version must be a Kubernetes version from 1.33 on as major.minor, such as 1.35."
  }
}

variable "kubernetes_support_type" {
  description = "What happens at the end of standard support, 14 months after a version's release: EXTENDED keeps the version for another year and costs more, STANDARD lets AWS upgrade the control plane."
  type        = string
  default     = "EXTENDED"
  nullable    = false

  validation {
    condition     = contains(["EXTENDED", "STANDARD"], var.kubernetes_support_type)
    error_message = "kubernetes_support_type must be EXTENDED or STANDARD."
  }
}

variable "cluster_public_access_cidrs" {
  description = "Public IPv4 CIDR blocks that may reach the Kubernetes API from the internet. Without any, it can be reached from the VPC only."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for cidr in var.cluster_public_access_cidrs :
      try(
        cidrhost(cidr, 0) == split("/", cidr)[0] &&
        can(cidrnetmask(cidr)) &&
        tonumber(split("/", cidr)[1]) >= 16,
        false,
      )
    ])
    error_message = "cluster_public_access_cidrs must be IPv4 CIDR blocks of /16 or smaller with no host bits set, such as 203.0.113.5/32."
  }

  # A block reaches into a reserved one when they are the same network at the
  # prefix of the reserved one, which is never the longer of the two: see above.
  validation {
    condition = alltrue([
      for pair in setproduct(var.cluster_public_access_cidrs, [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3",
      ]) :
      try(cidrhost("${split("/", pair[0])[0]}/${split("/", pair[1])[1]}", 0) != split("/", pair[1])[0], false)
    ])
    error_message = "cluster_public_access_cidrs must hold public addresses only: EKS refuses private and reserved ones, and the VPC reaches the API anyway."
  }

  validation {
    condition = (
      length(distinct(var.cluster_public_access_cidrs)) == length(var.cluster_public_access_cidrs) &&
      length(var.cluster_public_access_cidrs) <= 40
    )
    error_message = "cluster_public_access_cidrs must hold at most 40 blocks, each once."
  }
}

variable "cluster_log_retention_days" {
  description = "Days for which the logs of the control plane are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.cluster_log_retention_days,
    )
    error_message = "cluster_log_retention_days must be a number of days that CloudWatch offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "cluster_access" {
  description = "Who may use the Kubernetes API, in any order: the ARN of an IAM role or user, and admin, who may do everything, or viewer, who may read all but Secrets, in the given namespaces or in all."
  type = list(object({
    principal_arn = string
    access        = string
    namespaces    = optional(set(string), [])
  }))
  default  = []
  nullable = false

  validation {
    condition = alltrue([
      for entry in var.cluster_access :
      can(regex("^arn:aws(-[a-z]+)*:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=,.@_/-]+$", entry.principal_arn))
    ])
    error_message = "Each principal_arn in cluster_access must be the ARN of an IAM role or user, such as arn:aws:iam::123456789012:role/platform. EKS takes neither the account's root nor an assumed-role session."
  }

  validation {
    condition     = length(distinct(var.cluster_access[*].principal_arn)) == length(var.cluster_access)
    error_message = "cluster_access must name each principal once: EKS keeps one entry for each."
  }

  validation {
    condition     = alltrue([for entry in var.cluster_access : contains(["admin", "viewer"], entry.access)])
    error_message = "Each access in cluster_access must be admin or viewer."
  }

  validation {
    condition = alltrue([
      for entry in var.cluster_access :
      length(entry.namespaces) == 0 || (
        entry.access == "viewer" &&
        alltrue([for namespace in entry.namespaces : can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", namespace))])
      )
    ])
    error_message = "The namespaces in cluster_access must be names of Kubernetes namespaces, and go with viewer only: an admin is admin of the whole cluster."
  }
}

################################################################################
# Nodes
################################################################################

variable "node_instance_types" {
  description = "Instance types that the nodes may be. Changing them replaces the node group, the new one first."
  type        = list(string)
  default     = ["t3.medium", "t3a.medium", "t3.large", "t3a.large"]
  nullable    = false

  validation {
    condition = (
      length(var.node_instance_types) >= 2 &&
      length(var.node_instance_types) <= 20 &&
      length(distinct(var.node_instance_types)) == length(var.node_instance_types)
    )
    error_message = "node_instance_types must hold 2 to 20 types, each once: a Spot group with one type alone loses its nodes together."
  }

  validation {
    condition = alltrue([
      for type in var.node_instance_types :
      can(regex("^[a-z]+[0-9]+[a-z0-9-]*\\.(medium|large|[0-9]*xlarge|metal(-[0-9]+xl)?)$", type))
    ])
    error_message = "node_instance_types must be EC2 instance types from medium on, such as t3.large. Smaller ones have too few addresses for pods."
  }

  # Graviton families have a g behind the generation: t4g, m7gd, c7gn.
  validation {
    condition     = alltrue([for type in var.node_instance_types : !can(regex("^[a-z]+[0-9]+[a-z]*g[a-z]*\\.", type))])
    error_message = "node_instance_types must be x86 types: the nodes' image isn't made for Graviton."
  }
}

variable "node_min_size" {
  description = "Number of nodes below which the group never goes."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.node_min_size >= 1 && floor(var.node_min_size) == var.node_min_size
    error_message = "node_min_size must be a whole number from 1 on: with no node at all DNS in the cluster is down."
  }
}

variable "node_desired_size" {
  description = "Number of nodes that the group starts with. Later it belongs to the autoscaler, and this is ignored."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = floor(var.node_desired_size) == var.node_desired_size
    error_message = "node_desired_size must be a whole number."
  }

  validation {
    condition     = var.node_desired_size >= var.node_min_size && var.node_desired_size <= var.node_max_size
    error_message = "node_desired_size must be between node_min_size (${var.node_min_size}) and node_max_size (${var.node_max_size})."
  }
}

variable "node_max_size" {
  description = "Number of nodes above which the group never goes."
  type        = number
  default     = 6
  nullable    = false

  validation {
    condition = (
      var.node_max_size >= var.node_min_size &&
      var.node_max_size <= 450 &&
      floor(var.node_max_size) == var.node_max_size
    )
    error_message = "node_max_size must be a whole number from node_min_size (${var.node_min_size}) to 450, which is EKS's limit for a group."
  }
}

variable "node_disk_size" {
  description = "Size of a node's disk, in GB. Changing it rolls the nodes."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.node_disk_size >= 20 && var.node_disk_size <= 16384 && floor(var.node_disk_size) == var.node_disk_size
    error_message = "node_disk_size must be a whole number from 20 to 16384 GB: the image alone takes a few, and 16384 is the most that gp3 has."
  }
}

variable "node_ami_release_version" {
  description = "Release of EKS's Amazon Linux 2023 image that the nodes run, such as 1.35.2-20260415. null takes the latest one when the group is created or its Kubernetes version changes, and keeps it."
  type        = string
  default     = null

  validation {
    condition = var.node_ami_release_version == null || try(
      can(regex("^1\\.[0-9]{2}\\.[0-9]{1,2}-20[0-9]{6}$", var.node_ami_release_version)) &&
      startswith(var.node_ami_release_version, "${var.kubernetes_version}."),
      false,
    )
    error_message = "node_ami_release_version must be a release for Kubernetes ${var.kubernetes_version}, written as ${var.kubernetes_version}.<patch>-<date>, such as ${var.kubernetes_version}.2-20260415."
  }
}

################################################################################
# Add-ons
################################################################################

variable "addon_versions" {
  description = "Versions to hold add-ons at: vpc-cni, kube-proxy, coredns, eks-pod-identity-agent. One that isn't named follows AWS's default for the Kubernetes version."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.addon_versions), ["coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni"])) == 0
    error_message = "addon_versions may name coredns, eks-pod-identity-agent, kube-proxy and vpc-cni only."
  }

  validation {
    condition = alltrue([
      for version in values(var.addon_versions) : can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+-eksbuild\\.[0-9]+$", version))
    ])
    error_message = "addon_versions must hold versions of EKS add-ons, such as v1.21.1-eksbuild.3. \"aws eks describe-addon-versions\" lists them."
  }

  # Kubernetes' version skew policy.
  validation {
    condition = try(
      tonumber(split(".", var.addon_versions["kube-proxy"])[1]) <= tonumber(split(".", var.kubernetes_version)[1]) &&
      tonumber(split(".", var.addon_versions["kube-proxy"])[1]) >= tonumber(split(".", var.kubernetes_version)[1]) - 3,
      true,
    )
    error_message = "kube-proxy in addon_versions must not be newer than Kubernetes ${var.kubernetes_version}, nor more than three versions older."
  }
}
