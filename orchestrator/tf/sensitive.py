"""The values of a layer's sensitive variables, as far as they can be read before Terraform is started.

A plan that fails tells nothing of its variables, and yet shows their values in messages. So a run learns them first, from every
place that Terraform takes them from: defaults, the layer's own `*.tfvars`, files and values of the command line. What
`TF_VAR_<name>` holds is learnt too: it is not given to Terraform, but it is the secret.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from orchestrator import hcl, project_file, tfvars
from orchestrator.redaction import leaves

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from orchestrator.layer import Layer, Variable
    from orchestrator.tfvars import Piped


def values_of(
    layer: Layer, *, values: Mapping[str, str], var_files: Iterable[Path | Piped], environ: Mapping[str, str]
) -> Iterator[str]:
    """What a redactor must know of a layer before anything is written.

    Raises:
        ConfigError: A file of values can't be read.
    """
    yield from _texts(list(layer.sensitive_literals))
    sensitive = {name: variable for name, variable in layer.variables.items() if variable.is_sensitive}
    automatic = tfvars.automatic(layer.path)
    if not sensitive:
        # Terraform reads them, and waits for ever at one that is no file.
        for file in automatic:
            project_file.read_bytes(file)
        return
    for path in (*automatic, *var_files):
        given = tfvars.read_values(path)
        yield from _texts([given[name] for name in sensitive.keys() & given.keys()])
    for name, variable in sensitive.items():
        for text in (values.get(name), environ.get(f"TF_VAR_{name}")):
            if text is not None:
                yield from _texts(_given(text, variable))


def names_of(layer: Layer) -> Iterator[str]:
    """The words that a layer's HCL uses as names: it is no secret that one of them is also somebody's password."""
    yield from (layer.id, *layer.id.split("/"), layer.backend.region, *layer.variables, *layer.outputs)
    for block in layer.blocks:
        yield from block.split(".")


def _given(text: str, variable: Variable) -> list[Any]:
    """A value as it stands on the command line, and what it means where it is an expression."""
    return [text] if variable.is_primitive else [text, hcl.read_expression(text)]


def _texts(value: Any) -> Iterator[str]:
    return leaves(_plain(value))


def _plain(value: Any) -> Any:
    """The same with the text of a heredoc in its place; what only Terraform can evaluate is left out."""
    if isinstance(value, hcl.Expression):
        first, _, rest = value.text.partition("\n")
        return textwrap.dedent(rest.rpartition("\n")[0]) if first.startswith("<<") else None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
