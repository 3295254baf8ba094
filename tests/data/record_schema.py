"""Records which resource types and attributes of the guards' table the AWS provider has.

`terraform providers schema -json | python tests/data/record_schema.py`, in a folder that requires `hashicorp/aws`. Of the whole
schema, 13 MB, only what the table names is kept: types, and their attributes by whole path.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.guard_table import BY_NAME, BY_TYPE, PROTECTING, STATEFUL_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROVIDER = "registry.terraform.io/hashicorp/aws"


def attributes(block: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every attribute of a block and of those in it, by its path."""
    for name in block.get("attributes", ()):
        yield ".".join((*path, name))
    for name, inner in block.get("block_types", {}).items():
        yield from attributes(inner["block"], (*path, name))


if __name__ == "__main__":
    types = json.load(sys.stdin)["provider_schemas"][PROVIDER]["resource_schemas"]
    paths = {type_: set(attributes(types[type_]["block"])) for type_ in types}
    names = {path.rpartition(".")[2] for known in paths.values() for path in known}
    recorded = {
        "types": sorted(types.keys() & {*STATEFUL_TYPES, *PROTECTING, *BY_TYPE}),
        "names": sorted(names & BY_NAME.keys()),
        "paths": {type_: sorted(paths.get(type_, set()) & own.keys()) for type_, own in sorted(BY_TYPE.items())},
    }
    text = json.dumps(recorded, indent=1) + "\n"
    (Path(__file__).parent / "guarded-schema.json").write_text(text, encoding="utf-8")
