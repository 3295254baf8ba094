output "vpc_id" {
  description = "ID of the VPC"
  value       = one(aws_vpc.this[*].id)
}

output "vpc_arn" {
  description = "ARN of the VPC"
  value       = one(aws_vpc.this[*].arn)
}

output "vpc_cidr_block" {
  description = "CIDR block of the VPC"
  value       = one(aws_vpc.this[*].cidr_block)
}

output "vpc_owner_id" {
  description = "Account that owns the VPC"
  value       = one(aws_vpc.this[*].owner_id)
}

output "vpc_main_route_table_id" {
  description = "ID of the main route table"
  value       = one(aws_vpc.this[*].main_route_table_id)
}

output "default_security_group_id" {
  description = "ID of the default security group"
  value       = one(aws_vpc.this[*].default_security_group_id)
}

output "default_network_acl_id" {
  description = "ID of the default network ACL"
  value       = one(aws_vpc.this[*].default_network_acl_id)
}

output "default_route_table_id" {
  description = "ID of the default route table"
  value       = one(aws_vpc.this[*].default_route_table_id)
}

output "name" {
  description = "Name of the VPC"
  value       = var.name
}

output "azs" {
  description = "Availability zones"
  value       = var.azs
}

output "igw_id" {
  description = "ID of the internet gateway"
  value       = one(aws_internet_gateway.this[*].id)
}

output "igw_arn" {
  description = "ARN of the internet gateway"
  value       = one(aws_internet_gateway.this[*].arn)
}

output "public_subnets" {
  description = "IDs of the public subnets"
  value       = aws_subnet.public[*].id
}

output "public_subnet_arns" {
  description = "ARNs of the public subnets"
  value       = aws_subnet.public[*].arn
}

output "public_subnet_objects" {
  description = "The public subnets and their attributes"
  value       = aws_subnet.public
}

output "public_subnets_cidr_blocks" {
  description = "CIDR blocks of the public subnets"
  value       = compact(aws_subnet.public[*].cidr_block)
}

output "public_route_table_ids" {
  description = "IDs of the route tables of the public subnets"
  value       = aws_route_table.public[*].id
}

output "public_route_table_association_ids" {
  description = "IDs of the route table associations of the public subnets"
  value       = aws_route_table_association.public[*].id
}

output "private_subnets" {
  description = "IDs of the private subnets"
  value       = aws_subnet.private[*].id
}

output "private_subnet_arns" {
  description = "ARNs of the private subnets"
  value       = aws_subnet.private[*].arn
}

output "private_subnet_objects" {
  description = "The private subnets and their attributes"
  value       = aws_subnet.private
}

output "private_subnets_cidr_blocks" {
  description = "CIDR blocks of the private subnets"
  value       = compact(aws_subnet.private[*].cidr_block)
}

output "private_route_table_ids" {
  description = "IDs of the route tables of the private subnets"
  value       = aws_route_table.private[*].id
}

output "private_route_table_association_ids" {
  description = "IDs of the route table associations of the private subnets"
  value       = aws_route_table_association.private[*].id
}

output "database_subnets" {
  description = "IDs of the database subnets"
  value       = aws_subnet.database[*].id
}

output "database_subnet_arns" {
  description = "ARNs of the database subnets"
  value       = aws_subnet.database[*].arn
}

output "database_subnet_objects" {
  description = "The database subnets and their attributes"
  value       = aws_subnet.database
}

output "database_subnets_cidr_blocks" {
  description = "CIDR blocks of the database subnets"
  value       = compact(aws_subnet.database[*].cidr_block)
}

output "database_route_table_ids" {
  description = "IDs of the route tables of the database subnets"
  value       = local.create_database_route_table ? aws_route_table.database[*].id : aws_route_table.private[*].id
}

output "database_route_table_association_ids" {
  description = "IDs of the route table associations of the database subnets"
  value       = aws_route_table_association.database[*].id
}

output "public_internet_gateway_route_id" {
  description = "ID of the route from the public subnets to the internet gateway"
  value       = one(aws_route.public_internet_gateway[*].id)
}

output "private_nat_gateway_route_ids" {
  description = "IDs of the routes from the private subnets to the NAT gateways"
  value       = aws_route.private_nat_gateway[*].id
}

output "database_internet_gateway_route_id" {
  description = "ID of the route from the database subnets to the internet gateway"
  value       = one(aws_route.database_internet_gateway[*].id)
}

output "database_nat_gateway_route_ids" {
  description = "IDs of the routes from the database subnets to the NAT gateways"
  value       = aws_route.database_nat_gateway[*].id
}

output "database_subnet_group" {
  description = "ID of the database subnet group"
  value       = one(aws_db_subnet_group.database[*].id)
}

output "database_subnet_group_name" {
  description = "Name of the database subnet group"
  value       = one(aws_db_subnet_group.database[*].name)
}

output "nat_ids" {
  description = "IDs of the addresses of the NAT gateways"
  value       = aws_eip.nat[*].id
}

output "nat_public_ips" {
  description = "Addresses of the NAT gateways"
  value       = aws_eip.nat[*].public_ip
}

output "natgw_ids" {
  description = "IDs of the NAT gateways"
  value       = aws_nat_gateway.this[*].id
}

output "natgw_interface_ids" {
  description = "IDs of the network interfaces of the NAT gateways"
  value       = aws_nat_gateway.this[*].network_interface_id
}
