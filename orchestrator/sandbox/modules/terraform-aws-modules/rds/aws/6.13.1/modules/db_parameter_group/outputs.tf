output "db_parameter_group_id" {
  description = "Name of the parameter group"
  value       = one(aws_db_parameter_group.this[*].id)
}

output "db_parameter_group_arn" {
  description = "ARN of the parameter group"
  value       = one(aws_db_parameter_group.this[*].arn)
}
