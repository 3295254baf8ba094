from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from orchestrator.errors import OutputFormatError
from orchestrator.plan import KNOWN_KEYS, Action, AttributeChange, Plan, ResourceChange
from orchestrator.redaction import MASK, Redactor
from tests.fakes import CANARY, REPLACEMENT, recorded_json
from tests.plans import plan_json


def plan(name: str) -> Plan:
    return Plan.from_json(recorded_json(f"plan-{name}.json"), digest="sha256:00")


def change(before: Any, after: Any, **more: Any) -> ResourceChange:
    """An update of one resource; marks and unknowns by keyword."""
    return ResourceChange.from_json(
        {
            "address": "aws_db_instance.this",
            "type": "aws_db_instance",
            "name": "this",
            "mode": "managed",
            "change": {"actions": ["update"], "before": before, "after": after, **more},
        }
    )


def differences(before: Any, after: Any, **more: Any) -> list[tuple[str, Any, Any]]:
    return [(c.path, c.before, c.after) for c in change(before, after, **more).attribute_changes()]


def named(plan: Plan, address: str) -> ResourceChange:
    (found,) = [change for change in plan.changes if change.address == address]
    return found


def test_a_first_plan_creates_everything() -> None:
    first = plan("create")

    assert first.counts == {Action.CREATE: 6}
    assert first.has_changes
    assert first.terraform_version == "1.11.4"
    assert {output.name: output.action for output in first.outputs} == dict.fromkeys(
        ("endpoint", "password", "ports"), Action.CREATE
    )


def test_every_kind_of_change_is_told_apart() -> None:
    mixed = plan("mixed")

    assert {c.address.removeprefix("terraform_data."): c.action for c in mixed.changes} == {
        "created": Action.CREATE,
        "deleted": Action.DELETE,
        "new_name": Action.NO_OP,
        "replaced": Action.REPLACE,
        "secret": Action.UPDATE,
        "updated": Action.UPDATE,
    }
    assert mixed.counts == {Action.CREATE: 1, Action.DELETE: 1, Action.REPLACE: 1, Action.UPDATE: 2}
    assert named(mixed, "terraform_data.new_name").previous_address == "terraform_data.old_name"
    assert named(mixed, "terraform_data.deleted").reason == "delete_because_no_resource_config"


def test_an_update_shows_what_differs_and_nothing_else() -> None:
    changes = list(named(plan("mixed"), "terraform_data.updated").attribute_changes())

    assert changes == [
        AttributeChange(path="input.size", before="small", after="large"),
        AttributeChange(path="output", before={"size": "small", "zones": ["a", "b"]}, after="(known after apply)"),
    ]


def test_a_replacement_names_the_attribute_that_forces_it() -> None:
    changes = named(plan("mixed"), "terraform_data.replaced").attribute_changes()

    assert [c.path for c in changes if c.forces_replacement] == ["triggers_replace.0"]


def test_only_a_whole_path_forces_replacement() -> None:
    found = change({"name": "a", "name_prefix": "a"}, {"name": "b", "name_prefix": "b"}, replace_paths=[["name"]])

    assert [(c.path, c.forces_replacement) for c in found.attribute_changes()] == [
        ("name", True),
        ("name_prefix", False),
    ]


def test_marked_values_are_masked_on_both_sides() -> None:
    secret = {c.path: c for c in named(plan("mixed"), "terraform_data.secret").attribute_changes()}

    assert (secret["input.password"].before, secret["input.password"].after) == ("(redacted)", "(redacted)")


def test_no_secret_is_in_a_repr() -> None:
    for name in ("create", "mixed"):
        shown = repr(plan(name)) + repr(plan(name).changes) + repr(plan(name).outputs)
        assert CANARY not in shown
        assert REPLACEMENT not in shown


def test_a_plans_secrets_are_known_for_the_redactor() -> None:
    assert plan("create").secrets == {CANARY}
    assert plan("mixed").secrets == {CANARY, REPLACEMENT}


