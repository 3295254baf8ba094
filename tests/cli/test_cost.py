"""What a month costs, from words to text: `cost`, and the differences on plans."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from orchestrator.aws.price_list import REGION as PRICE_REGION
from orchestrator.aws.session import Session
from orchestrator.cli.boundary import run
from orchestrator.target import AwsSettings
from tests.aws.test_price_list import answer, product
from tests.estate import Store, state_text
from tests.fakes import Reply
from tests.plans import change, plan_json, script
from tests.test_bill import COMPUTE, held

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.discovery import Estate
    from tests.fakes import FakeRunner

    Capture = pytest.CaptureFixture[str]

DATABASE = {"engine": "postgres", "instance_class": "db.t4g.small", "multi_az": False}
TWICE = {**DATABASE, "multi_az": True}
NAT = "aws_nat_gateway.this"
DB = "aws_db_instance.this"


@pytest.fixture
def book(estate: Estate) -> Path:
    """The repository's own price book."""
    return Path(shutil.copy(Path(__file__).parents[2] / "prices.yaml", estate.root))


@pytest.fixture
def applied(store: Store) -> Store:
    """Foundation has a gateway, a database and a key."""
    resources = [held("aws_nat_gateway", {}), held("aws_db_instance", DATABASE), held("aws_kms_key", {})]
    store.put_state(state_text(resources=[*resources, held("aws_vpc", {})]))
    return store


def plan_with(*changes: dict[str, Any], prior: dict[str, dict[str, Any]] | None = None) -> dict[str, Any]:
    """A plan of a layer that has these resources, by address; what the plan says nothing of stays."""
    items = [
        {"address": address, "type": address.partition(".")[0], "mode": "managed", "values": values}
        for address, values in (prior or {}).items()
    ]
    return {**plan_json(*changes), "prior_state": {"values": {"root_module": {"resources": items}}}}


FIRST = plan_with(change(NAT, "create", None, {}), change(DB, "create", None, DATABASE))
SWITCHED = plan_with(change(NAT, "create", None, {}), change(DB, "create", None, TWICE))
MULTI_AZ = plan_with(change(DB, "update", DATABASE, TWICE), prior={NAT: {}, DB: DATABASE})
KEY = plan_with(change("aws_kms_key.this", "create", None, {}))


# what is deployed


def test_what_is_deployed_is_a_table_without_terraform(
    shell: FakeRunner, applied: Store, book: Path, capsys: Capture
) -> None:
    assert run(["cost", "foundation"]) == 0

    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "prod/foundation: deployed",
        "ap-northeast-2, prices of 2026-11-25: the specification of prod/foundation,",
        "section 비용 최적화 결정사항",
        "",
        "ITEM         CHOICE     A MONTH  TRADE-OFF",
        "NAT Gateway  1             ~$32  nothing gets out while its zone is down",
        "RDS          Single-AZ     ~$23  recovery takes time when the database fails",
        "total                      ~$55",
        "",
        "unpriced, so in no total: 1 resource",
        "  1 aws_kms_key: the price book has none for this type",
        "    aws_kms_key.this[0]",
        "free of charge by themselves: 1 resource",
        "",
    ]
    assert err == ""
    assert shell.commands == []


def test_a_layer_that_is_not_applied_says_so_and_names_the_way(
    shell: FakeRunner, applied: Store, book: Path, capsys: Capture
) -> None:
    assert run(["cost"]) == 0

    out, err = capsys.readouterr()
    assert "prod/foundation: deployed" in out
    assert "all layers" not in out
    assert err == "prod/compute: nothing is deployed; what it would cost: wealist cost prod/compute --plan\n"


