output "db_instance_address" {
  description = "Host name"
  value       = one(aws_db_instance.this[*].address)
}

output "db_instance_arn" {
  description = "ARN"
  value       = one(aws_db_instance.this[*].arn)
}

output "db_instance_availability_zone" {
  description = "Zone of the instance"
  value       = one(aws_db_instance.this[*].availability_zone)
}

output "db_instance_endpoint" {
  description = "Endpoint as address:port"
  value       = one(aws_db_instance.this[*].endpoint)
}

output "db_instance_engine" {
  description = "Engine"
  value       = one(aws_db_instance.this[*].engine)
}

output "db_instance_engine_version_actual" {
  description = "Running version of the engine"
  value       = one(aws_db_instance.this[*].engine_version_actual)
}

output "db_instance_hosted_zone_id" {
  description = "Route 53 hosted zone of the endpoint"
  value       = one(aws_db_instance.this[*].hosted_zone_id)
}

output "db_instance_identifier" {
  description = "Name of the instance"
  value       = one(aws_db_instance.this[*].identifier)
}

output "db_instance_resource_id" {
  description = "Resource ID of the instance"
  value       = one(aws_db_instance.this[*].resource_id)
}

output "db_instance_status" {
  description = "Status"
  value       = one(aws_db_instance.this[*].status)
}

output "db_instance_name" {
  description = "Name of the initial database"
  value       = one(aws_db_instance.this[*].db_name)
}

output "db_instance_username" {
  description = "Master user name"
  value       = one(aws_db_instance.this[*].username)
  sensitive   = true
}

output "db_instance_port" {
  description = "Port"
  value       = one(aws_db_instance.this[*].port)
}

output "db_instance_ca_cert_identifier" {
  description = "Certificate authority of the server certificate"
  value       = one(aws_db_instance.this[*].ca_cert_identifier)
}

output "db_instance_master_user_secret_arn" {
  description = "ARN of the secret that RDS manages"
  value       = try(aws_db_instance.this[0].master_user_secret[0].secret_arn, null)
}

output "db_instance_cloudwatch_log_groups" {
  description = "The log groups and their attributes"
  value       = aws_cloudwatch_log_group.this
}
