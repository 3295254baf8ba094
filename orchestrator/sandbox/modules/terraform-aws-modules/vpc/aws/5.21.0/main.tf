# Stand-in for terraform-aws-modules/vpc/aws 5.21.0, for machines that can't
# reach the public registry. It covers an IPv4 VPC of public, private and
# database subnets with NAT, with the inputs, outputs and resource addresses of
# the original. Inputs that it doesn't implement are absent, or refuse every
# value but their default, so that using one is an error.

locals {
  create_public   = var.create_vpc && length(var.public_subnets) > 0
  create_private  = var.create_vpc && length(var.private_subnets) > 0
  create_database = var.create_vpc && length(var.database_subnets) > 0

  longest_subnet_list = max(length(var.public_subnets), length(var.private_subnets), length(var.database_subnets))
  nat_gateway_count   = var.single_nat_gateway ? 1 : var.one_nat_gateway_per_az ? length(var.azs) : local.longest_subnet_list

  # One private route table for each NAT gateway, even where none is created.
  private_route_table_count = local.create_private ? local.nat_gateway_count : 0

  create_database_route_table = local.create_database && var.create_database_subnet_route_table
  share_database_route_table  = var.single_nat_gateway || var.create_database_internet_gateway_route
  database_route_table_count  = local.create_database_route_table ? (local.share_database_route_table ? 1 : length(var.database_subnets)) : 0
}

resource "aws_vpc" "this" {
  count = var.create_vpc ? 1 : 0

  cidr_block                           = var.cidr
  instance_tenancy                     = var.instance_tenancy
  enable_dns_hostnames                 = var.enable_dns_hostnames
  enable_dns_support                   = var.enable_dns_support
  enable_network_address_usage_metrics = var.enable_network_address_usage_metrics

  tags = merge({ Name = var.name }, var.tags, var.vpc_tags)
}

################################################################################
# Public subnets
################################################################################

resource "aws_subnet" "public" {
  count = local.create_public && (!var.one_nat_gateway_per_az || length(var.public_subnets) >= length(var.azs)) ? length(var.public_subnets) : 0

  vpc_id                  = aws_vpc.this[0].id
  cidr_block              = var.public_subnets[count.index]
  availability_zone       = element(var.azs, count.index)
  map_public_ip_on_launch = var.map_public_ip_on_launch

  tags = merge(
    { Name = try(var.public_subnet_names[count.index], "${var.name}-${var.public_subnet_suffix}-${element(var.azs, count.index)}") },
    var.tags,
    var.public_subnet_tags,
    lookup(var.public_subnet_tags_per_az, element(var.azs, count.index), {}),
  )
}

resource "aws_internet_gateway" "this" {
  count = local.create_public && var.create_igw ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  tags = merge({ Name = var.name }, var.tags, var.igw_tags)
}

resource "aws_route_table" "public" {
  count = local.create_public ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  tags = merge({ Name = "${var.name}-${var.public_subnet_suffix}" }, var.tags, var.public_route_table_tags)
}

resource "aws_route_table_association" "public" {
  count = local.create_public ? length(var.public_subnets) : 0

  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_route" "public_internet_gateway" {
  count = local.create_public && var.create_igw ? 1 : 0

  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id

  timeouts {
    create = "5m"
  }
}

################################################################################
# Private subnets
################################################################################

resource "aws_subnet" "private" {
  count = local.create_private ? length(var.private_subnets) : 0

  vpc_id            = aws_vpc.this[0].id
  cidr_block        = var.private_subnets[count.index]
  availability_zone = element(var.azs, count.index)

  tags = merge(
    { Name = try(var.private_subnet_names[count.index], "${var.name}-${var.private_subnet_suffix}-${element(var.azs, count.index)}") },
    var.tags,
    var.private_subnet_tags,
    lookup(var.private_subnet_tags_per_az, element(var.azs, count.index), {}),
  )
}

resource "aws_route_table" "private" {
  count = local.private_route_table_count

  vpc_id = aws_vpc.this[0].id

  tags = merge(
    { Name = join("-", compact([var.name, var.private_subnet_suffix, var.single_nat_gateway ? "" : element(var.azs, count.index)])) },
    var.tags,
    var.private_route_table_tags,
  )
}

resource "aws_route_table_association" "private" {
  count = local.create_private ? length(var.private_subnets) : 0

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = element(aws_route_table.private[*].id, var.single_nat_gateway ? 0 : count.index)
}

################################################################################
# NAT gateways
################################################################################

resource "aws_eip" "nat" {
  count = var.create_vpc && var.enable_nat_gateway ? local.nat_gateway_count : 0

  domain = "vpc"

  tags = merge({ Name = "${var.name}-${element(var.azs, count.index)}" }, var.tags, var.nat_eip_tags)

  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  count = var.create_vpc && var.enable_nat_gateway ? local.nat_gateway_count : 0

  allocation_id = aws_eip.nat[count.index].id
  subnet_id     = element(aws_subnet.public[*].id, count.index)

  tags = merge({ Name = "${var.name}-${element(var.azs, count.index)}" }, var.tags, var.nat_gateway_tags)

  depends_on = [aws_internet_gateway.this]
}

