output "key_arn" {
  description = "ARN of the key"
  value       = one(aws_kms_key.this[*].arn)
}

output "key_id" {
  description = "ID of the key"
  value       = one(aws_kms_key.this[*].key_id)
}

output "key_policy" {
  description = "Policy of the key"
  value       = one(aws_kms_key.this[*].policy)
}

output "aliases" {
  description = "The aliases and their attributes"
  value       = aws_kms_alias.this
}
