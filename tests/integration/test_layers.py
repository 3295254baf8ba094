"""Layers in order, on the real Terraform: refused, brought up, guarded, drifted, resumed and taken down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.conftest import SMALL_LAYER, Rehearsal, dialogue, make_estate

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

REGION = "eu-west-1"
CONFIG = """
version: 1
guards:
  deletion_protection:
    dev/side: { protect: "false" }
"""


def layer(name: str, body: str) -> str:
    return f"""\
terraform {{
  required_version = ">= 1.11"
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }}
  }}
  backend "s3" {{
    bucket         = "small-estate-state"
    key            = "dev/{name}/terraform.tfstate"
    region         = "{REGION}"
    dynamodb_table = "small-estate-lock"
    encrypt        = true
  }}
}}

provider "aws" {{
  region = "{REGION}"
}}
{body}"""


APP = layer(
    "app",
    """
data "terraform_remote_state" "base" {
  backend = "s3"
  config = {
    bucket = "small-estate-state"
    key    = "dev/base/terraform.tfstate"
    region = "eu-west-1"
  }
}

resource "aws_ssm_parameter" "copy" {
  name           = "/small/copy"
  type           = "String"
  insecure_value = data.terraform_remote_state.base.outputs.greeting
}
""",
)
SIDE = layer(
    "side",
    """
variable "protect" {
  type    = bool
  default = true
}

variable "table" {
  type    = string
  default = "side"
}

resource "aws_s3_bucket" "this" {
  bucket = "side-of-the-small-estate"
}

