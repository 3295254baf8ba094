"""A layer held against its contract: live, as AWS tells it, or as a plan would leave it.

Of a live layer every row has an answer: resources, outputs and variables come from the state as Terraform has just refreshed
it, and the facts from AWS itself. Of a plan only what it holds can be judged; what AWS alone can tell, and what is known after
the apply, does not apply.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestrator import document, judgement, payload, shell
from orchestrator.aws.inquiry import inquire
from orchestrator.contract import Contract
from orchestrator.finding import Finding, Severity
from orchestrator.inventory import VARIABLE
from orchestrator.judgement import Status
from orchestrator.layer import CONTRACT_FILE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from orchestrator.aws.session import Session
    from orchestrator.discovery import Estate
    from orchestrator.inventory import Inventory
    from orchestrator.judgement import Verdict
    from orchestrator.layer import Layer, Variable

ACCEPT = "--accept-contract-change"


def path_of(layer: Layer) -> Path:
    """Where the layer's contract lies, if it has one."""
    return layer.path / CONTRACT_FILE


def contract_of(layer: Layer) -> Contract | None:
    """The layer's contract, or None where it has none.

    Raises:
        ConfigError: It can't be read.
    """
    path = path_of(layer)
    try:
        changed = path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return _loaded(path, changed)


@cache
def _loaded(path: Path, _changed: int) -> Contract:
    """A run comes to it several times."""
    return Contract.load(path)


def of_plan(layer: Layer, estate: Estate, planned: Inventory) -> tuple[Verdict, ...]:
    """What a plan would leave; nothing where there is no contract."""
    found = contract_of(layer)
    return judgement.judge(found, _document(layer, estate, planned), defaults=planned.defaults) if found else ()


def of_live(layer: Layer, estate: Estate, live: Inventory, session: Session) -> tuple[Verdict, ...]:
    """What there is, AWS asked; nothing where there is no contract."""
    found = contract_of(layer)
    if found is None:
        return ()
    whole = _document(layer, estate, live)
    answers = inquire(session, found, whole, region=layer.backend.region)
    return judgement.judge(found, whole, defaults=live.defaults, look_up=answers)


def _document(layer: Layer, estate: Estate, inventory: Inventory) -> dict[str, Any]:
    """The inventory, with what the layer's own HCL says of its place."""
    backend, found = layer.backend, inventory.document()
    typed = {name: _typed(value, layer.variables.get(name)) for name, value in found[VARIABLE].items()}
    return {
        **found,
        VARIABLE: typed,
        "layer": {"id": layer.id, "needs": sorted({edge.needs for edge in estate.edges(layer)})},
        "backend": {
            "bucket": backend.bucket,
            "key": backend.key,
            "region": backend.region,
            "dynamodb_table": backend.dynamodb_table,
            "encrypt": backend.encrypt,
        },
    }


def _typed(value: Any, variable: Variable | None) -> Any:
    """A variable's value as Terraform will take it: a plan keeps what was given, and a command line gives text."""
    if not isinstance(value, str) or variable is None or variable.type not in ("bool", "number"):
        return value
    with suppress(ValueError):
        return payload.load(value)
    return value


def findings(verdicts: Iterable[Verdict], layer: Layer, estate: Estate, *, accepted: Collection[str]) -> list[Finding]:
    """The broken rows of a plan: each blocks it, but for those that were accepted."""
    return [
        Finding(
            id="contract.accepted" if verdict.row.id in accepted else "contract.broken",
            severity=Severity.WARNING if verdict.row.id in accepted else Severity.ERROR,
            subject=verdict.row.id,
            seen=f"{verdict.row.statement}: {difference(verdict)}",
            remedy=None if verdict.row.id in accepted else _remedy(verdict, layer, estate),
        )
        for verdict in verdicts
        if verdict.is_broken
    ]


def difference(verdict: Verdict) -> str:
    """`expected false, and it is true`, or why there is no answer."""
    if verdict.reason:
        return verdict.reason
    if verdict.expected == [] and isinstance(verdict.seen, list):
        return "there should be none, and there is " + "; ".join(map(_text, verdict.seen))
    return f"expected {judgement.words(verdict.expected)}, and it is {judgement.words(verdict.seen)}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else judgement.words(value)


def _remedy(verdict: Verdict, layer: Layer, estate: Estate) -> str:
    accept = f"{ACCEPT} {shell.quoted(f'{layer.id}:{verdict.row.id}')} lets it pass once"
    return f"{accept}; for good, change {place(verdict.row.id, layer, estate)}"


def place(id_: str, layer: Layer, estate: Estate) -> str:
    """File and line of a row, seen from the estate's root."""
    path, found = path_of(layer), contract_of(layer)
    number = next((n for n, row in enumerate(found.rows if found else ()) if row.id == id_), 0)
    return f"{path.relative_to(estate.root)}:{document.line_of(path, ('rows', str(number)))}"


def unknown_ids(given: Sequence[str], layer: Layer) -> list[str]:
    """Those of the ids that no row of the layer's contract has."""
    found = contract_of(layer)
    known = {row.id for row in found.rows} if found else set()
    return [id_ for id_ in given if id_ not in known]


def count(verdicts: Iterable[Verdict]) -> dict[Status, int]:
    """How many rows there are of each kind, in the order in which they are told."""
    statuses = [verdict.status for verdict in verdicts]
    return {status: statuses.count(status) for status in Status if status in statuses}
