# All that this layer knows of the one below it.
data "terraform_remote_state" "foundation" {
  backend = "s3"
  config = {
    bucket = "wealist-tf-state-advanced-k8s"
    key    = "prod/foundation/terraform.tfstate"
    region = "ap-northeast-2"
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}
