locals {
  # Every name in this layer starts with this.
  name = "wealist-prod"
}

provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, {
      Project     = "wealist"
      Environment = "prod"
      Layer       = "prod/foundation"
      ManagedBy   = "terraform"
    })
  }
}
