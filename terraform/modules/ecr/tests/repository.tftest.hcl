mock_provider "aws" {}

variables {
  name = "prod/auth-service"
}

run "defaults_are_safe" {
  command = plan

  assert {
    condition     = aws_ecr_repository.this.name == "prod/auth-service"
    error_message = "The repository must have the name that was given."
  }

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE"
    error_message = "Tags must be immutable by default."
  }

  assert {
    condition     = aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "Images must be scanned when pushed by default."
  }

  assert {
    condition     = aws_ecr_repository.this.encryption_configuration[0].encryption_type == "AES256"
    error_message = "Images must be encrypted by ECR when no key is given."
  }

  assert {
    condition     = !aws_ecr_repository.this.force_delete
    error_message = "A repository that holds images must not be deletable by default."
  }
}

run "lifecycle_drops_untagged_images_then_keeps_the_newest" {
  command = plan

  assert {
    condition     = [for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules : rule.rulePriority] == [1, 2]
    error_message = "There must be two lifecycle rules with priorities 1 and 2."
  }

  assert {
    condition = jsondecode(aws_ecr_lifecycle_policy.this.policy).rules[0].selection == {
      tagStatus   = "untagged"
      countType   = "sinceImagePushed"
      countUnit   = "days"
      countNumber = 1
    }
    error_message = "Untagged images must expire after one day by default."
  }

  # ECR only accepts a rule for any image as the last one.
  assert {
    condition = jsondecode(aws_ecr_lifecycle_policy.this.policy).rules[1].selection == {
      tagStatus   = "any"
      countType   = "imageCountMoreThan"
      countNumber = 50
    }
    error_message = "The newest 50 images must be kept by default, by the last rule."
  }

  assert {
    condition     = alltrue([for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules : rule.action.type == "expire"])
    error_message = "Every lifecycle rule must expire images."
  }
}

run "settings_reach_the_repository" {
  command = plan

  variables {
    image_tag_mutability = "MUTABLE"
    scan_on_push         = false
    untagged_expiry_days = 14
    max_image_count      = 10
    kms_key_arn          = "arn:aws:kms:ap-northeast-2:123456789012:key/00000000-0000-0000-0000-000000000000"
    force_delete         = true
    tags                 = { Team = "platform" }
  }

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "MUTABLE" && aws_ecr_repository.this.force_delete
    error_message = "Mutability and force_delete must reach the repository."
  }

  assert {
    condition     = !aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "scan_on_push must reach the repository."
  }

  assert {
    condition = (
      aws_ecr_repository.this.encryption_configuration[0].encryption_type == "KMS" &&
      aws_ecr_repository.this.encryption_configuration[0].kms_key == var.kms_key_arn
    )
    error_message = "A key that is given must encrypt the repository."
  }

  assert {
    condition     = [for rule in jsondecode(aws_ecr_lifecycle_policy.this.policy).rules : rule.selection.countNumber] == [14, 10]
    error_message = "The lifecycle numbers must reach the policy."
  }

  assert {
    condition     = aws_ecr_repository.this.tags == tomap({ Team = "platform" })
    error_message = "Tags must reach the repository."
  }
}

run "outputs_come_from_the_repository" {
  override_resource {
    target = aws_ecr_repository.this
    values = {
      arn            = "arn:aws:ecr:ap-northeast-2:123456789012:repository/prod/auth-service"
      registry_id    = "123456789012"
      repository_url = "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/prod/auth-service"
    }
  }

  assert {
    condition     = output.repository_url == "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/prod/auth-service"
    error_message = "repository_url must be the URL of the repository."
  }

  assert {
    condition     = output.repository_arn == "arn:aws:ecr:ap-northeast-2:123456789012:repository/prod/auth-service"
    error_message = "repository_arn must be the ARN of the repository."
  }

  assert {
    condition     = output.repository_name == "prod/auth-service" && output.registry_id == "123456789012"
    error_message = "repository_name and registry_id must be those of the repository."
  }
}
