variable "create" {
  description = "Whether the subnet group is created"
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

variable "subnet_ids" {
  description = "Subnets"
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags"
  type        = map(string)
  default     = {}
}
