"""The promised figures: ratios, measured side by side in one run, as a table and as JSON.

    python tests/bench/benchmark.py ESTATE [--rounds N] [--json FILE] [--quick]

Each figure compares wealist with what people would do without it. The two sides take turns, so that a machine that gets
slower gets slower for both, and the medians are compared. `--quick` leaves out the two that bring the foundation up.
Exits with 1 where a figure misses its bar; the figure is printed as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BARE_APP = """
import typer
app = typer.Typer()
@app.command()
def one(name: str = "x") -> None:
    "One."
@app.command()
def two(count: int = 1) -> None:
    "Two."
app()
"""
PLAIN = "terraform init -input=false && terraform plan -input=false && terraform apply -input=false -auto-approve"
PIPELINE = """
aws secretsmanager get-secret-value --region ap-northeast-2 \
  --secret-id $(terraform output -raw rds_master_user_secret_arn) \
  --query SecretString --output text | jq -r .password
"""
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One promise. `ours` and `theirs` are medians in seconds."""

    name: str
    against: str
    ours: float
    theirs: float
    bar: float
    rounds: int

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def is_met(self) -> bool:
        return self.ratio <= self.bar


@dataclass(frozen=True, slots=True)
class Side:
    """A command, and the folder and environment that it runs in."""

    argv: Sequence[str]
    cwd: Path
    env: dict[str, str]

    def run(self) -> float:
        """Seconds that it took; it must end well."""
        began = time.perf_counter()
        done = subprocess.run(
            list(self.argv), cwd=self.cwd, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        seconds = time.perf_counter() - began
        if done.returncode != 0:
            sys.exit(f"{' '.join(self.argv)} failed:\n{done.stdout.decode()}\n{done.stderr.decode()}")
        return seconds


def compare(name: str, against: str, bar: float, rounds: int, ours: Side, theirs: Side) -> Figure:
    """Let the two sides take turns; a first turn of each is not counted where there are several."""
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + (rounds > 1)):
        for seconds, side in zip(taken, (ours, theirs), strict=True):
            measured = side.run()
            if turn or rounds == 1:
                seconds.append(measured)
    return Figure(
        name=name,
        against=against,
        ours=statistics.median(taken[0]),
        theirs=statistics.median(taken[1]),
        bar=bar,
        rounds=rounds,
    )


class Estate:
    """A copy of the estate with a sandbox of its own, and the environment of a shell that points at it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_", "WEALIST_"))}
        kept |= {name: value for name, value in os.environ.items() if name.startswith("WEALIST_PROVIDER")}
        self.env = {**kept, "PATH": f"{BIN}:{os.environ['PATH']}", "WEALIST_MODULE_SOURCE": "stand-ins"}
        self.wealist("sandbox", "start")
        self.wealist("bootstrap", "-y", "--sandbox")
        pointing = json.loads(self.wealist("sandbox", "env", "--json"))
        self.shell = {**self.env, **pointing}
        self.layer = self.root / ".wealist/sandbox/work/terraform/prod/foundation"

    def wealist(self, *words: str) -> str:
        done = subprocess.run(
            [str(BIN / "wealist"), "-C", str(self.root), *words],
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            sys.exit(f"wealist {' '.join(words)} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def up(self) -> Side:
        return Side([str(BIN / "wealist"), "up", "foundation", "-y", "--sandbox"], self.root, self.env)

    def plain(self) -> Side:
        return Side(["sh", "-c", PLAIN], self.layer, self.shell)

    def stop(self) -> None:
        self.wealist("sandbox", "stop")


def start_up(folder: Path, rounds: int) -> list[Figure]:
    """`--version` and `--help` against typer's own floor."""
    bare = folder / "bare.py"
    bare.write_text(BARE_APP)
    env = dict(os.environ)
    floor = Side([sys.executable, str(bare), "--help"], folder, env)
    return [
        compare(
            f"wealist {flag}", "bare typer --help", bar, rounds, Side([str(BIN / "wealist"), flag], folder, env), floor
        )
        for flag, bar in (("--version", 1.0), ("--help", 1.3))
    ]


def foundation(folder: Path, source: Path, rounds: int) -> list[Figure]:
    """A first `up`, one that changes nothing, and a secret, each against the documented way."""
    copies = []
    for name in ("ours", "theirs"):
        root = folder / name
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(source, root, ignore=shutil.ignore_patterns(".wealist", ".terraform", "bench"))
        copies.append(Estate(root))
    ours, theirs = copies
    try:
        first = compare("first wealist up", "init && plan && apply", 1.0, 1, ours.up(), theirs.plain())
        again = compare("second wealist up", "init && plan && apply", 0.55, rounds, ours.up(), theirs.plain())
        secret = compare(
            "wealist secrets rds-password",
            "terraform | aws | jq",
            0.40,
            rounds * 3,
            Side([str(BIN / "wealist"), "secrets", "rds-password"], ours.root, ours.shell),
            Side(["sh", "-c", PIPELINE], theirs.layer, theirs.shell),
        )
    finally:
        ours.stop()
        theirs.stop()
    return [secret, again, first]


def show(figures: Sequence[Figure]) -> None:
    print(f"{'':<30}{'against':<24}{'ours':>9}{'theirs':>9}{'ratio':>7}{'bar':>6}")
    for f in figures:
        verdict = "" if f.is_met else "  MISSED"
        print(f"{f.name:<30}{f.against:<24}{f.ours:>7.3f} s{f.theirs:>7.3f} s{f.ratio:>7.2f}{f.bar:>6.2f}{verdict}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("estate", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=Path("bench.json"))
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    given.estate = given.estate.resolve()
    folder = given.estate / "bench"
    folder.mkdir(exist_ok=True)
    suites: list[Callable[[], list[Figure]]] = [lambda: start_up(folder, given.rounds * 3)]
    if not given.quick:
        suites.append(lambda: foundation(folder, given.estate, given.rounds))
    figures = [figure for suite in suites for figure in suite()]
    show(figures)
    rows = [{**asdict(figure), "ratio": figure.ratio, "is_met": figure.is_met} for figure in figures]
    given.json.write_text(json.dumps(rows, indent=2) + "\n")
    print(f"written to {given.json}")
    return 0 if all(figure.is_met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
