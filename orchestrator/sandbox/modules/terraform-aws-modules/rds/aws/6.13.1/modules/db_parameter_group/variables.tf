variable "create" {
  description = "Whether the parameter group is created"
  type        = bool
  default     = true
}

variable "name" {
  description = "Name"
  type        = string
  default     = ""
}

variable "use_name_prefix" {
  description = "Whether the name is the prefix of a generated one"
  type        = bool
  default     = true
}

variable "description" {
  description = "Description"
  type        = string
  default     = null
}

variable "family" {
  description = "Parameter group family"
  type        = string
  default     = null
}

variable "parameters" {
  description = "Parameters: name, value and, optionally, apply_method"
  type        = list(map(string))
  default     = []
}

variable "skip_destroy" {
  description = "Whether the parameter group is left behind on destroy"
  type        = bool
  default     = null
}

variable "tags" {
  description = "Tags"
  type        = map(string)
  default     = {}
}