def test_secrets_come_from_outputs_variables_marks_and_names() -> None:
    data = recorded_json("plan-output.json")
    data["resource_changes"] = [
        {
            "address": "aws_elasticache_replication_group.this",
            "type": "aws_elasticache_replication_group",
            "name": "this",
            "mode": "managed",
            "change": {
                "actions": ["create"],
                "before": None,
                "after": {"auth_token": "by-its-name", "users": [{"pass": "by-its-mark"}, {"pass": "in clear"}]},
                "after_sensitive": {"users": [{"pass": True}, {}]},
            },
        }
    ]
    data["output_changes"] = {"token": {"actions": ["create"], "after": ["by-its-output"], "after_sensitive": True}}
    data["variables"] = {"password": {"value": {"nested": "by-its-variable"}}}
    data["prior_state"] = data["planned_values"] = None

    assert Plan.from_json(data, digest="").secrets == {
        "by-its-name",
        "by-its-mark",
        "by-its-output",
        "by-its-variable",
    }


def test_what_was_read_while_the_plan_was_made_is_secret_too() -> None:
    """A secret that was changed in AWS stands in no change, but in the description that it is a part of."""
    secret = json.dumps({"engine": "postgres", "password": "new-in-aws", "pin": 837465})
    read = {"address": "data.a.s", "mode": "data", "values": {"secret_string": secret, "id": "arn:s"}}
    marked = {
        "address": "module.m.data.b.p",
        "mode": "data",
        "values": {"value": "of-a-module"},
        "sensitive_values": {"value": True},
    }
    data = plan_json()
    data["prior_state"] = {"values": {"root_module": {"resources": [read], "child_modules": [{"resources": [marked]}]}}}
    data["planned_values"] = {"outputs": {"o": {"value": ["of-an-output"], "sensitive": True}}}

    secrets = Plan.from_json(data, digest="").secrets

    assert {"new-in-aws", "837465", "of-a-module", "of-an-output"} <= secrets
    assert Redactor(secrets)('aws_db.postgres: "tok new-in-aws"') == f'aws_db.postgres: "tok {MASK}"'


def test_the_sensitive_variables_of_a_module_are_secret_where_they_are_literal() -> None:
    data = plan_json()
    variables = {"a": {"sensitive": True}, "b": {"sensitive": True, "default": "by-its-default"}, "c": {}}
    call = {"expressions": {"a": {"constant_value": "by-its-call"}, "c": {"constant_value": "in clear"}}}
    data["configuration"] = {"root_module": {"module_calls": {"m": {**call, "module": {"variables": variables}}}}}

    assert Plan.from_json(data, digest="").secrets == {"by-its-call", "by-its-default"}


def test_a_plan_of_outputs_alone_is_a_change() -> None:
    outputs = plan("output")

    assert outputs.counts == {}
    assert outputs.changes == ()
    assert outputs.has_changes
    assert [output.name for output in outputs.outputs if output.action.is_change] == ["added"]


def test_a_move_alone_is_a_change_without_counts() -> None:
    moved = plan("moved")

    assert moved.counts == {}
    assert moved.has_changes
    assert [(c.previous_address, c.address) for c in moved.changes] == [
        ("terraform_data.new_name", "terraform_data.newest_name")
    ]


def test_a_plan_of_nothing_has_no_changes() -> None:
    data = recorded_json("plan-output.json")
    del data["output_changes"]["added"]

    assert not Plan.from_json(data, digest="").has_changes


def test_a_sensitive_output_says_so() -> None:
    sensitive = {output.name: output.is_sensitive for output in plan("mixed").outputs}

    assert sensitive == {"endpoint": False, "password": True, "ports": False}


def test_drift_is_kept_apart() -> None:
    data = recorded_json("plan-output.json")
    drifted = copy.deepcopy(recorded_json("plan-mixed.json")["resource_changes"][-1])
    data["resource_drift"] = [drifted]
    found = Plan.from_json(data, digest="")

    assert [c.address for c in found.drift] == ["terraform_data.updated"]
    assert found.changes == ()


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        (["no-op"], Action.NO_OP),
        (["create"], Action.CREATE),
        (["read"], Action.READ),
        (["update"], Action.UPDATE),
        (["delete"], Action.DELETE),
        (["delete", "create"], Action.REPLACE),
        (["create", "delete"], Action.REPLACE),
        (["create", "forget"], Action.REPLACE),
        (["forget"], Action.FORGET),
        (["open"], Action.NO_OP),
        ([], Action.NO_OP),
    ],
)
def test_lists_of_actions_are_one_action(actions: list[str], expected: Action) -> None:
    assert Action.from_json(actions) is expected


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(OutputFormatError, match=r"an action that this wealist does not know: \['teleport'\]"):
        Action.from_json(["teleport"])


