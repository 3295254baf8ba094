module "vpc" {
  source  = "terraform-aws-modules/vpc/aws"
  version = "~> 5.21"

  name = local.name
  cidr = var.vpc_cidr
  azs  = var.azs

  public_subnets   = var.public_subnet_cidrs
  private_subnets  = var.private_subnet_cidrs
  database_subnets = var.database_subnet_cidrs

  enable_dns_hostnames = true
  enable_dns_support   = true

  enable_nat_gateway     = true
  single_nat_gateway     = var.single_nat_gateway
  one_nat_gateway_per_az = !var.single_nat_gateway

  # The database subnets get route tables of their own holding the local route
  # only. Without one they would share the private tables and, through them,
  # the NAT gateway.
  create_database_subnet_route_table     = true
  create_database_nat_gateway_route      = false
  create_database_internet_gateway_route = false

  create_database_subnet_group = true
  database_subnet_group_name   = "${local.name}-database"

  # Off to save cost, as the foundation specification has it.
  enable_flow_log = false

  # How the AWS load balancer controller of a compute layer finds its subnets.
  public_subnet_tags  = { "kubernetes.io/role/elb" = "1" }
  private_subnet_tags = { "kubernetes.io/role/internal-elb" = "1" }
}

locals {
  # Keyed by zone, so that a rule's address never depends on an id that is
  # unknown until apply or on the order of a list.
  private_subnet_cidr_by_az = zipmap(var.azs, var.private_subnet_cidrs)
}
