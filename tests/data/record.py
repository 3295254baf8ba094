"""Records the files in this folder from the real Terraform: `python tests/data/record.py`.

Built-in `terraform_data` resources, a local backend and no provider: nothing but Terraform itself is needed. Run it
again after a change of Terraform, and look at what differs before you keep it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

DATA = Path(__file__).parent
CANARY = "canary-hunter2-Zq9/+x"
REPLACEMENT = "canary-rotated-Kp4&=y"
# What JSON and Go's idea of JSON write differently.
ESCAPED = "canary<p&ss>w\u2028rd"

COMMON = """
variable "password" {
  type      = string
  sensitive = true
}
resource "terraform_data" "kept" {
  input = "stays"
}
resource "terraform_data" "secret" {
  input = { user = "admin", password = var.password }
}
output "password" {
  value     = var.password
  sensitive = true
}
output "endpoint" {
  value = terraform_data.kept.output
}
output "ports" {
  value = [5432, 6379]
}
"""

FIRST = """
resource "terraform_data" "updated" {
  input = { size = "small", zones = ["a", "b"] }
}
resource "terraform_data" "replaced" {
  input            = "one"
  triggers_replace = ["v1"]
}
resource "terraform_data" "deleted" {
  input = "goes"
}
resource "terraform_data" "old_name" {
  input = "moves"
}
"""

SECOND = """
resource "terraform_data" "updated" {
  input = { size = "large", zones = ["a", "b"] }
}
resource "terraform_data" "replaced" {
  input            = "one"
  triggers_replace = ["v2"]
}
resource "terraform_data" "created" {
  input = terraform_data.replaced.id
}
resource "terraform_data" "new_name" {
  input = "moves"
}
moved {
  from = terraform_data.old_name
  to   = terraform_data.new_name
}
"""

MOVED = SECOND.replace("new_name", "newest_name").replace("old_name", "new_name")
OUTPUT = """
output "added" {
  value = "an output and nothing else"
}
"""
UNPLANNABLE = """
resource "terraform_data" "checked" {
  lifecycle {
    precondition {
      condition     = length(terraform_data.kept.input) > 100
      error_message = "The input is too short."
    }
  }
}
"""
UNAPPLICABLE = """
resource "terraform_data" "failing" {
  provisioner "local-exec" {
    command = "exit 7"
  }
}
"""

REPEATED = """
variable "password" {
  type = string
}
resource "terraform_data" "repeats" {
  lifecycle {
    precondition {
      condition     = var.password == ""
      error_message = "postgres://admin:${var.password}@db refuses ${jsonencode({ password = var.password })}"
    }
  }
}
"""


def terraform(folder: Path, *words: str, good: tuple[int, ...] = (0,)) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    env |= {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
    done = subprocess.run(["terraform", *words], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode in good, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


def keep(name: str, text: str) -> None:
    data = json.dumps(json.loads(text), indent=1) + "\n" if name.endswith(".json") else text
    (DATA / name).write_text(data, encoding="utf-8")


def plan(folder: Path, name: str, *parts: str, password: str = CANARY) -> None:
    """Record the stream and the `show -json` of a plan of a configuration."""
    (folder / "main.tf").write_text("".join(parts), encoding="utf-8")
    (folder / "terraform.tfvars").write_text(f'password = "{password}"\n', encoding="utf-8")
    stream = terraform(folder, "plan", "-json", "-input=false", "-detailed-exitcode", "-out=tfplan", good=(0, 2))
    keep(f"plan-{name}.jsonl", stream)
    keep(f"plan-{name}.json", terraform(folder, "show", "-json", "tfplan"))


def apply(folder: Path, name: str, *, good: tuple[int, ...] = (0,)) -> None:
    keep(f"apply-{name}.jsonl", terraform(folder, "apply", "-json", "-input=false", "tfplan", good=good))


def record(folder: Path) -> None:
    (folder / "main.tf").write_text(COMMON, encoding="utf-8")
    keep("init.jsonl", terraform(folder, "init", "-json", "-input=false"))
    keep("version.json", terraform(folder, "version", "-json"))
    plan(folder, "create", COMMON, FIRST)
    apply(folder, "create")
    shutil.copy(folder / "terraform.tfstate", DATA / "state.json")
    plan(folder, "none", COMMON, FIRST)
    (DATA / "plan-none.json").unlink()
    plan(folder, "mixed", COMMON, SECOND, password=REPLACEMENT)
    apply(folder, "mixed")
    plan(folder, "moved", COMMON, MOVED, password=REPLACEMENT)
    plan(folder, "output", COMMON, SECOND, OUTPUT, password=REPLACEMENT)
    plan(folder, "failing", COMMON, SECOND, UNAPPLICABLE, password=REPLACEMENT)
    (DATA / "plan-failing.jsonl").unlink()
    (DATA / "plan-failing.json").unlink()
    apply(folder, "failed", good=(1,))
    (folder / "main.tf").write_text(COMMON + SECOND + UNPLANNABLE, encoding="utf-8")
    keep("plan-failed.jsonl", terraform(folder, "plan", "-json", "-input=false", good=(1,)))


def record_escaped(folder: Path) -> None:
    """A secret that nobody marked, in a message that repeats it."""
    (folder / "main.tf").write_text(REPEATED, encoding="utf-8")
    (folder / "terraform.tfvars").write_text(f'password = "{ESCAPED}"\n', encoding="utf-8")
    terraform(folder, "init", "-json", "-input=false")
    keep("plan-escaped.jsonl", terraform(folder, "plan", "-json", "-input=false", good=(1,)))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        record(Path(name))
    with tempfile.TemporaryDirectory() as name:
        record_escaped(Path(name))