def test_all_layers_have_a_sum(shell: FakeRunner, applied: Store, book: Path, capsys: Capture) -> None:
    applied.put_state(state_text(resources=[held("aws_nat_gateway", {}, {}, {})]), key=COMPUTE)

    assert run(["cost"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "all layers: ~$151 a month, without what is unpriced"


def test_what_is_deployed_as_data(shell: FakeRunner, applied: Store, book: Path, capsys: Capture) -> None:
    assert run(["cost", "--json"]) == 0

    data = json.loads(capsys.readouterr().out)
    assert (data["currency"], data["date"], data["monthly"]) == ("USD", "2026-11-25", {"deployed": 55})
    compute, foundation = data["layers"]
    assert compute == {"layer": "prod/compute", "deployed": None}
    assert [(item["item"], item["monthly"]) for item in foundation["deployed"]["items"]] == [
        ("NAT Gateway", 32),
        ("RDS", 23),
    ]
    assert foundation["deployed"]["unpriced"][0]["address"] == "aws_kms_key.this[0]"


def test_a_state_that_can_not_be_read_is_told_beside_the_others(
    shell: FakeRunner, applied: Store, book: Path, capsys: Capture
) -> None:
    applied.put_state("no state", key=COMPUTE)

    assert run(["cost"]) == 0
    out, err = capsys.readouterr()
    assert "prod/foundation: deployed" in out
    assert "! prod/compute: s3://acme-state/prod/compute/terraform.tfstate: this is not a Terraform state" in err
    assert "it is in no total here" in err

    assert run(["cost", "compute"]) == 1


def test_without_a_price_book_there_is_nothing_to_say(shell: FakeRunner, applied: Store, capsys: Capture) -> None:
    for words in (["cost"], ["cost", "--plan"], ["cost", "foundation", "--set", "name=a"]):
        assert run(words) == 64
        assert "error: nothing here states prices: there is no prices.yaml\n" in capsys.readouterr().err
    assert shell.commands == []


# what would be


def test_a_layer_that_is_not_applied_is_planned_and_priced(
    shell: FakeRunner, store: Store, book: Path, capsys: Capture
) -> None:
    script(shell, FIRST)

    assert run(["cost", "foundation", "--plan"]) == 0

    out = capsys.readouterr().out.splitlines()
    assert out[1] == "prod/foundation: deployed and planned"
    assert out[5:9] == [
        "ITEM         DEPLOYED     PLANNED          DIFFERENCE",
        "NAT Gateway  -            1          ~$32        +$32",
        "RDS          -            Single-AZ  ~$23        +$23",
        "total                  -             ~$55        +$55",
    ]
    assert shell.started == ["init", "plan", "show"]


def test_a_switch_is_held_against_what_is_deployed(
    shell: FakeRunner, applied: Store, book: Path, capsys: Capture
) -> None:
    script(shell, MULTI_AZ)

    assert run(["cost", "foundation", "--set", "name=a"]) == 0

    out = capsys.readouterr().out
    assert "NAT Gateway  1          ~$32  1         ~$32        same\n" in out
    assert "RDS          Single-AZ  ~$23  Multi-AZ  ~$46        +$23\n" in out
    assert "RDS, Multi-AZ: a standby in another zone takes over\n" in out
    assert shell.started == ["init", "plan", "show"]


def test_a_switch_on_a_layer_that_is_not_applied_is_held_against_a_plan_without_it(
    shell: FakeRunner, store: Store, book: Path, capsys: Capture
) -> None:
    script(shell, SWITCHED, FIRST)

    assert run(["cost", "foundation", "--set", "name=a", "--json"]) == 0

    data = json.loads(capsys.readouterr().out)
    assert data["monthly"] == {"before": 55, "planned": 78, "difference": 23}
    (layer,) = data["layers"]
    assert (layer["baseline"], layer["outcome"]) == ("plan", "priced")
    assert "deployed" not in layer
    assert (layer["without_set"]["monthly"], layer["planned"]["monthly"]) == (55, 78)
    assert layer["delta"]["items"][1] == {
        "item": "RDS",
        "before": 23,
        "after": 46,
        "difference": 23,
        "is_whole": True,
    }
    first, second = (c for c in shell.commands if c.argv[1] == "plan")
    assert any(word.startswith("-var-file=") for word in first.argv)
    assert not any(word.startswith("-var-file=") for word in second.argv)


def test_a_variable_file_is_a_switch_too(
    shell: FakeRunner, store: Store, book: Path, tmp_path: Path, capsys: Capture
) -> None:
    script(shell, SWITCHED, FIRST)
    switch = tmp_path / "larger.tfvars"
    switch.write_text('name = "a"\n')

    assert run(["cost", "foundation", "--var-file", str(switch), "--json"]) == 0

    data = json.loads(capsys.readouterr().out)
    assert data["layers"][0]["baseline"] == "plan"
    assert data["monthly"] == {"before": 55, "planned": 78, "difference": 23}
    first, second = (c for c in shell.commands if c.argv[1] == "plan")
    assert f"-var-file={switch}" in first.argv
    assert not any(word.startswith("-var-file=") for word in second.argv)


def test_values_that_a_plan_can_not_do_without_are_held_against_nothing(
    shell: FakeRunner, store: Store, book: Path, tmp_path: Path, capsys: Capture
) -> None:
    script(shell, SWITCHED)
    needed = tmp_path / "prod.tfvars"
    needed.write_text('name = "a"\n')
    shell.replies["plan"].append(Reply(returncode=1))

    assert run(["cost", "foundation", "--var-file", str(needed), "--json"]) == 0

    out, err = capsys.readouterr()
    data = json.loads(out)
    assert data["layers"][0]["baseline"] == "deployed"
    assert data["monthly"] == {"before": 0, "planned": 78, "difference": 78}
    assert "prod/foundation can't be planned without the given values, so they are held against nothing" in err


def test_what_becomes_unpriced_is_no_saving(shell: FakeRunner, applied: Store, book: Path, capsys: Capture) -> None:
    larger = {**DATABASE, "instance_class": "db.t4g.large"}
    script(shell, plan_with(change(DB, "update", DATABASE, larger), prior={NAT: {}, DB: DATABASE}))

    assert run(["cost", "foundation", "--plan"]) == 0

    out = capsys.readouterr().out
    assert ["RDS", "Single-AZ", "~$23", "unpriced", "?"] in [line.split() for line in out.splitlines()]
    assert "  1 aws_db_instance: the price book has none for engine postgres, instance_class\n    db.t4g.large\n" in out
    assert "in the difference, unpriced: changed 1 aws_db_instance\n" in out


def test_a_layer_on_one_that_is_not_applied_waits(shell: FakeRunner, store: Store, book: Path, capsys: Capture) -> None:
    script(shell, FIRST)

    assert run(["cost", "--plan", "--json"]) == 0

    out, err = capsys.readouterr()
    assert [(part["layer"], part["outcome"]) for part in json.loads(out)["layers"]] == [
        ("prod/foundation", "priced"),
        ("prod/compute", "waiting"),
    ]
    assert "prod/compute can be planned once prod/foundation is applied" in err


def test_a_plan_that_fails_has_its_own_code(shell: FakeRunner, store: Store, book: Path, capsys: Capture) -> None:
    shell.answer("plan", Reply(returncode=1))

    assert run(["cost", "foundation", "--plan"]) == 1
    assert "error: " in capsys.readouterr().err


def test_no_line_is_longer_than_80(shell: FakeRunner, applied: Store, book: Path, capsys: Capture) -> None:
    many = [change(f"aws_ecr_repository.r{n}", "create", None, {}) for n in range(5)]
    gateways = [change(f"aws_nat_gateway.n{n}", "create", None, {}) for n in range(2)]
    script(shell, plan_with(*many, *gateways, change(DB, "update", DATABASE, TWICE), prior={NAT: {}, DB: DATABASE}))

    assert run(["cost", "foundation"]) == 0
    assert run(["cost", "foundation", "--plan"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80] == []


# on plans


def test_a_plan_tells_what_it_does_to_the_month(shell: FakeRunner, applied: Store, book: Path, capsys: Capture) -> None:
    script(shell, MULTI_AZ)

    assert run(["plan", "foundation"]) == 0
    assert "\n≈ +$23 a month: RDS +$23\n" in capsys.readouterr().out

    assert run(["up", "foundation", "-y", "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result["monthly_delta"] == 23
    assert (result["cost"]["before"], result["cost"]["after"], result["cost"]["difference"]) == (55, 78, 23)


def test_a_plan_tells_what_it_can_not_price(shell: FakeRunner, applied: Store, book: Path, capsys: Capture) -> None:
    larger = {**DATABASE, "instance_class": "db.t4g.large"}
    script(shell, plan_with(change(DB, "update", DATABASE, larger), prior={DB: DATABASE}))

    assert run(["plan", "foundation"]) == 0

    assert (
        "\nunpriced: changed 1 aws_db_instance\n"
        "  aws_db_instance.this: the price book has none for engine postgres, instance_class db.t4g.large\n"
    ) in capsys.readouterr().out


def test_a_plan_that_costs_nothing_says_nothing_of_it(
    shell: FakeRunner, applied: Store, book: Path, capsys: Capture
) -> None:
    script(shell, plan_with(change("aws_vpc.this", "update", {"a": 1}, {"a": 2}), prior={"aws_vpc.this": {"a": 1}}))

    assert run(["plan", "foundation"]) == 0
    assert "month" not in capsys.readouterr().out


def test_without_a_price_book_a_plan_is_what_it_was(shell: FakeRunner, applied: Store, capsys: Capture) -> None:
    script(shell, MULTI_AZ)

    assert run(["plan", "foundation", "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert not {"cost", "monthly_delta"} & result.keys()


def test_taking_down_is_not_about_the_month(shell: FakeRunner, applied: Store, book: Path, capsys: Capture) -> None:
    book.write_text("version: 2\n")
    script(shell, plan_with(change("aws_vpc.this", "delete", {}), prior={"aws_vpc.this": {}}))

    assert run(["down", "foundation", "--confirm", "foundation"]) == 0
    out, err = capsys.readouterr()
    assert "prices.yaml" not in out + err
    assert "apply" in shell.started


def test_a_wrong_price_book_stops_a_plan_before_terraform(
    shell: FakeRunner, applied: Store, book: Path, capsys: Capture
) -> None:
    book.write_text(book.read_text().replace("currency: USD", "curency: USD"))

    assert run(["plan", "foundation"]) == 64
    assert "error: prices.yaml:4: curency: unknown key\n next: did you mean currency?" in capsys.readouterr().err
    assert shell.commands == []


def test_events_for_programs_hold_the_difference(
    shell: FakeRunner, applied: Store, book: Path, capsys: Capture
) -> None:
    script(shell, MULTI_AZ)

    assert run(["plan", "foundation", "--log-format", "json"]) == 0

    told = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    (ready,) = [event for event in told if event["event"] == "PlanReady"]
    assert ready["cost"]["difference"] == 23


# a limit


@pytest.mark.parametrize("words", [["plan"], ["up", "-y"], ["cost", "--plan"]], ids=" ".join)
def test_a_plan_over_the_limit_is_13_and_nothing_is_applied(
    words: list[str], shell: FakeRunner, applied: Store, book: Path, capsys: Capture
) -> None:
    script(shell, MULTI_AZ)

    assert run([*words, "foundation", "--max-monthly-delta", "22.5"]) == 13

    out, err = capsys.readouterr()
    assert "error: prod/foundation: a month would cost $23 more, and --max-monthly-delta is $22.50\n" in err
    assert " next: --max-monthly-delta 23, if that is what you want" in err
    assert "+$23" in out
    assert "apply" not in shell.started

    assert run([*words, "foundation", "--max-monthly-delta", "23"]) == 0


def test_the_limit_may_be_left_in_a_shell(
    shell: FakeRunner, applied: Store, book: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("WEALIST_MAX_MONTHLY_DELTA", "10")
    script(shell, MULTI_AZ)

    assert run(["up", "foundation", "-y"]) == 13
    assert run(["cost", "foundation"]) == 0
    assert "note: --max-monthly-delta is about what a plan adds" in capsys.readouterr().err
    monkeypatch.delenv("WEALIST_MAX_MONTHLY_DELTA")
    assert run(["cost", "foundation", "--max-monthly-delta", "10"]) == 64, "a check that checks nothing"


def test_the_limit_is_for_all_layers_of_a_run(shell: FakeRunner, store: Store, book: Path, capsys: Capture) -> None:
    gateway = plan_with(change(NAT, "create", None, {}))
    script(shell, gateway, plan_with(change(DB, "create", None, DATABASE)))

    assert run(["up", "--all", "-y", "--max-monthly-delta", "50"]) == 13

    assert [c.cwd.name for c in shell.commands if c.argv[1] == "apply"] == ["foundation"]
    assert (
        "error: prod/compute: a month would cost $55 more (prod/foundation +$32, prod/compute +$23), "
        "and --max-monthly-delta is $50"
    ) in capsys.readouterr().err


@pytest.mark.parametrize("code", [0, 1])
def test_what_an_apply_saves_counts_once_it_is_done(
    shell: FakeRunner, applied: Store, book: Path, capsys: Capture, code: int
) -> None:
    store, fewer = applied, plan_with(change(DB, "delete", DATABASE, None), prior={NAT: {}, DB: DATABASE})
    script(shell, fewer, plan_with(change(DB, "create", None, DATABASE)))
    store.put_state(state_text(resources=[held("aws_kms_key", {})]), key=COMPUTE)
    state = state_text(resources=[held("aws_nat_gateway", {})], outputs={"a": "b"})
    shell.answer("apply", Reply(returncode=code, does=lambda _: store.put_state(state)), Reply())
    words = ["up", "--all", "-y", "--max-monthly-delta", "0", "--allow-destroy", f"prod/foundation:{DB}"]

    assert run(words) == code, capsys.readouterr().err

    assert [c.cwd.name for c in shell.commands if c.argv[1] == "apply"] == ["foundation", *["compute"][code:]]


def test_a_run_that_is_gone_on_with_keeps_its_limit_and_what_it_spent(
    shell: FakeRunner, store: Store, book: Path, capsys: Capture
) -> None:
    # The layer that failed is planned anew, and its plan is dearer by then.
    script(shell, plan_with(change(NAT, "create", None, {})), KEY, plan_with(change(DB, "create", None, DATABASE)))
    state = state_text(resources=[held("aws_nat_gateway", {})], outputs={"a": "b"})
    shell.answer("apply", Reply(does=lambda _: store.put_state(state)), Reply(returncode=1))
    assert run(["up", "--all", "-y", "--max-monthly-delta", "50"]) == 1

    assert run(["resume", "-y"]) == 13
    assert "a month would cost $55 more (prod/foundation +$32, prod/compute +$23)" in capsys.readouterr().err


def test_what_the_limit_can_not_count_is_a_warning_and_no_question(
    shell: FakeRunner, applied: Store, book: Path, capsys: Capture
) -> None:
    script(shell, KEY)

    assert run(["up", "foundation", "-y", "--max-monthly-delta", "0"]) == 0

    out = capsys.readouterr().out
    assert (
        "! guard.cost.unpriced  1 new or changed: without a price, which --max-monthly-delta can't count: aws_kms_key.this"
    ) in out
    assert "apply" in shell.started


@pytest.mark.parametrize("amount", ["nan", "inf"])
def test_a_limit_that_is_no_amount_is_refused(
    amount: str, shell: FakeRunner, applied: Store, book: Path, capsys: Capture
) -> None:
    assert run(["up", "foundation", "-y", "--max-monthly-delta", amount]) == 64
    assert f"error: --max-monthly-delta {amount}: this is no amount" in capsys.readouterr().err
    assert shell.commands == []


def test_a_limit_without_prices_would_limit_nothing(shell: FakeRunner, applied: Store, capsys: Capture) -> None:
    assert run(["plan", "foundation", "--max-monthly-delta", "50"]) == 64
    assert "error: --max-monthly-delta 50: nothing here states prices\n" in capsys.readouterr().err
    assert shell.commands == []


# AWS's own list


@pytest.fixture
def price_list(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """AWS's price list, which moto does not have; every other service is moto's."""
    client = Session(AwsSettings(access_key="testing", secret_key="testing")).client("pricing", PRICE_REGION)
    make = Session._make
    monkeypatch.setattr(
        Session, "_make", lambda self, service, region: client if service == "pricing" else make(self, service, region)
    )
    with Stubber(client) as stubber:
        yield stubber


def test_where_aws_differs_from_the_book_is_told(
    shell: FakeRunner, applied: Store, book: Path, price_list: Stubber, capsys: Capture
) -> None:
    price_list.add_response("get_products", answer(product("0.0590000000")))
    price_list.add_response("get_products", answer())

    assert run(["cost", "foundation", "--live"]) == 0

    out = capsys.readouterr().out
    assert "NAT Gateway  1             ~$32  nothing" in out, "the table is still the book's"
    assert (
        "\nAWS's price list now, beside the price book of 2026-11-25\n"
        "ITEM         BOOK  AWS  DIFFERENCE\n"
        "NAT Gateway   $32  $43        +$11\n"
        "RDS: AmazonRDS lists nothing in USD with regionCode=ap-northeast-2,\n"
    ) in out


def test_what_aws_says_as_data(
    shell: FakeRunner, applied: Store, book: Path, price_list: Stubber, capsys: Capture
) -> None:
    price_list.add_response("get_products", answer(product("0.0590000000")))
    price_list.add_response("get_products", answer(product("0.1020000000")))
    script(shell, MULTI_AZ)

    assert run(["cost", "foundation", "--plan", "--live", "--json"]) == 0

    (layer,) = json.loads(capsys.readouterr().out)["layers"]
    assert layer["planned"]["live"] == [
        {"item": "NAT Gateway", "address": NAT, "book": 32, "aws": 43.07, "difference": 11.07, "reason": None},
        {"item": "RDS", "address": DB, "book": 46, "aws": 74.46, "difference": 28.46, "reason": None},
    ]


def test_where_aws_can_not_be_asked_the_book_stands(
    shell: FakeRunner, applied: Store, book: Path, price_list: Stubber, capsys: Capture
) -> None:
    price_list.add_client_error("get_products", "AccessDeniedException", "no pricing:GetProducts")

    assert run(["cost", "foundation", "--live"]) == 0

    out, err = capsys.readouterr()
    assert "total                      ~$55" in out
    assert "AWS's price list" not in out
    assert err == (
        "note: asking AWS's price list: AccessDeniedException: no pricing:GetProducts; "
        "the figures are the price book's, of 2026-11-25\n"
    )
