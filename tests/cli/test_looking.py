"""`graph` and `why`: what needs what, where that is said, and where each layer stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.boundary import run
from tests.estate import KEY, Store, backend_block, remote_state, state_text, write_layer

if TYPE_CHECKING:
    from orchestrator.discovery import Estate
    from tests.fakes import FakeRunner

    Capture = pytest.CaptureFixture[str]

READS = "locals {\n  a = data.terraform_remote_state.other.outputs.vpc_id\n  b = data.terraform_remote_state.other.outputs.az\n}\n"


@pytest.fixture
def reading(estate: Estate) -> Estate:
    """Compute reads two outputs of foundation."""
    text = backend_block("prod/compute/terraform.tfstate") + remote_state(KEY) + READS
    write_layer(estate.root, "prod/compute", text)
    return estate


# graph


def test_graph_says_what_each_needs_and_where_it_stands(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    store.put_state(state_text(outputs={"a": "b"}))

    assert run(["graph"]) == 0

    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "prod/foundation  applied",
        "prod/compute     never applied  needs prod/foundation",
    ]
    assert err == ""
    assert shell.commands == []


def test_graph_of_the_hcl_alone_asks_nobody(shell: FakeRunner, capsys: Capture) -> None:
    assert run(["graph", "--no-state"]) == 0

    assert capsys.readouterr() == ("prod/foundation\nprod/compute     needs prod/foundation\n", "")


@pytest.mark.parametrize(("form", "start"), [("mermaid", "graph TD\n"), ("dot", "digraph layers {\n"), ("json", "{\n")])
def test_graph_is_drawn_as_it_is_asked_for(form: str, start: str, shell: FakeRunner, capsys: Capture) -> None:
    assert run(["graph", "--no-state", "--format", form]) == 0

    assert capsys.readouterr().out.startswith(start)


def test_graph_of_a_state_that_can_not_be_read_is_drawn_all_the_same(
    shell: FakeRunner, store: Store, capsys: Capture
) -> None:
    store.put_state("<html>")

    assert run(["graph"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["prod/foundation", "unreadable"]


def test_graph_without_a_way_to_aws_is_the_hcl_alone_with_a_note(shell: FakeRunner, capsys: Capture) -> None:
    assert run(["graph"]) == 0

    out, err = capsys.readouterr()
    assert out == "prod/foundation\nprod/compute     needs prod/foundation\n"
    (line,) = err.splitlines()
    assert line.startswith("note: where the layers stand is not known: ")
    assert "credentials" in line


def test_graph_of_a_circle_is_11_and_names_its_edges(shell: FakeRunner, estate: Estate, capsys: Capture) -> None:
    text = backend_block() + remote_state("prod/compute/terraform.tfstate", "above")
    write_layer(estate.root, "prod/foundation", text)

    assert run(["graph", "--no-state"]) == 11

    out, err = capsys.readouterr()
    assert out == ""
    assert "layers need each other in a circle: " in err
    assert "data.terraform_remote_state.above at terraform/prod/foundation/main.tf:11" in err


def test_graph_of_a_state_that_no_layer_owns_is_11_with_the_line(
    shell: FakeRunner, estate: Estate, capsys: Capture
) -> None:
    write_layer(estate.root, "prod/edge", backend_block("edge") + remote_state("nowhere"))

    assert run(["graph", "--no-state"]) == 11
    assert "terraform/prod/edge/main.tf:11: prod/edge reads s3://acme-state/nowhere" in capsys.readouterr().err


# why


def test_why_names_the_line_and_what_is_read(reading: Estate, shell: FakeRunner, capsys: Capture) -> None:
    assert run(["why", "compute"]) == 0

    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "prod/compute needs prod/foundation: data.terraform_remote_state.other, terraform/prod/compute/main.tf:11",
        "  reads az, vpc_id",
    ]
    assert err == ""


def test_why_of_the_lowest_layer_says_who_needs_it(shell: FakeRunner, capsys: Capture) -> None:
    assert run(["why", "foundation"]) == 0

    assert capsys.readouterr().out == "prod/foundation needs no other layer\nneeded by prod/compute\n"


def test_why_knows_what_is_declared(shell: FakeRunner, estate: Estate, capsys: Capture) -> None:
    write_layer(estate.root, "prod/edge")
    (estate.root / "wealist.yaml").write_text("version: 1\ndepends_on:\n  edge: [compute]\n")

    assert run(["why", "edge"]) == 0
    assert capsys.readouterr().out == "prod/edge needs prod/compute: depends_on, wealist.yaml:3\n"


def test_why_is_for_programs(reading: Estate, shell: FakeRunner, capsys: Capture) -> None:
    assert run(["why", "compute", "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == {
        "layer": "prod/compute",
        "needs": [
            {
                "layer": "prod/foundation",
                "reason": "data.terraform_remote_state.other",
                "file": str(reading.root / "terraform/prod/compute/main.tf"),
                "line": 11,
                "outputs": ["az", "vpc_id"],
            }
        ],
        "needed_by": [],
    }


def test_why_of_no_layer_is_64(shell: FakeRunner, capsys: Capture) -> None:
    assert run(["why", "compte"]) == 64
    assert "did you mean compute?" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["graph"], ["why", "compute"]])
def test_words_that_mean_nothing_are_refused(command: list[str], shell: FakeRunner, capsys: Capture) -> None:
    assert run([*command, "--", "-x"]) == 64
    assert "nothing is passed on here" in capsys.readouterr().err
