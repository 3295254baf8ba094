module "ecr" {
  source   = "../../modules/ecr"
  for_each = var.ecr_services

  name                 = "prod/${each.key}"
  image_tag_mutability = "IMMUTABLE"
  scan_on_push         = true
  untagged_expiry_days = var.ecr_untagged_expiry_days
  max_image_count      = var.ecr_max_image_count
}
