output "db_subnet_group_id" {
  description = "Name of the subnet group"
  value       = one(aws_db_subnet_group.this[*].id)
}

output "db_subnet_group_arn" {
  description = "ARN of the subnet group"
  value       = one(aws_db_subnet_group.this[*].arn)
}
