"""Two installed wealists side by side: what a change did to start-up, to runs over ten layers, and to a whole rehearsal.

    python tests/bench/two_commits.py FOLDER --ours BIN --theirs BIN [--rounds N] [--estate DIR --step WORDS ...]

`BIN` is the `bin` folder of an environment that has one of them. The two take turns, so that a machine that gets slower gets
slower for both, and medians are compared. With `--estate` every `--step` is run on a copy of that estate, once for each.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LAYERS = 10
LAYER = """
terraform {{
  backend "s3" {{
    bucket         = "bench-states"
    key            = "dev/l{number}.tfstate"
    region         = "eu-west-1"
    dynamodb_table = "bench-locks"
  }}
}}
resource "terraform_data" "this" {{ input = "{number}" }}
"""


@dataclass(frozen=True, slots=True)
class Side:
    """One wealist and its copy of a project."""

    bin: Path
    root: Path

    def run(self, words: str) -> float:
        """Seconds that it took; it must end well."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_", "WEALIST_"))}
        kept |= {name: value for name, value in os.environ.items() if name.startswith("WEALIST_PROVIDER")}
        env = {**kept, "PATH": f"{self.bin}:{kept['PATH']}", "WEALIST_MODULE_SOURCE": "stand-ins"}
        began = time.perf_counter()
        done = subprocess.run(
            [str(self.bin / "wealist"), *words.split()],
            cwd=self.root,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - began
        if done.returncode != 0:
            sys.exit(f"{self.bin}: wealist {words} failed:\n{done.stdout}\n{done.stderr}")
        return seconds


def show(name: str, ours: Sequence[float], theirs: Sequence[float]) -> None:
    mine, other = statistics.median(ours), statistics.median(theirs)
    print(f"{name:<44}{mine:>8.2f} s{other:>8.2f} s{mine / other:>7.2f}", flush=True)


def take_turns(name: str, sides: Sequence[Side], rounds: int, turn: Callable[[Side], float]) -> None:
    """Print the medians of both; a first turn of each is not counted where there are several."""
    taken: list[list[float]] = [[], []]
    for number in range(rounds + (rounds > 1)):
        for seconds, side in zip(taken, sides, strict=True):
            measured = turn(side)
            if number or rounds == 1:
                seconds.append(measured)
    show(name, *taken)


def write_layers(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    for number in range(LAYERS):
        folder = root / "terraform" / "dev" / f"l{number}"
        folder.mkdir(parents=True)
        (folder / "main.tf").write_text(LAYER.format(number=number))
    (root / "wealist.yaml").write_text("version: 1\n")


def ten_layers(sides: Sequence[Side], rounds: int) -> None:
    def first(side: Side) -> float:
        side.run("sandbox stop")
        write_layers(side.root)
        side.run("bootstrap -y --sandbox")
        return side.run("up --all -y --sandbox")

    try:
        take_turns(f"first up of {LAYERS} layers", sides, rounds, first)
        for words in ("up --all -y --sandbox", "status --sandbox", "locks --sandbox", "graph --no-state --sandbox"):
            take_turns(words, sides, rounds * 3, lambda side, words=words: side.run(words))  # type: ignore[misc]
    finally:
        for side in sides:
            side.run("sandbox stop")


def rehearsal(sides: Sequence[Side], estate: Path, steps: Sequence[str]) -> None:
    totals: list[list[float]] = [[0.0], [0.0]]
    for side in sides:
        shutil.rmtree(side.root, ignore_errors=True)
        ignored = shutil.ignore_patterns(".wealist", ".terraform", "bench")
        shutil.copytree(estate, side.root, ignore=ignored)
    try:
        for words in steps:
            taken = [side.run(f"{words} --sandbox") for side in sides]
            for total, seconds in zip(totals, taken, strict=True):
                total[0] += seconds
            show(words, *([seconds] for seconds in taken))
        show("the whole rehearsal", *totals)
    finally:
        for side in sides:
            side.run("sandbox stop")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ours", type=Path, required=True)
    parser.add_argument("--theirs", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--estate", type=Path)
    parser.add_argument("--step", action="append", default=[])
    given = parser.parse_args()
    folder = given.folder.resolve()
    sides = [Side(given.ours, folder / "ours"), Side(given.theirs, folder / "theirs")]
    print(f"{'':<44}{'ours':>10}{'theirs':>10}{'ratio':>7}")
    for side in sides:
        write_layers(side.root)
    for words in ("--version", "--help", "up --help"):
        take_turns(f"wealist {words}", sides, given.rounds * 3, lambda side, words=words: side.run(words))  # type: ignore[misc]
    ten_layers(sides, given.rounds)
    if given.estate:
        rehearsal(sides, given.estate.resolve(), given.step)


if __name__ == "__main__":
    main()