@pytest.mark.parametrize(
    ("action", "is_change", "is_destructive"),
    [
        (Action.NO_OP, False, False),
        (Action.READ, False, False),
        (Action.CREATE, True, False),
        (Action.UPDATE, True, False),
        (Action.DELETE, True, True),
        (Action.REPLACE, True, True),
        (Action.FORGET, True, False),
    ],
)
def test_what_an_action_does(action: Action, *, is_change: bool, is_destructive: bool) -> None:
    assert (action.is_change, action.is_destructive) == (is_change, is_destructive)


@pytest.mark.parametrize("version", ["2.0", "0.2", "", None])
def test_another_major_format_is_refused(version: str | None) -> None:
    data = recorded_json("plan-output.json")
    data["format_version"] = version

    with pytest.raises(OutputFormatError, match=r"this wealist reads 1\.x") as caught:
        Plan.from_json(data, digest="")

    assert caught.value.hint == "upgrade wealist, or use an older Terraform"


def test_a_newer_minor_format_with_unknown_keys_is_read() -> None:
    data = {**recorded_json("plan-create.json"), "format_version": "1.99", "future": {"a": 1}}

    assert Plan.from_json(data, digest="").counts == {Action.CREATE: 6}


@pytest.mark.parametrize(
    "more",
    [
        {"resource_changes": [{"address": "a"}]},
        {"resource_changes": [None]},
        {"output_changes": {"a": {}}},
        {"output_changes": {"a": None}},
    ],
)
def test_a_field_of_another_shape_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(OutputFormatError, match="the plan is of an unexpected shape"):
        Plan.from_json({"format_version": "1.2", **more}, digest="")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
        ({"a": 1}, {}, [("a", 1, None)]),
        ({}, {"a": 1}, [("a", None, 1)]),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, [("a.b.c", 1, 2)]),
        ({"a": [1, 2]}, {"a": [1, 3]}, [("a.1", 2, 3)]),
        ({"a": [1]}, {"a": [1, 2]}, [("a", [1], [1, 2])]),
        ({"a": {"b": 1}}, {"a": [1]}, [("a", {"b": 1}, [1])]),
        ({"a": True}, {"a": False}, [("a", True, False)]),
        (None, {"a": 1}, [("a", None, 1)]),
        ({"a": 1}, None, [("a", 1, None)]),
        (None, None, []),
    ],
)
def test_both_sides_are_walked_down_to_what_differs(before: Any, after: Any, expected: list[Any]) -> None:
    assert differences(before, after) == expected


def test_what_is_not_known_yet_says_so() -> None:
    assert differences({"id": "a"}, {}, after_unknown={"id": True}) == [("id", "a", "(known after apply)")]
    assert differences(None, {}, after_unknown={"id": True}) == [("id", None, "(known after apply)")]
    assert differences({"tags": {}}, {"tags": {}}, after_unknown={"tags": {"a": True}}) == [
        ("tags.a", None, "(known after apply)")
    ]


@pytest.mark.parametrize(
    ("before", "after", "marks", "expected"),
    [
        ({"p": "old"}, {"p": "new"}, {"before_sensitive": {"p": True}}, [("p", "(redacted)", "(redacted)")]),
        ({"p": "old"}, {"p": "new"}, {"after_sensitive": {"p": True}}, [("p", "(redacted)", "(redacted)")]),
        (None, {"p": "new"}, {"after_sensitive": {"p": True}}, [("p", None, "(redacted)")]),
        ({"p": "old"}, None, {"before_sensitive": {"p": True}}, [("p", "(redacted)", None)]),
        ({"p": "same"}, {"p": "same"}, {"after_sensitive": {"p": True}}, []),
        (
            {"p": "old"},
            {},
            {"after_sensitive": {"p": True}, "after_unknown": {"p": True}},
            [("p", "(redacted)", "(known after apply)")],
        ),
        ({"a": "x"}, {"a": "y"}, {"before_sensitive": True}, [("", "(redacted)", "(redacted)")]),
        (
            {"l": [{"p": "x"}]},
            {"l": [{"p": "x"}, {"p": "y"}]},
            {"before_sensitive": {"l": [{"p": True}]}, "after_sensitive": {"l": [{"p": True}, {"p": True}]}},
            [("l", [{"p": "(redacted)"}], [{"p": "(redacted)"}, {"p": "(redacted)"}])],
        ),
    ],
)
def test_sensitive_values_are_masked(before: Any, after: Any, marks: dict[str, Any], expected: list[Any]) -> None:
    assert differences(before, after, **marks) == expected


