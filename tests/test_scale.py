"""An estate of 300 layers: found, ordered, drawn and told apart as fast as one of three."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from orchestrator import diagram
from orchestrator.discovery import Estate
from orchestrator.status import read_statuses
from tests.estate import VARIABLES, Store, backend_block, remote_state, target_of, write_layer

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 300
# The most memory that a process of its own takes for it, what the parser takes in C counted in. Linux says it in kB.
PEAK = """
import resource, sys
from pathlib import Path
from orchestrator.discovery import Estate
estate = Estate.find(Path(sys.argv[1]))
estate.graph.order(estate.graph.ids)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak // 1024 if sys.platform == "darwin" else peak)
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


def test_finding_and_ordering_them_takes_less_than_a_second_and_100_megabytes(root: Path) -> None:
    Estate.find(root)  # what is imported once is not measured
    began = time.process_time()
    estate = Estate.find(root)
    order = estate.graph.order(estate.graph.ids)
    text = diagram.draw(estate.graph, {}, diagram.Format.TEXT)
    seconds = time.process_time() - began

    place = {id_: index for index, id_ in enumerate(order)}
    assert len(order) == COUNT
    assert all(place[other] < place[id_] for id_ in order for other in estate.graph.needs(id_))
    assert len(text.splitlines()) == COUNT
    assert seconds < 1.0

    done = subprocess.run([sys.executable, "-c", PEAK, str(root)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100 * 1024


def test_where_they_stand_is_told_of_every_one(root: Path, store: Store) -> None:
    estate = Estate.find(root)

    found = read_statuses(estate, target_of(root), estate.layers)

    assert len(found) == COUNT
    assert {status.word for status in found.values()} == {"never applied"}
