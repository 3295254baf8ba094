"""A small estate that the real Terraform brings up in seconds, in a sandbox of its own."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = str(Path(sys.executable).with_name("wealist"))
TIMEOUT = 600
REPOSITORY = Path(__file__).parents[2]

# Of the foundation.
REGION = "ap-northeast-2"
SWITCHES = ("rds_multi_az=true", "single_nat_gateway=false", "redis_num_cache_clusters=2")
FLAGS = tuple(word for switch in SWITCHES for word in ("--set", switch))
# What the specification says that each of them adds to the month.
ADDED = {"NAT Gateway": 64, "RDS": 23, "Redis": 20}

SMALL_LAYER = """
terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
  backend "s3" {
    bucket         = "small-estate-state"
    key            = "dev/base/terraform.tfstate"
    region         = "eu-west-1"
    dynamodb_table = "small-estate-lock"
    encrypt        = true
  }
}

provider "aws" {
  region = "eu-west-1"
}

variable "greeting" {
  type    = string
  default = "hello"
}

variable "names" {
  type    = list(string)
  default = []
}

variable "db_password" {
  type      = string
  default   = "not-a-secret-yet"
  sensitive = true
}

resource "aws_ssm_parameter" "greeting" {
  name  = "/small/greeting"
  type  = "String"
  insecure_value = var.greeting
}

resource "aws_ssm_parameter" "password" {
  name  = "/small/password"
  type  = "SecureString"
  value = var.db_password
}

resource "aws_secretsmanager_secret" "this" {
  name                    = "small-secret"
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id     = aws_secretsmanager_secret.this.id
  secret_string = jsonencode({ username = "app", password = var.db_password })
}

output "greeting" {
  value = aws_ssm_parameter.greeting.insecure_value
}

output "names" {
  value = var.names
}

output "password" {
  value     = var.db_password
  sensitive = true
}

output "secret_arn" {
  value = aws_secretsmanager_secret.this.arn
}
"""

SMALL_CONFIG = """
version: 1
secrets:
  app-password:
    layer: base
    output: secret_arn
    field: password
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


@dataclass(slots=True)
class Rehearsal:
    """An estate, and the console script run in it with `--sandbox` in a bare environment."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.root / ".wealist" / "sandbox"

    @property
    def layer(self) -> Path:
        return self.root / "terraform" / "dev" / "base" / "main.tf"

    def environment(self, **extra: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        # The stand-ins, whether the public registry can be reached or not: every machine tests the same.
        fixed = {"HOME": str(self.root), "WEALIST_SANDBOX": "1", "WEALIST_MODULE_SOURCE": "stand-ins"}
        passed = {name: value for name, value in os.environ.items() if name == "WEALIST_PROVIDER_MIRROR"}
        return {**kept, **passed, **fixed, **self.env, **extra}

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PROGRAM, *words],
            cwd=self.root,
            env=self.environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str, **env: str) -> Answer:
        with self.start(*words, **env) as process:
            out, err = process.communicate(timeout=TIMEOUT)
        return Answer(code=process.returncode, out=out, err=err)

    def ok(self, *words: str, **env: str) -> Answer:
        """Run a command that must end well."""
        answer = self(*words, **env)
        assert answer.code == 0, answer.said
        return answer

    def client(self, service: str, region: str) -> Any:
        """A boto3 client of the sandbox, from outside wealist."""
        server = json.loads((self.home / "server.json").read_text())
        session = boto3.Session(server["access_key"], server["secret_key"], region_name=region)
        return session.client(service, endpoint_url=f"http://127.0.0.1:{server['port']}")

    def processes(self) -> list[str]:
        """The command lines of processes that work below this estate, the sandbox's server left out."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                cwd = folder.joinpath("cwd").readlink()
                words = folder.joinpath("cmdline").read_bytes().decode().split("\0")
            except (OSError, UnicodeDecodeError):
                continue
            if cwd.is_relative_to(self.root) and "orchestrator.sandbox.server" not in words:
                found.append(" ".join(words))
        return found


def make_estate(root: Path, files: dict[str, str]) -> Rehearsal:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Rehearsal(root)


@dataclass(slots=True)
class Dialogue:
    """A command on a terminal of its own."""

    process: subprocess.Popen[bytes]
    terminal: int
    said: str = ""

    def read_until(self, text: str, *, timeout: float = 120.0) -> str:
        """Everything that was said up to this text."""
        deadline = time.monotonic() + timeout
        while text not in self.said:
            assert time.monotonic() < deadline, self.said
            if select.select([self.terminal], [], [], 0.5)[0]:
                try:
                    self.said += os.read(self.terminal, 65536).decode(errors="replace")
                except OSError:
                    pytest.fail(f"it ended without {text!r}: {self.said}")
        return self.said

    def answer(self, text: str) -> None:
        os.write(self.terminal, f"{text}\n".encode())


@contextmanager
def dialogue(estate: Rehearsal, *words: str) -> Iterator[Dialogue]:
    """Run a command on a terminal; it is ended with the block, whatever happens in it."""
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *words],
        cwd=estate.root,
        env=estate.environment(TERM="dumb"),
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    try:
        yield Dialogue(process, terminal)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


@pytest.fixture(scope="session")
def small_estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    root = tmp_path_factory.mktemp("small").resolve()
    estate = make_estate(root, {"wealist.yaml": SMALL_CONFIG, "terraform/dev/base/main.tf": SMALL_LAYER})
    try:
        estate.ok("bootstrap", "-y")
        yield estate
    finally:
        estate("sandbox", "stop")


@pytest.fixture
def small(small_estate: Rehearsal) -> Iterator[Rehearsal]:
    """The small estate, its HCL as it was."""
    yield small_estate
    small_estate.layer.write_text(SMALL_LAYER)


@pytest.fixture(scope="module")
def foundation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """The estate of this repository, brought up once."""
    root = tmp_path_factory.mktemp("foundation").resolve()
    ignored = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl")
    shutil.copytree(REPOSITORY / "terraform", root / "terraform", ignore=ignored)
    shutil.copy(REPOSITORY / "wealist.yaml", root)
    shutil.copy(REPOSITORY / "prices.yaml", root)
    estate = Rehearsal(root)
    try:
        estate.ok("bootstrap", "-y")
        assert "nothing to do" in estate.ok("bootstrap", "-y").err
        estate.ok("up", "foundation", "-y")
        yield estate
    finally:
        estate("sandbox", "stop")


def outputs(estate: Rehearsal) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(estate.ok("output", "foundation", "--json").out)
    return found


@pytest.fixture(autouse=True, scope="session")
def _needs_terraform() -> None:
    answer = subprocess.run(["terraform", "version"], capture_output=True, check=False)
    assert answer.returncode == 0, "these tests need Terraform on PATH"
