variable "create_vpc" {
  description = "Whether anything is created"
  type        = bool
  default     = true
}

variable "name" {
  description = "Name, and first part of all other names"
  type        = string
  default     = ""
}

variable "cidr" {
  description = "CIDR block"
  type        = string
  default     = "10.0.0.0/16"
}

variable "azs" {
  description = "Availability zones"
  type        = list(string)
  default     = []
}

variable "instance_tenancy" {
  description = "Tenancy of instances"
  type        = string
  default     = "default"
}

variable "enable_dns_hostnames" {
  description = "Whether instances get DNS host names"
  type        = bool
  default     = true
}

variable "enable_dns_support" {
  description = "Whether DNS works in the VPC"
  type        = bool
  default     = true
}

variable "enable_network_address_usage_metrics" {
  description = "Whether address usage is measured"
  type        = bool
  default     = null
}

variable "vpc_tags" {
  description = "Further tags for the VPC"
  type        = map(string)
  default     = {}
}

variable "tags" {
  description = "Tags for everything"
  type        = map(string)
  default     = {}
}

variable "enable_flow_log" {
  description = "Whether flow logs are on"
  type        = bool
  default     = false

  validation {
    condition     = !var.enable_flow_log
    error_message = "This stand-in module doesn't implement flow logs."
  }
}

variable "enable_ipv6" {
  description = "Whether the VPC has IPv6"
  type        = bool
  default     = false

  validation {
    condition     = !var.enable_ipv6
    error_message = "This stand-in module doesn't implement IPv6."
  }
}

################################################################################
# Public subnets
################################################################################

variable "public_subnets" {
  description = "CIDR blocks of the public subnets"
  type        = list(string)
  default     = []
}

variable "public_subnet_names" {
  description = "Names of the public subnets, in place of generated ones"
  type        = list(string)
  default     = []
}

variable "public_subnet_suffix" {
  description = "What the generated names of public subnets hold"
  type        = string
  default     = "public"
}

variable "public_subnet_tags" {
  description = "Further tags for the public subnets"
  type        = map(string)
  default     = {}
}

variable "public_subnet_tags_per_az" {
  description = "Further tags for the public subnets of a zone"
  type        = map(map(string))
  default     = {}
}

variable "public_route_table_tags" {
  description = "Further tags for the public route tables"
  type        = map(string)
  default     = {}
}

variable "map_public_ip_on_launch" {
  description = "Whether instances get a public address"
  type        = bool
  default     = false
}

variable "create_igw" {
  description = "Whether there is an internet gateway"
  type        = bool
  default     = true
}

variable "igw_tags" {
  description = "Further tags for the internet gateway"
  type        = map(string)
  default     = {}
}

################################################################################
# Private subnets
################################################################################

variable "private_subnets" {
  description = "CIDR blocks of the private subnets"
  type        = list(string)
  default     = []
}

variable "private_subnet_names" {
  description = "Names of the private subnets, in place of generated ones"
  type        = list(string)
  default     = []
}

variable "private_subnet_suffix" {
  description = "What the generated names of private subnets hold"
  type        = string
  default     = "private"
}

variable "private_subnet_tags" {
  description = "Further tags for the private subnets"
  type        = map(string)
  default     = {}
}

variable "private_subnet_tags_per_az" {
  description = "Further tags for the private subnets of a zone"
  type        = map(map(string))
  default     = {}
}

variable "private_route_table_tags" {
  description = "Further tags for the private route tables"
  type        = map(string)
  default     = {}
}

################################################################################
# Database subnets
################################################################################

variable "database_subnets" {
  description = "CIDR blocks of the database subnets"
  type        = list(string)
  default     = []
}

variable "database_subnet_names" {
  description = "Names of the database subnets, in place of generated ones"
  type        = list(string)
  default     = []
}

variable "database_subnet_suffix" {
  description = "What the generated names of database subnets hold"
  type        = string
  default     = "db"
}

variable "database_subnet_tags" {
  description = "Further tags for the database subnets"
  type        = map(string)
  default     = {}
}

variable "database_route_table_tags" {
  description = "Further tags for the database route tables"
  type        = map(string)
  default     = {}
}

variable "create_database_subnet_group" {
  description = "Whether a database subnet group is created"
  type        = bool
  default     = true
}

variable "database_subnet_group_name" {
  description = "Name of the database subnet group; null is the name of the VPC"
  type        = string
  default     = null
}

variable "database_subnet_group_tags" {
  description = "Further tags for the database subnet group"
  type        = map(string)
  default     = {}
}

variable "create_database_subnet_route_table" {
  description = "Whether the database subnets have route tables of their own"
  type        = bool
  default     = false
}

variable "create_database_nat_gateway_route" {
  description = "Whether those route tables lead to the NAT gateway"
  type        = bool
  default     = false
}

variable "create_database_internet_gateway_route" {
  description = "Whether those route tables lead to the internet gateway"
  type        = bool
  default     = false
}

################################################################################
# NAT gateways
################################################################################

variable "enable_nat_gateway" {
  description = "Whether there are NAT gateways"
  type        = bool
  default     = false
}

variable "single_nat_gateway" {
  description = "Whether there is one for all"
  type        = bool
  default     = false
}

variable "one_nat_gateway_per_az" {
  description = "Whether there is one for each zone, rather than for each subnet of the longest list"
  type        = bool
  default     = false
}

variable "create_private_nat_gateway_route" {
  description = "Whether the private route tables lead to the NAT gateways"
  type        = bool
  default     = true
}

variable "nat_gateway_tags" {
  description = "Further tags for the NAT gateways"
  type        = map(string)
  default     = {}
}

variable "nat_eip_tags" {
  description = "Further tags for their addresses"
  type        = map(string)
  default     = {}
}

################################################################################
# Defaults of the VPC
################################################################################

variable "manage_default_security_group" {
  description = "Whether the default security group is taken over and emptied"
  type        = bool
  default     = true
}

variable "default_security_group_name" {
  description = "Name tag of the default security group"
  type        = string
  default     = null
}

variable "default_security_group_tags" {
  description = "Further tags for the default security group"
  type        = map(string)
  default     = {}
}

variable "manage_default_network_acl" {
  description = "Whether the default network ACL is taken over"
  type        = bool
  default     = true
}

variable "default_network_acl_name" {
  description = "Name tag of the default network ACL"
  type        = string
  default     = null
}

variable "default_network_acl_tags" {
  description = "Further tags for the default network ACL"
  type        = map(string)
  default     = {}
}

variable "manage_default_route_table" {
  description = "Whether the default route table is taken over"
  type        = bool
  default     = true
}

variable "default_route_table_name" {
  description = "Name tag of the default route table"
  type        = string
  default     = null
}

variable "default_route_table_tags" {
  description = "Further tags for the default route table"
  type        = map(string)
  default     = {}
}
