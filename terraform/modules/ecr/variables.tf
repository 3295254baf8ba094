variable "name" {
  description = "Name of the repository, namespaces included, such as prod/auth-service."
  type        = string
  nullable    = false

  validation {
    condition = (
      can(regex("^[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*$", var.name)) &&
      length(var.name) >= 2 &&
      length(var.name) <= 256
    )
    error_message = "name must be 2 to 256 characters: lower-case letters and digits, with single dots, dashes, underscores or slashes between them."
  }
}

variable "image_tag_mutability" {
  description = "Whether a tag can be moved to another image: IMMUTABLE or MUTABLE."
  type        = string
  default     = "IMMUTABLE"
  nullable    = false

  validation {
    condition     = contains(["IMMUTABLE", "MUTABLE"], var.image_tag_mutability)
    error_message = "image_tag_mutability must be IMMUTABLE or MUTABLE."
  }
}

variable "scan_on_push" {
  description = "Whether an image is scanned for vulnerabilities when it is pushed."
  type        = bool
  default     = true
  nullable    = false
}

variable "untagged_expiry_days" {
  description = "Days after which an untagged image is deleted."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.untagged_expiry_days >= 1 && floor(var.untagged_expiry_days) == var.untagged_expiry_days
    error_message = "untagged_expiry_days must be a whole number from 1 on."
  }
}

variable "max_image_count" {
  description = "Number of newest images that are kept."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.max_image_count >= 1 && floor(var.max_image_count) == var.max_image_count
    error_message = "max_image_count must be a whole number from 1 on."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the images. null leaves it to ECR's own encryption (AES-256)."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key, or null."
  }
}

variable "force_delete" {
  description = "Whether the repository can be deleted while it holds images."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags for the repository."
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
