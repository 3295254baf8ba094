"""Every check and every demonstration, each a session; `nox` alone runs all checks.

nox -s sandbox        the whole product against the embedded AWS, shown step by step (`-- --keep` leaves it running)
nox -s lint           ruff, mypy, import-linter, terraform fmt
nox -s tests          fast: no network, no Terraform
nox -s terraform      terraform validate and terraform test
nox -s integration    the real Terraform against the sandbox; real databases on the loopback
nox -s build          wheel and sdist, tried out in a fresh environment
nox -s bench          speed, as ratios measured side by side; `-- --against REV` sets two commits side by side
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["lint", "tests", "terraform", "integration", "build"]

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml("pyproject.toml")
HCL = ("terraform", "orchestrator/sandbox/modules")
COVERAGE_FLOOR = 85
# The main job, as the sandbox session shows it and the bench times it.
STEPS = (
    "bootstrap --auto-approve",
    "preflight",
    "up foundation --auto-approve",
    "output foundation",
    "secrets rds-password",
    "secrets redis-auth-token",
    "up foundation --auto-approve",
    "up compute --auto-approve",
    "verify",
    "cost",
    "diagnose rds",
    "status",
)


def _dependencies(group: str) -> list[str]:
    return list(nox.project.dependency_groups(PYPROJECT, group))


def _need_terraform(session: nox.Session) -> None:
    if shutil.which("terraform") is None:
        session.error("Terraform is not on PATH: https://developer.hashicorp.com/terraform/install")


def _estate(session: nox.Session) -> Path:
    """A copy of the estate, so that a sandbox that somebody is using in this clone is left alone."""
    folder = Path(session.create_tmp()).resolve() / "estate"
    shutil.rmtree(folder, ignore_errors=True)
    # Values of somebody's own would be read by `terraform test` too.
    ignored = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfvars")
    shutil.copytree(ROOT / "terraform", folder / "terraform", ignore=ignored)
    shutil.copy(ROOT / "wealist.yaml", folder)
    shutil.copy(ROOT / "prices.yaml", folder)
    return folder


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types, import order and HCL format."""
    session.install("-e.[sandbox,diagnose]", *_dependencies("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")
    _need_terraform(session)
    for folder in HCL:
        session.run("terraform", "fmt", "-check", "-diff", "-recursive", folder, external=True)


@nox.session
def tests(session: nox.Session) -> None:
    """The fast tests, with branch coverage."""
    session.install("-e.[sandbox,diagnose]", *_dependencies("tests"))
    fast = ("-m", "not real and not service")
    if session.posargs:
        session.run("pytest", *fast, *session.posargs)
        return
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-n", "2", *fast)
    session.run("coverage", "combine", "-q")
    session.run("coverage", "report", f"--fail-under={COVERAGE_FLOOR}")


@nox.session
def terraform(session: nox.Session) -> None:
    """Validate every layer and module, and run their own tests, with the provider that the sandbox finds."""
    _need_terraform(session)
    session.install("-e.[sandbox]")
    estate = _estate(session)
    try:
        answer = session.run("wealist", "-C", str(estate), "sandbox", "env", "--json", silent=True)
        env = json.loads(str(answer)[str(answer).index("{") :])
        work = estate / ".wealist" / "sandbox" / "work" / "terraform"
        for folder in sorted({path.parent for path in work.glob("*/*/*.tf")}):
            where = f"-chdir={folder}"
            session.run("terraform", where, "init", "-backend=false", "-input=false", env=env, external=True)
            session.run("terraform", where, "validate", env=env, external=True)
            session.run("terraform", where, "test", env=env, external=True)
            if (folder / "tests" / "sandbox").is_dir():
                session.run("terraform", where, "test", "-test-directory=tests/sandbox", env=env, external=True)
    finally:
        session.run("wealist", "-C", str(estate), "sandbox", "stop")


@nox.session
def integration(session: nox.Session) -> None:
    """The real Terraform and AWS provider against the sandbox, and the hops of `diagnose` against real databases."""
    _need_terraform(session)
    session.install("-e.[sandbox,diagnose]", *_dependencies("tests"))
    # Each file has a sandbox or servers of its own, and most of an apply is waiting: three at a time. By name, which begins the
    # two that bring up the foundation first; xdist's own order is by the number of tests, and theirs are few and long.
    at_once = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
    session.run("pytest", "-m", "real or service", *at_once, "--durations=10", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build wheel and sdist, and try the wheel where nothing else of the project is."""
    dist = Path(session.create_tmp()).resolve() / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.install("build>=1.2,<2")
    session.run("python", "-m", "build", "--outdir", str(dist), str(ROOT))
    (wheel,) = dist.glob("*.whl")
    (sdist,) = dist.glob("*.tar.gz")
    fresh = Path(session.create_tmp()).resolve() / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    session.run("python", "-m", "venv", str(fresh))
    python = str(fresh / "bin" / "python")
    session.run(python, "-m", "pip", "install", "-q", f"{wheel}[sandbox]", *_dependencies("tests"), external=True)
    env = {"WEALIST_TEST_SDIST": str(sdist), "PYTHONPATH": ""}
    # Away from the clone, so that what is imported is what was installed.
    shutil.copy(ROOT / "tests" / "installed.py", fresh / "test_installed.py")
    session.chdir(fresh)
    session.run(python, "-m", "pytest", "-q", "test_installed.py", env=env, external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Print every figure that is promised, as a table, and write them as JSON."""
    _need_terraform(session)
    if shutil.which("jq") is None:
        session.error("the pipeline that is compared with needs jq: apt-get install jq")
    session.install(".[sandbox]", "awscli>=1.38,<2")
    session.run(
        "python", "-m", "compileall", "-q", str(Path(session.virtualenv.location) / "lib"), success_codes=[0, 1]
    )
    if "--against" in session.posargs:
        _against(session)
        return
    session.run("python", "tests/bench/benchmark.py", str(_estate(session)), *session.posargs)


def _against(session: nox.Session) -> None:
    """This clone beside another commit of it: `-- --against REV [--rounds N] [--rehearsal]`."""
    words = list(session.posargs)
    at = words.index("--against")
    revision = words[at + 1]
    del words[at : at + 2]
    folder = Path(session.create_tmp()).resolve() / "against"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    session.run("git", "archive", "--format=tar", f"--output={folder / 'tree.tar'}", revision, external=True)
    shutil.unpack_archive(folder / "tree.tar", folder / "tree")
    theirs = folder / "venv"
    session.run("python", "-m", "venv", str(theirs))
    session.run(str(theirs / "bin" / "pip"), "install", "-q", f"{folder / 'tree'}[sandbox]", external=True)
    session.run("python", "-m", "compileall", "-q", str(theirs / "lib"), success_codes=[0, 1])
    if "--rehearsal" in words:
        words.remove("--rehearsal")
        words += ["--estate", str(_estate(session))]
        words += [word for step in STEPS for word in ("--step", step)]
    sides = ("--ours", str(Path(session.virtualenv.location) / "bin"), "--theirs", str(theirs / "bin"))
    session.run("python", "tests/bench/two_commits.py", str(folder), *sides, *words)


@nox.session
def sandbox(session: nox.Session) -> None:
    """The main job, for real, with no AWS account."""
    _need_terraform(session)
    session.install("-e.[sandbox]")
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        session.env["FORCE_COLOR"] = "1"
    session.run("wealist", "sandbox", "stop")
    try:
        for words in STEPS:
            session.run("wealist", *words.split(), "--sandbox")
    finally:
        if "--keep" in session.posargs:
            session.log("the sandbox runs on; stop it with: wealist sandbox stop")
        else:
            session.run("wealist", "sandbox", "stop")