resource "aws_dynamodb_table" "this" {
  name                        = var.table
  hash_key                    = "id"
  billing_mode                = "PAY_PER_REQUEST"
  deletion_protection_enabled = var.protect

  attribute {
    name = "id"
    type = "S"
  }
}
""",
)
BAD = """
resource "terraform_data" "bad" {
  provisioner "local-exec" {
    command = "exit 3"
  }
}
"""


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """Three layers, of which app stands on base; the tests go through their life in order."""
    files = {
        "wealist.yaml": CONFIG,
        "terraform/dev/base/main.tf": SMALL_LAYER,
        "terraform/dev/app/main.tf": APP,
        "terraform/dev/side/main.tf": SIDE,
    }
    rehearsal = make_estate(tmp_path_factory.mktemp("layers").resolve(), files)
    try:
        rehearsal.ok("bootstrap", "-y")
        yield rehearsal
    finally:
        rehearsal("sandbox", "stop")


def write(estate: Rehearsal, name: str, text: str) -> None:
    (estate.root / "terraform" / "dev" / name / "main.tf").write_text(text)


def outcomes(estate: Rehearsal, *words: str, code: int = 0) -> dict[str, str]:
    answer = estate(*words, "--json")
    assert answer.code == code, answer.said
    return {result["layer"]: result["outcome"] for result in json.loads(answer.out)["results"]}


def ledger(estate: Rehearsal) -> list[dict[str, object]]:
    return [json.loads(line) for line in (estate.home / "ledger.jsonl").read_text().splitlines()]


def test_a_layer_before_the_one_it_stands_on_is_refused(estate: Rehearsal) -> None:
    answer = estate("up", "app", "-y")

    assert answer.code == 11
    assert "dev/app stands on dev/base, which is not applied" in answer.err
    assert "terraform/dev/app/main.tf:22" in answer.err
    assert "wealist --sandbox up dev/app --with-dependencies" in answer.err
    assert not (estate.home / "work/terraform/dev/app/.terraform").exists(), "nothing was started"


def test_a_plan_of_everything_says_what_has_to_wait(estate: Rehearsal) -> None:
    assert outcomes(estate, "plan", "--all") == {
        "dev/base": "planned",
        "dev/app": "waiting",
        "dev/side": "planned",
    }


def test_everything_comes_up_in_order_and_the_second_run_finds_nothing(estate: Rehearsal) -> None:
    first = outcomes(estate, "up", "app", "side", "--with-dependencies", "-y", "--set", "greeting=up")
    order = [entry["layer"] for entry in ledger(estate) if entry["event"] == "apply-started"]

    assert set(first.values()) == {"applied"}
    assert order.index("dev/base") < order.index("dev/app")
    assert set(outcomes(estate, "up", "--all", "-y", "--set", "greeting=up").values()) == {"no-changes"}
    found = estate.client("ssm", REGION).get_parameter(Name="/small/copy")["Parameter"]["Value"]
    assert found == "up"


def test_an_output_that_another_layer_reads_can_not_be_removed(estate: Rehearsal) -> None:
    write(estate, "base", SMALL_LAYER.replace('output "greeting"', 'output "salute"'))
    try:
        planned = estate("plan", "base", "--set", "greeting=up")
        applied = estate("up", "base", "-y", "--set", "greeting=up")
    finally:
        write(estate, "base", SMALL_LAYER)

    for answer in (planned, applied):
        assert answer.code == 13, answer.said
        assert "the plan removes output 'greeting', which dev/app reads at terraform/dev/app/main.tf:34" in answer.err
    assert "greeting" in json.loads(estate.ok("output", "base", "--json").out)


def test_an_output_that_is_not_there_is_named_with_its_line(estate: Rehearsal) -> None:
    write(estate, "app", APP.replace("outputs.greeting", "outputs.greetings"))
    try:
        answer = estate("plan", "app")
    finally:
        write(estate, "app", APP)

    assert answer.code == 11
    assert "terraform/dev/app/main.tf:34: dev/app reads output 'greetings' of dev/base" in answer.err
    assert "did you mean greeting?" in answer.err


def test_what_holds_data_is_replaced_only_by_its_address(estate: Rehearsal) -> None:
    words = ("--set", "protect=true", "--set", "table=other")
    answer = estate("up", "side", "-y", *words)

    assert answer.code == 13
    assert "aws_dynamodb_table.this holds data, and would be replaced (name can't be changed in place)" in answer.err
    assert "--allow-destroy 'dev/side:aws_dynamodb_table.this'" in answer.err
    assert outcomes(estate, "plan", "side", *words) == {"dev/side": "planned"}


def test_a_protection_is_turned_off_only_by_its_address(estate: Rehearsal) -> None:
    answer = estate("up", "side", "-y", "--set", "protect=false")
    assert answer.code == 13
    assert "aws_dynamodb_table.this would lose deletion protection" in answer.err

    with dialogue(estate, "up", "side", "--set", "protect=false") as talk:
        talk.read_until("Type its address to go on:")
        talk.answer("yes")
        talk.read_until("not confirmed, so not applied")
        assert talk.process.wait(timeout=60) == 1

    flag = ("--allow-weaken", "aws_dynamodb_table.this")
    assert outcomes(estate, "up", "side", "-y", "--set", "protect=false", *flag) == {"dev/side": "applied"}
    assert outcomes(estate, "up", "side", "-y") == {"dev/side": "applied"}, "put back"


def test_drift_is_told_attribute_by_attribute(estate: Rehearsal) -> None:
    ssm = estate.client("ssm", REGION)
    assert set(outcomes(estate, "drift", "--detailed-exitcode").values()) == {"no-changes"}
    ssm.put_parameter(Name="/small/greeting", Value="tampered", Type="String", Overwrite=True)
    ssm.put_parameter(Name="/small/password", Value="drifted-secret-1", Type="SecureString", Overwrite=True)
    try:
        answer = estate("drift", "base", "side", "--detailed-exitcode")
        report = json.loads(estate("drift", "base", "--json").out)
    finally:
        estate.ok("up", "base", "-y", "--set", "greeting=up")

    assert answer.code == 2
    assert 'insecure_value: "up" → "tampered"' in answer.out
    assert "value: (redacted), changes" in answer.out
    assert "dev/side: nothing to change" in answer.err
    assert "drifted-secret-1" not in answer.said
    changed = {entry["address"]: entry["attributes"] for entry in report["results"][0]["drift"]}
    assert {"path": "insecure_value", "in_state": "up", "in_the_world": "tampered"} in changed[
        "aws_ssm_parameter.greeting"
    ]


def test_resume_leaves_alone_what_was_done(estate: Rehearsal) -> None:
    write(estate, "app", APP + BAD)
    failed = outcomes(estate, "up", "base", "app", "-y", "--set", "greeting=resumed", code=1)
    assert failed == {"dev/base": "applied", "dev/app": "failed"}

    write(estate, "app", APP)
    resumed = estate("resume", "-y", "--json")

    assert resumed.code == 0, resumed.said
    assert {r["layer"]: r["outcome"] for r in json.loads(resumed.out)["results"]} == {"dev/app": "applied"}
    assert "dev/base: done, left alone" in resumed.err
    assert estate.client("ssm", REGION).get_parameter(Name="/small/copy")["Parameter"]["Value"] == "resumed"
    assert "nothing to resume" in estate.ok("resume", "-y").err


def test_resume_stops_where_something_moved_in_between(estate: Rehearsal) -> None:
    write(estate, "app", APP + BAD)
    outcomes(estate, "up", "base", "app", "-y", "--set", "greeting=moving", code=1)
    write(estate, "app", APP)
    state = json.load(
        estate.client("s3", REGION).get_object(Bucket="small-estate-state", Key="dev/base/terraform.tfstate")["Body"]
    )
    estate.ok("tf", "base", "--", "taint", "aws_ssm_parameter.greeting")
    answer = estate("resume", "-y")
    estate.ok("tf", "base", "--", "untaint", "aws_ssm_parameter.greeting")

    assert answer.code == 13
    assert f"dev/base has moved since run {'20'}" in answer.err
    assert f"state serial {state['serial']} then" in answer.err
    outcomes(estate, "up", "base", "app", "-y", "--set", "greeting=up")


def test_a_half_applied_layer_is_nothing_to_stand_on(estate: Rehearsal) -> None:
    write(estate, "base", SMALL_LAYER + BAD)
    outcomes(estate, "up", "base", "-y", "--set", "greeting=up", code=1)
    try:
        refused = estate("up", "app", "-y")
        allowed = outcomes(estate, "up", "app", "-y", "--allow-incomplete-dependencies")
    finally:
        write(estate, "base", SMALL_LAYER)
        estate.ok("up", "base", "-y", "--set", "greeting=up")

    assert refused.code == 11
    assert "dev/app stands on dev/base, whose last apply failed" in refused.err
    assert allowed == {"dev/app": "no-changes"}


def test_what_others_stand_on_is_not_taken_down(estate: Rehearsal) -> None:
    answer = estate("down", "base", "--confirm", "base")

    assert answer.code == 13
    assert "dev/base can't be taken down: dev/app still stands on it" in answer.err
    assert "wealist --sandbox down dev/base dev/app" in answer.err


def test_a_wrong_name_takes_nothing_down(estate: Rehearsal) -> None:
    with dialogue(estate, "down", "app") as talk:
        talk.read_until("Type dev/app to go on:")
        talk.answer("yes")
        assert talk.process.wait(timeout=60) == 1
    assert estate("down", "app", "--confirm", "base").code == 64
    assert estate("down", "app").code == 64, "there is no terminal"
    assert outcomes(estate, "up", "app", "-y") == {"dev/app": "no-changes"}


def test_protection_and_contents_stop_it_before_anything_is_begun(estate: Rehearsal) -> None:
    s3 = estate.client("s3", REGION)
    s3.put_object(Bucket="side-of-the-small-estate", Key="kept", Body=b"1")
    protected = estate("down", "side", "--confirm", "side")
    full = estate("down", "side", "--confirm", "side", "--lift-deletion-protection")
    s3.delete_object(Bucket="side-of-the-small-estate", Key="kept")

    assert (protected.code, full.code) == (13, 13)
    assert "aws_dynamodb_table.this is protected: AWS refuses to delete it" in protected.err
    assert "aws_s3_bucket.this is not empty (side-of-the-small-estate: kept)" in full.err
    table = estate.client("dynamodb", REGION).describe_table(TableName="side")["Table"]
    assert table["DeletionProtectionEnabled"] is True
    assert outcomes(estate, "up", "side", "-y") == {"dev/side": "no-changes"}


def test_everything_goes_down_in_reverse_and_leaves_empty_states(estate: Rehearsal) -> None:
    names = [word for name in ("base", "app", "side") for word in ("--confirm", name)]
    answer = estate("down", "--all", *names, "--lift-deletion-protection", "--json")

    assert answer.code == 0, answer.said
    assert {r["layer"]: r["outcome"] for r in json.loads(answer.out)["results"]} == dict.fromkeys(
        ("dev/base", "dev/app", "dev/side"), "applied"
    )
    assert "would lose deletion protection" in answer.err
    ended = [entry["layer"] for entry in ledger(estate) if entry["event"] == "finished"]
    assert ended.index("dev/app", -3) < ended.index("dev/base", -3)
    assert estate.client("dynamodb", REGION).list_tables()["TableNames"] == ["small-estate-lock"]
    assert [b["Name"] for b in estate.client("s3", REGION).list_buckets()["Buckets"]] == ["small-estate-state"]
    for name in ("base", "app", "side"):
        body = estate.client("s3", REGION).get_object(Bucket="small-estate-state", Key=f"dev/{name}/terraform.tfstate")[
            "Body"
        ]
        state = json.load(body)
        assert (state["resources"], state["outputs"]) == ([], {})
    assert estate("up", "app", "-y").code == 11, "what was taken down is nothing to stand on"
    assert estate.processes() == []
