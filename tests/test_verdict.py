"""What speaks against the account of a layer: in its HCL, and in its plan where nobody is asked about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.config import Config
from orchestrator.discovery import Estate
from orchestrator.engine import Engine
from orchestrator.errors import PreflightError, RunError
from orchestrator.layer import AWS, Provider
from orchestrator.run import RunOptions
from orchestrator.verdict import planned_accounts
from tests.estate import ACCOUNT, KEY, Store, backend_block, layer, target_of, write_estate, write_layer
from tests.fakes import FakeRunner, Reply, recorded

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.finding import Finding
    from orchestrator.run import Proposal

OTHER = "210987654321"
PIN = f"version: 1\naccounts: {{prod: '{ACCOUNT}'}}\n"
ALLOWED = PIN + "layers: {settings: {foundation: {accounts_unknown: allow}}}\n"
PROFILE = 'provider "aws" {\n  profile = "ops"\n}\n'


def yes(_: Proposal) -> bool:
    return True


def planned(*providers: Provider, needed: bool = True, yaml: str = PIN, known: Any = ()) -> list[Finding]:
    return planned_accounts(layer(providers=known), Config.parse(yaml), providers, is_needed=needed)


def role(account: str, **more: Any) -> Provider:
    return Provider(role_arn=f"arn:aws:iam::{account}:role/x", location=None, **more)


def somebody(**more: Any) -> Provider:
    return Provider(elsewhere="profile", location=None, **more)


def test_a_plan_that_works_in_the_pinned_account_is_fine() -> None:
    others = role(OTHER, source="registry.terraform.io/hashicorp/google")

    assert planned(Provider(location=None), role(ACCOUNT, module="module.a"), others) == []
    assert planned(role(OTHER), yaml="version: 1\n") == []


@pytest.mark.parametrize("needed", [True, False])
def test_a_module_that_works_in_another_account_is_found_in_the_plan(needed: bool) -> None:
    (finding,) = planned(Provider(location=None), role(OTHER, module="module.a", alias="hub"), needed=needed)

    assert (finding.id, finding.is_error, finding.subject) == ("account.mismatch", True, OTHER)
    assert (finding.remedy or "").startswith("correct the provider block at module.a, alias hub, or the pin; ")


def test_what_only_the_plan_knows_and_can_not_tell_stops_where_nobody_is_asked() -> None:
    (stops,) = planned(somebody(module="module.a"))
    (warns,) = planned(somebody(module="module.a"), needed=False)
    (allowed,) = planned(somebody(module="module.a"), yaml=ALLOWED)

    assert stops.id == warns.id == allowed.id == "account.unknown"
    assert (stops.is_error, warns.is_error, allowed.is_error) == (True, False, False)


def test_what_the_hcl_told_is_not_asked_of_the_plan_again() -> None:
    local = role(ACCOUNT)

    assert planned(Provider(elsewhere="assume_role", location=None), known=(local,)) == []


# in a run


def engine(root: Path, runner: FakeRunner, *, yaml: str = PIN, provider: str = PROFILE) -> Engine:
    write_estate(root, yaml)
    write_layer(root, "prod/foundation", backend_block(KEY) + provider)
    return Engine(Estate.find(root), target_of(root), runner=runner)


def test_a_run_that_nobody_confirms_at_a_prompt_stops_where_the_account_is_unknown(
    tmp_path: Path, store: Store, runner: FakeRunner
) -> None:
    with pytest.raises(PreflightError) as caught:
        engine(tmp_path, runner).up(["foundation"], confirm=yes)

    (finding,) = [finding for finding in caught.value.findings if finding.is_error]
    assert (finding.id, caught.value.exit_code) == ("account.unknown", 10)
    assert "nobody is asked before it is applied: profile makes its provider somebody else" in finding.seen
    assert "layers.settings.prod/foundation.accounts_unknown: allow in wealist.yaml" in (finding.remedy or "")
    assert not runner.started


def test_one_that_is_asked_about_goes_on(tmp_path: Path, store: Store, runner: FakeRunner) -> None:
    report = engine(tmp_path, runner).up(["foundation"], RunOptions(is_prompted=True), confirm=yes)

    assert report.exit_code == 0


def test_wealist_yaml_lets_it_go_on(tmp_path: Path, store: Store, runner: FakeRunner) -> None:
    assert engine(tmp_path, runner, yaml=ALLOWED).up(["foundation"], confirm=yes).exit_code == 0


def test_what_applies_nothing_goes_on(tmp_path: Path, store: Store, runner: FakeRunner) -> None:
    assert engine(tmp_path, runner).plan(["foundation"]).exit_code == 0


def with_provider(account: str) -> Reply:
    """A plan in which a module has a provider of its own."""
    data = json.loads(recorded("plan-create.json"))
    expressions = {"assume_role": [{"role_arn": {"constant_value": f"arn:aws:iam::{account}:role/x"}}]}
    entry = {"name": "aws", "full_name": AWS, "module_address": "module.dns", "expressions": expressions}
    data["configuration"]["provider_config"]["module.dns:aws"] = entry
    return Reply(stdout=json.dumps(data))


@pytest.mark.parametrize("is_prompted", [True, False])
def test_a_plan_in_another_account_is_neither_shown_nor_asked_about(
    tmp_path: Path, store: Store, runner: FakeRunner, is_prompted: bool
) -> None:
    runner.answer("show", with_provider(OTHER))
    asked: list[Proposal] = []

    def confirm(proposal: Proposal) -> bool:
        asked.append(proposal)
        return True

    with pytest.raises(RunError) as caught:
        engine(tmp_path, runner, provider="").up(["foundation"], RunOptions(is_prompted=is_prompted), confirm=confirm)

    assert caught.value.exit_code == 10
    assert f"nothing was applied: prod is pinned to account {ACCOUNT}" in caught.value.message
    assert asked == []
    assert "apply" not in runner.started


def test_a_plan_in_the_pinned_account_is_applied(tmp_path: Path, store: Store, runner: FakeRunner) -> None:
    runner.answer("show", with_provider(ACCOUNT))

    assert engine(tmp_path, runner, provider="").up(["foundation"], confirm=yes).exit_code == 0


def test_the_library_is_not_taken_for_a_person() -> None:
    assert not RunOptions().is_prompted
