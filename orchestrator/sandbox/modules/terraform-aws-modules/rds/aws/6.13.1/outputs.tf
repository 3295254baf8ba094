output "db_instance_address" {
  description = "Host name"
  value       = module.db_instance.db_instance_address
}

output "db_instance_arn" {
  description = "ARN"
  value       = module.db_instance.db_instance_arn
}

output "db_instance_availability_zone" {
  description = "Zone of the instance"
  value       = module.db_instance.db_instance_availability_zone
}

output "db_instance_endpoint" {
  description = "Endpoint as address:port"
  value       = module.db_instance.db_instance_endpoint
}

output "db_instance_engine" {
  description = "Engine"
  value       = module.db_instance.db_instance_engine
}

output "db_instance_engine_version_actual" {
  description = "Running version of the engine"
  value       = module.db_instance.db_instance_engine_version_actual
}

output "db_instance_hosted_zone_id" {
  description = "Route 53 hosted zone of the endpoint"
  value       = module.db_instance.db_instance_hosted_zone_id
}

output "db_instance_identifier" {
  description = "Name of the instance"
  value       = module.db_instance.db_instance_identifier
}

output "db_instance_resource_id" {
  description = "Resource ID of the instance"
  value       = module.db_instance.db_instance_resource_id
}

output "db_instance_status" {
  description = "Status"
  value       = module.db_instance.db_instance_status
}

output "db_instance_name" {
  description = "Name of the initial database"
  value       = module.db_instance.db_instance_name
}

output "db_instance_username" {
  description = "Master user name"
  value       = module.db_instance.db_instance_username
  sensitive   = true
}

output "db_instance_port" {
  description = "Port"
  value       = module.db_instance.db_instance_port
}

output "db_instance_ca_cert_identifier" {
  description = "Certificate authority of the server certificate"
  value       = module.db_instance.db_instance_ca_cert_identifier
}

output "db_instance_master_user_secret_arn" {
  description = "ARN of the secret that RDS manages"
  value       = module.db_instance.db_instance_master_user_secret_arn
}

output "db_instance_cloudwatch_log_groups" {
  description = "The log groups and their attributes"
  value       = module.db_instance.db_instance_cloudwatch_log_groups
}

output "db_subnet_group_id" {
  description = "Name of the subnet group"
  value       = module.db_subnet_group.db_subnet_group_id
}

output "db_subnet_group_arn" {
  description = "ARN of the subnet group"
  value       = module.db_subnet_group.db_subnet_group_arn
}

output "db_parameter_group_id" {
  description = "Name of the parameter group"
  value       = module.db_parameter_group.db_parameter_group_id
}

output "db_parameter_group_arn" {
  description = "ARN of the parameter group"
  value       = module.db_parameter_group.db_parameter_group_arn
}