def test_a_mark_below_what_is_unknown_masks_the_old_value() -> None:
    found = differences(
        {"out": {"user": "admin", "pass": "hunter2"}},
        {},
        after_unknown={"out": True},
        before_sensitive={"out": {"pass": True}},
    )

    assert found == [("out", {"user": "admin", "pass": "(redacted)"}, "(known after apply)")]


def test_an_import_is_a_change_that_is_shown() -> None:
    change = {"actions": ["no-op"], "before": {}, "after": {}, "importing": {"id": "vpc-1"}}
    resource = {"address": "aws_vpc.this", "type": "aws_vpc", "name": "this", "mode": "managed", "change": change}

    plan = Plan.from_json({"format_version": "1.2", "resource_changes": [resource]}, digest="d")

    assert plan.has_changes
    (shown,) = plan.changes
    assert (shown.import_id, shown.is_shown) == ("vpc-1", True)


def test_what_moves_by_itself_is_no_drift() -> None:
    def drifted(type_: str, attribute: str) -> bool:
        item = {"address": f"{type_}.this", "type": type_, "name": "this", "mode": "managed"}
        change = {"actions": ["update"], "before": {attribute: ["a"]}, "after": {attribute: ["b"]}}
        data = {"format_version": "1.2", "resource_drift": [{**item, "change": change}]}
        return bool(Plan.from_json(data, digest="", is_refresh_only=True).drift)

    assert not drifted("aws_db_instance", "latest_restorable_time")
    assert not drifted("aws_iam_role", "managed_policy_arns")
    assert drifted("aws_iam_role", "assume_role_policy")
    assert drifted("aws_security_group", "ingress")


# what Terraform 1.11 to 1.15 wrote


KEYS = recorded_json("plan-keys.json")


def test_every_key_that_was_recorded_is_known() -> None:
    seen = {key for plans in KEYS.values() for plan in plans.values() for key in (*plan["filled"], *plan["empty"])}

    assert seen == KNOWN_KEYS
    assert [version.rpartition(".")[0] for version in KEYS] == ["1.11", "1.12", "1.13", "1.14", "1.15"]


@pytest.mark.parametrize("key", ["action_invocations", "deferred_action_invocations", "deferred_changes", "anything"])
def test_a_key_that_was_not_recorded_is_named_where_it_holds_something(key: str) -> None:
    def unknown(value: Any) -> dict[str, str]:
        data = {**recorded_json("plan-create.json"), key: value}
        return dict(Plan.from_json(data, digest="").unknown_keys)

    assert unknown([{"address": "action.x.y"}, {"address": "action.x.z"}]) == {key: "action.x.y, action.x.z"}
    assert unknown([{}]) == {key: "1 entry"}
    assert unknown({"a": CANARY, "b": 1}) == {key: "2 entries"}
    assert unknown(CANARY) == unknown(True) == {key: "a value"}
    empty: tuple[Any, ...] = ([], {}, None, "", False)
    for nothing in empty:
        assert unknown(nothing) == {}


def test_a_plan_says_whether_it_is_whole() -> None:
    whole, part, failed = plan("forget"), plan("target"), plan("errored")

    assert (whole.is_complete, whole.is_applicable, whole.is_errored) == (True, True, False)
    assert (part.is_complete, part.is_applicable, part.is_errored) == (False, True, False)
    assert (failed.is_complete, failed.is_applicable, failed.is_errored) == (False, False, True)


def test_a_deposed_object_is_told_from_the_one_in_its_place() -> None:
    (gone,) = [change for change in plan("deposed").changes if change.deposed]

    assert (gone.address, gone.action, gone.deposed, gone.is_destroyed) == (
        "terraform_data.kept",
        Action.DELETE,
        "0badcafe",
        True,
    )


def test_an_import_by_identity_is_named_by_it() -> None:
    imported = change({}, {}, importing={"identity": {"account_id": "123", "name": "logs"}})

    assert imported.import_id == "account_id=123, name=logs"
