variable "create" {
  description = "Whether anything is created"
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags for the key"
  type        = map(string)
  default     = {}
}

################################################################################
# Key
################################################################################

variable "description" {
  description = "Description of the key"
  type        = string
  default     = null
}

variable "key_usage" {
  description = "What the key is for; AWS takes null as ENCRYPT_DECRYPT"
  type        = string
  default     = null
}

variable "customer_master_key_spec" {
  description = "Kind of key; AWS takes null as SYMMETRIC_DEFAULT"
  type        = string
  default     = null
}

variable "is_enabled" {
  description = "Whether the key can be used; null is true"
  type        = bool
  default     = null
}

variable "multi_region" {
  description = "Whether the key is a multi-region key"
  type        = bool
  default     = false
}

variable "enable_key_rotation" {
  description = "Whether the key material rotates"
  type        = bool
  default     = true
}

variable "rotation_period_in_days" {
  description = "Days between rotations; null is a year"
  type        = number
  default     = null
}

variable "deletion_window_in_days" {
  description = "Days from deletion to the end of the key; null is 30"
  type        = number
  default     = null
}

variable "bypass_policy_lockout_safety_check" {
  description = "Whether a policy that locks its author out is accepted"
  type        = bool
  default     = null
}

################################################################################
# Policy
################################################################################

variable "policy" {
  description = "Complete policy document, in place of all that follows"
  type        = string
  default     = null
}

variable "enable_default_policy" {
  description = "Whether the account may do everything with the key"
  type        = bool
  default     = true
}

variable "key_owners" {
  description = "ARNs that may do everything with the key"
  type        = list(string)
  default     = []
}

variable "key_administrators" {
  description = "ARNs that may manage the key"
  type        = list(string)
  default     = []
}

variable "key_users" {
  description = "ARNs that may encrypt and decrypt with the key"
  type        = list(string)
  default     = []
}

variable "key_statements" {
  description = "Further policy statements by a name of choice"
  type        = any
  default     = {}
}

variable "source_policy_documents" {
  description = "Policy documents to start from"
  type        = list(string)
  default     = []
}

variable "override_policy_documents" {
  description = "Policy documents whose statements replace those with the same sid"
  type        = list(string)
  default     = []
}

################################################################################
# Alias
################################################################################

variable "aliases" {
  description = "Aliases, without the alias/ prefix"
  type        = list(string)
  default     = []
}

variable "computed_aliases" {
  description = "Aliases whose name attribute is only known at apply"
  type        = any
  default     = {}
}

variable "aliases_use_name_prefix" {
  description = "Whether aliases are prefixes of generated names"
  type        = bool
  default     = false
}
