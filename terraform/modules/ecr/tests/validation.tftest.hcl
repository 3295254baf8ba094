mock_provider "aws" {}

variables {
  name = "prod/auth-service"
}

run "name_with_capitals" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "prod/Auth-Service"
  }
}

run "name_that_ends_with_a_slash" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "prod/"
  }
}

run "unknown_mutability" {
  command         = plan
  expect_failures = [var.image_tag_mutability]

  variables {
    image_tag_mutability = "immutable"
  }
}

run "untagged_images_kept_for_no_time" {
  command         = plan
  expect_failures = [var.untagged_expiry_days]

  variables {
    untagged_expiry_days = 0
  }
}

run "no_image_kept" {
  command         = plan
  expect_failures = [var.max_image_count]

  variables {
    max_image_count = 0
  }
}

run "half_an_image" {
  command         = plan
  expect_failures = [var.max_image_count]

  variables {
    max_image_count = 1.5
  }
}

run "key_that_is_not_an_arn" {
  command         = plan
  expect_failures = [var.kms_key_arn]

  variables {
    kms_key_arn = "alias/wealist-prod"
  }
}

run "reserved_tag_key" {
  command         = plan
  expect_failures = [var.tags]

  variables {
    tags = { "aws:owner" = "someone" }
  }
}