resource "aws_route" "private_nat_gateway" {
  count = var.enable_nat_gateway && var.create_private_nat_gateway_route ? local.private_route_table_count : 0

  route_table_id         = aws_route_table.private[count.index].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[count.index].id

  timeouts {
    create = "5m"
  }
}

################################################################################
# Database subnets
################################################################################

resource "aws_subnet" "database" {
  count = local.create_database ? length(var.database_subnets) : 0

  vpc_id            = aws_vpc.this[0].id
  cidr_block        = var.database_subnets[count.index]
  availability_zone = element(var.azs, count.index)

  tags = merge(
    { Name = try(var.database_subnet_names[count.index], "${var.name}-${var.database_subnet_suffix}-${element(var.azs, count.index)}") },
    var.tags,
    var.database_subnet_tags,
  )
}

resource "aws_db_subnet_group" "database" {
  count = local.create_database && var.create_database_subnet_group ? 1 : 0

  name        = lower(coalesce(var.database_subnet_group_name, var.name))
  description = "Database subnet group for ${var.name}"
  subnet_ids  = aws_subnet.database[*].id

  tags = merge(
    { Name = lower(coalesce(var.database_subnet_group_name, var.name)) },
    var.tags,
    var.database_subnet_group_tags,
  )
}

resource "aws_route_table" "database" {
  count = local.database_route_table_count

  vpc_id = aws_vpc.this[0].id

  tags = merge(
    { Name = join("-", compact([var.name, var.database_subnet_suffix, local.share_database_route_table ? "" : element(var.azs, count.index)])) },
    var.tags,
    var.database_route_table_tags,
  )
}

# Without route tables of their own the database subnets use the private ones,
# and with those the NAT gateway.
resource "aws_route_table_association" "database" {
  count = local.create_database ? length(var.database_subnets) : 0

  subnet_id      = aws_subnet.database[count.index].id
  route_table_id = element(local.create_database_route_table ? aws_route_table.database[*].id : aws_route_table.private[*].id, count.index)
}

resource "aws_route" "database_internet_gateway" {
  count = local.create_database_route_table && var.create_igw && var.create_database_internet_gateway_route && !var.create_database_nat_gateway_route ? 1 : 0

  route_table_id         = aws_route_table.database[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id

  timeouts {
    create = "5m"
  }
}

resource "aws_route" "database_nat_gateway" {
  count = var.create_database_nat_gateway_route && !var.create_database_internet_gateway_route && var.enable_nat_gateway ? local.database_route_table_count : 0

  route_table_id         = aws_route_table.database[count.index].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = element(aws_nat_gateway.this[*].id, count.index)

  timeouts {
    create = "5m"
  }
}

################################################################################
# What AWS creates with every VPC, taken over: the security group is emptied
################################################################################

resource "aws_default_security_group" "this" {
  count = var.create_vpc && var.manage_default_security_group ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  ingress = []
  egress  = []

  tags = merge({ Name = coalesce(var.default_security_group_name, "${var.name}-default") }, var.tags, var.default_security_group_tags)
}

locals {
  default_network_acl_rules = {
    ipv4 = { rule_no = 100, cidr_block = "0.0.0.0/0", ipv6_cidr_block = null }
    ipv6 = { rule_no = 101, cidr_block = null, ipv6_cidr_block = "::/0" }
  }
}

resource "aws_default_network_acl" "this" {
  count = var.create_vpc && var.manage_default_network_acl ? 1 : 0

  default_network_acl_id = aws_vpc.this[0].default_network_acl_id

  dynamic "ingress" {
    for_each = local.default_network_acl_rules

    content {
      action          = "allow"
      rule_no         = ingress.value.rule_no
      protocol        = "-1"
      from_port       = 0
      to_port         = 0
      cidr_block      = ingress.value.cidr_block
      ipv6_cidr_block = ingress.value.ipv6_cidr_block
    }
  }

  dynamic "egress" {
    for_each = local.default_network_acl_rules

    content {
      action          = "allow"
      rule_no         = egress.value.rule_no
      protocol        = "-1"
      from_port       = 0
      to_port         = 0
      cidr_block      = egress.value.cidr_block
      ipv6_cidr_block = egress.value.ipv6_cidr_block
    }
  }

  tags = merge({ Name = coalesce(var.default_network_acl_name, "${var.name}-default") }, var.tags, var.default_network_acl_tags)

  lifecycle {
    # Every subnet without an ACL of its own joins by itself.
    ignore_changes = [subnet_ids]
  }
}

resource "aws_default_route_table" "default" {
  count = var.create_vpc && var.manage_default_route_table ? 1 : 0

  default_route_table_id = aws_vpc.this[0].default_route_table_id

  tags = merge({ Name = coalesce(var.default_route_table_name, "${var.name}-default") }, var.tags, var.default_route_table_tags)

  timeouts {
    create = "5m"
    update = "5m"
  }
}
