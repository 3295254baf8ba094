locals {
  # Every name in this layer starts with this.
  name = "wealist-prod"

  tags = merge(var.tags, {
    Project     = "wealist"
    Environment = "prod"
    Layer       = "prod/compute"
    ManagedBy   = "terraform"
  })
}

provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}
