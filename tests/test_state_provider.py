"""A state that names a provider which the project does not ask for is refused before an init could download it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.config import Config
from orchestrator.discovery import Estate
from orchestrator.engine import Engine
from orchestrator.errors import PreflightError
from orchestrator.layer import Requirement
from orchestrator.state import State
from orchestrator.state_provider import find_foreign
from tests.estate import HERE, KEY, Store, backend_block, layer, state_text, target_of, write_estate, write_layer

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.finding import Finding
    from orchestrator.run import Proposal
    from tests.fakes import FakeRunner

AWS = "registry.terraform.io/hashicorp/aws"
RANDOM = "registry.terraform.io/hashicorp/random"
PLANTED = "provider.example.com/acme/tool"


def yes(_: Proposal) -> bool:
    return True


def resource(provider: str, *, type_: str = "tool_thing", **more: Any) -> dict[str, Any]:
    return {"mode": "managed", "type": type_, "name": "x", "provider": provider, "instances": [], **more}


def foreign(
    root: Path, *providers: str, requires: tuple[str, ...] = (AWS,), yaml: str = "version: 1\n", **more: Any
) -> list[Finding]:
    """What is said of a state whose resources are of these providers."""
    requirements = tuple(Requirement(source=source, location=HERE) for source in requires)
    text = state_text(resources=[resource(provider) for provider in providers])
    return list(
        find_foreign(
            layer(requirements=requirements, **more),
            State.from_json(text, url="s3://x"),
            folder=root,
            config=Config.parse(yaml),
            command=lambda words: f"wealist {words}",
        )
    )


@pytest.mark.parametrize(
    "text",
    [
        f'provider["{AWS}"]',
        f'provider["{AWS}"].hub',
        f'module.a.provider["{AWS}"]',
        f'module.a.module.b.provider["{AWS.upper()}"].hub',
        'provider["terraform.io/builtin/terraform"]',
        'provider["registry.terraform.io/-/aws"]',
        "provider.aws",
        "module.a.provider.aws.hub",
    ],
)
def test_what_the_hcl_requires_may_be_in_the_state(tmp_path: Path, text: str) -> None:
    assert foreign(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f'provider["{PLANTED}"]', PLANTED),
        (f'module.a.provider["{PLANTED}"].hub', PLANTED),
        ('provider["registry.terraform.io/acme/aws"]', "registry.terraform.io/acme/aws"),
        ('provider["registry.opentofu.org/hashicorp/aws"]', "registry.opentofu.org/hashicorp/aws"),
        (f'provider["{RANDOM}"]', RANDOM),
        ('provider["registry.terraform.io/-/tool"]', "registry.terraform.io/-/tool"),
        ("provider.tool", "registry.terraform.io/-/tool"),
        ("nonsense", "nonsense"),
        (f'provider["{PLANTED}"] and more', f'provider["{PLANTED}"] and more'),
        ('provider["a\x1b[2K/b/c"]', '"a\\u001b[2k/b/c"'),
    ],
)
def test_any_other_provider_is_named_with_its_resource(tmp_path: Path, text: str, shown: str) -> None:
    (finding,) = foreign(tmp_path, f'provider["{AWS}"]', text)

    assert finding.id == "state-provider.foreign"
    assert finding.is_error
    assert finding.seen == (
        f"tool_thing.x is of provider {shown}, which nothing here requires: an init would download and run it"
    )
    assert "wealist state history prod/foundation" in (finding.remedy or "")


def test_the_remedy_says_how_to_require_it(tmp_path: Path) -> None:
    (finding,) = foreign(tmp_path, f'provider["{PLANTED}"]')

    assert f'required_providers {{ tool = {{ source = "{PLANTED}" }} }}' in (finding.remedy or "")
    assert "layers.settings.prod/foundation.state_providers in wealist.yaml" in (finding.remedy or "")


def test_each_provider_is_told_once(tmp_path: Path) -> None:
    assert len(foreign(tmp_path, *[f'provider["{PLANTED}"]'] * 3, 'provider["a.b/c/d"]')) == 2


def test_wealist_yaml_allows_one(tmp_path: Path) -> None:
    yaml = f"version: 1\nlayers: {{settings: {{foundation: {{state_providers: [{PLANTED}, hashicorp/random]}}}}}}\n"

    found = foreign(tmp_path, f'provider["{PLANTED}"]', f'provider["{RANDOM}"]', 'provider["a.b/c/d"]', yaml=yaml)

    assert len(found) == 1


def test_what_the_lock_file_lists_is_known(tmp_path: Path) -> None:
    (tmp_path / ".terraform.lock.hcl").write_text(f'provider "{RANDOM}" {{\n  version = "3.7.2"\n}}\n')

    assert foreign(tmp_path, f'provider["{RANDOM}"]') == []
    assert len(foreign(tmp_path, f'provider["{PLANTED}"]')) == 1


def test_what_a_fetched_module_requires_is_known(tmp_path: Path) -> None:
    modules = tmp_path / ".terraform" / "modules"
    (modules / "a").mkdir(parents=True)
    text = f'terraform {{\n  required_providers {{\n    tool = {{\n      source = "{PLANTED}"\n    }}\n  }}\n}}\n'
    (modules / "a" / "versions.tf").write_text(text)
    entries = [{"Key": "", "Source": "", "Dir": "."}, {"Key": "a", "Source": "x/y/z", "Dir": ".terraform/modules/a"}]
    (modules / "modules.json").write_text(json.dumps({"Modules": entries}))

    assert foreign(tmp_path, f'provider["{PLANTED}"]', remote_modules=("module.a",)) == []


def test_modules_from_elsewhere_may_require_what_is_of_the_public_namespace(tmp_path: Path) -> None:
    given: dict[str, Any] = {"remote_modules": ("module.a",)}

    assert foreign(tmp_path, f'provider["{RANDOM}"]', **given) == []
    assert len(foreign(tmp_path, f'provider["{PLANTED}"]', **given)) == 1
    assert len(foreign(tmp_path, 'provider["registry.terraform.io/acme/random"]', **given)) == 1


@pytest.mark.parametrize("command", ["plan", "up", "down", "drift"])
def test_no_run_starts_an_init_on_such_a_state(estate: Estate, store: Store, runner: FakeRunner, command: str) -> None:
    store.put_state(state_text(resources=[resource(f'provider["{PLANTED}"]')]))
    engine = Engine(estate, target_of(estate.root), runner=runner)
    more = {"confirm": yes} if command in ("up", "down") else {}

    with pytest.raises(PreflightError) as caught:
        getattr(engine, command)(["foundation"], **more)

    assert caught.value.exit_code == 10
    assert "state-provider.foreign" in {finding.id for finding in caught.value.findings if finding.is_error}
    assert not runner.started


def test_a_resource_in_the_hcl_requires_its_provider(tmp_path: Path, store: Store, runner: FakeRunner) -> None:
    root = write_estate(tmp_path)
    write_layer(root, "prod/foundation", backend_block(KEY) + "removed {\n  from = tool_thing.x\n}\n")
    store.put_state(state_text(resources=[resource('provider["registry.terraform.io/hashicorp/tool"]')]))

    report = Engine(Estate.find(root), target_of(root), runner=runner).up(["foundation"], confirm=yes)

    assert report.exit_code == 0
