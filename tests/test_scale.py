"""An estate of 300 layers: found, ordered, drawn and told apart as fast as one of three."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from orchestrator import diagram
from orchestrator.discovery import Estate
from orchestrator.status import read_statuses
from tests.estate import VARIABLES, Store, backend_block, remote_state, target_of, write_layer

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 300
MEASURED = """
import re, resource, sys, time
from pathlib import Path
from orchestrator.discovery import Estate
estate = Estate.find(Path(sys.argv[1]))
estate.graph.order(estate.graph.ids)
status = Path("/proc/self/status")
if status.exists():
    # Not getrusage: on Linux it counts in what the parent held when it forked.
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1])
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(time.process_time(), peak)
"""


def key(number: int) -> str:
    return f"env{number % 5}/layer{number:03}/terraform.tfstate"


def needs(number: int) -> list[int]:
    """Up to three layers before it, spread over the estate."""
    return sorted({(number * factor) % number for factor in (3, 7, 11)}) if number else []


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("large")
    (root / "wealist.yaml").write_text("version: 1\n")
    for number in range(COUNT):
        reads = "".join(
            remote_state(key(other), f"l{other}") + f'output "o{other}" {{\n  value = '
            f"data.terraform_remote_state.l{other}.outputs.a\n}}\n"
            for other in needs(number)
        )
        text = backend_block(key(number)) + VARIABLES + reads + 'output "a" {\n  value = 1\n}\n'
        write_layer(root, f"env{number % 5}/layer{number:03}", text)
    return root


def test_all_of_them_are_found_ordered_and_drawn(root: Path) -> None:
    estate = Estate.find(root)
    order = estate.graph.order(estate.graph.ids)

    place = {id_: index for index, id_ in enumerate(order)}
    assert len(order) == COUNT
    assert all(place[other] < place[id_] for id_ in order for other in estate.graph.needs(id_))
    assert len(diagram.draw(estate.graph, {}, diagram.Format.TEXT).splitlines()) == COUNT


def test_it_takes_less_than_a_second_and_100_megabytes(root: Path) -> None:
    """Measured in a process of its own: its own seconds, whatever else the machine does, and the parser's memory in C."""
    # Nor the seconds that a measurement of coverage takes, where one goes into processes.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(root)], capture_output=True, text=True, check=True, env=env
    )

    seconds, kilobytes = map(float, done.stdout.split())
    assert seconds < 1.0
    assert kilobytes < 100 * 1024


def test_where_they_stand_is_told_of_every_one(root: Path, store: Store) -> None:
    estate = Estate.find(root)

    found = read_statuses(estate, target_of(root), estate.layers)

    assert len(found) == COUNT
    assert {status.word for status in found.values()} == {"never applied"}
