"""The guards: what a plan must not do without being told to."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import policy
from orchestrator.finding import Severity
from orchestrator.guard_table import STATEFUL_TYPES
from orchestrator.plan import Plan
from tests.fakes import CANARY, recorded_json
from tests.plans import change, plan

DATABASE = "aws_db_instance.this"
FORGOTTEN = "holds data, and would be forgotten: it stays in AWS, and no state has it any more"
REFUSED = ", which AWS refuses while its deletion protection is on"


def destroyed(*changes: dict[str, Any], allowed: tuple[str, ...] = ()) -> list[str]:
    found = policy.destructions(plan(*changes), stateful=STATEFUL_TYPES, allowed=allowed)
    assert {(finding.id, finding.severity) for finding in found} <= {("guard.destroy", Severity.ERROR)}
    return [f"{finding.subject} {finding.seen}" for finding in found]


def protected(*changes: dict[str, Any]) -> list[tuple[str, Severity, str]]:
    return [(f.id.removeprefix("protection."), f.severity, f.seen) for f in policy.protections(plan(*changes))]


# destructions


def test_a_resource_with_data_in_it_is_not_destroyed_unasked() -> None:
    (finding,) = policy.destructions(plan(change(DATABASE, "delete", {})), stateful=STATEFUL_TYPES)

    assert (finding.id, finding.subject, finding.is_error) == ("guard.destroy", DATABASE, True)
    assert finding.seen == "holds data, and would be destroyed"
    assert finding.remedy == f"--allow-destroy '{DATABASE}', if that is what you want"


def test_a_replacement_is_one_and_names_what_forces_it() -> None:
    before = {"engine": "postgres", "name": "a", "size": 1}
    after = {"engine": "mysql", "name": "b", "size": 2}
    replaced = change(DATABASE, "replace", before, after, replace_paths=[["engine"], ["name"]])

    assert destroyed(replaced) == [
        f"{DATABASE} holds data, and would be replaced (engine, name can't be changed in place)"
    ]


def test_a_replacement_that_nothing_in_it_forces_is_one_as_well() -> None:
    assert destroyed(change(DATABASE, "replace", {"a": 1}, {"a": 1})) == [
        f"{DATABASE} holds data, and would be replaced"
    ]


@pytest.mark.parametrize("action", ["create", "update", "read", "no-op", "forget"])
def test_what_stays_is_none(action: str) -> None:
    assert destroyed(change(DATABASE, action, {}, {})) == []


def test_a_resource_without_data_may_go() -> None:
    assert destroyed(change("aws_security_group.this", "delete", {})) == []


@pytest.mark.parametrize("type_", sorted(STATEFUL_TYPES))
def test_every_type_on_the_list_holds_data(type_: str) -> None:
    assert destroyed(change(f"module.x.{type_}.this", "delete", {})) == [
        f"module.x.{type_}.this holds data, and would be destroyed"
    ]


def test_only_the_address_that_is_allowed_may_go() -> None:
    one, other = "aws_s3_bucket.this[0]", "aws_s3_bucket.this[1]"
    changes = [change(address, "delete", {}) for address in (one, other)]

    assert destroyed(*changes, allowed=(one,)) == [f"{other} holds data, and would be destroyed"]
    assert destroyed(*changes, allowed=("aws_s3_bucket.this",)) != []
    assert destroyed(*changes, allowed=(one, other)) == []


def test_a_secret_that_forces_a_replacement_is_named_and_not_shown() -> None:
    replaced = change(
        DATABASE,
        "replace",
        {"password": CANARY},
        {"password": f"{CANARY}-2"},
        replace_paths=[["password"]],
        before_sensitive={"password": True},
        after_sensitive={"password": True},
    )

    (seen,) = destroyed(replaced)
    assert "(password can't be changed in place)" in seen
    assert CANARY not in seen


def test_a_deposed_object_holds_data_as_well() -> None:
    gone = {**change(DATABASE, "delete", {"deletion_protection": True}), "deposed": "0badcafe"}

    assert destroyed(gone) == [f"{DATABASE} holds data, and its deposed object 0badcafe would be destroyed{REFUSED}"]
    assert destroyed(gone, allowed=(DATABASE,)) == []


# forgettings


def forgotten(*changes: dict[str, Any], allowed: tuple[str, ...] = ()) -> list[str]:
    found = policy.forgettings(plan(*changes), stateful=STATEFUL_TYPES, allowed=allowed)
    assert {(finding.id, finding.severity) for finding in found} <= {("guard.forget", Severity.ERROR)}
    return [f"{finding.subject} {finding.seen}" for finding in found]


def test_a_resource_with_data_in_it_is_not_forgotten_unasked() -> None:
    gone = change(DATABASE, "forget", {})

    assert forgotten(gone) == [f"{DATABASE} {FORGOTTEN}"]
    assert forgotten(gone, allowed=(DATABASE,)) == []
    assert forgotten(change("aws_security_group.this", "forget", {})) == []


@pytest.mark.parametrize("action", ["create", "update", "read", "no-op", "delete", "replace"])
def test_what_stays_in_the_state_or_is_destroyed_is_not_forgotten(action: str) -> None:
    assert forgotten(change(DATABASE, action, {}, {})) == []


@pytest.mark.parametrize("actions", [["create", "forget"], ["forget", "create"]])
def test_what_is_replaced_and_not_destroyed_is_forgotten(actions: list[str]) -> None:
    kept = change(DATABASE, "replace", {"deletion_protection": True}, {"deletion_protection": True})
    kept["change"]["actions"] = actions

    assert forgotten(kept) == [f"{DATABASE} {FORGOTTEN}, while another one is created"]
    assert destroyed(kept) == []


def test_a_removed_block_is_read_as_terraform_writes_it() -> None:
    planned = Plan.from_json(recorded_json("plan-forget.json"), digest="")
    found = policy.forgettings(planned, stateful=["terraform_data"])

    assert [finding.subject for finding in found] == ["terraform_data.updated"]
    assert [f.subject for f in policy.destructions(planned, stateful=["terraform_data"])] == ["terraform_data.old_name"]


# weakenings


def test_a_weakening_is_a_warning_that_names_the_flag() -> None:
    weaker = change(DATABASE, "update", {"deletion_protection": True}, {"deletion_protection": False})
    (finding,) = policy.weakenings(plan(weaker))

    assert (finding.id, finding.severity, finding.subject) == ("guard.weaken", Severity.WARNING, DATABASE)
    assert finding.remedy == f"--allow-weaken '{DATABASE}', if that is what you want"


def test_an_address_that_is_allowed_may_be_weakened_and_no_other() -> None:
    weaker = [
        change(f"aws_db_instance.{name}", "update", {"deletion_protection": True}, {"deletion_protection": False})
        for name in ("one", "other")
    ]

    left = policy.weakenings(plan(*weaker), allowed=["aws_db_instance.one"])

    assert [finding.subject for finding in left] == ["aws_db_instance.other"]


def test_a_protection_goes_with_what_it_protects_and_with_nothing_else() -> None:
    bucket = change("aws_s3_bucket.this", "delete", {"id": "acme-data", "arn": "arn:aws:s3:::acme-data"})
    versioning = change("aws_s3_bucket_versioning.this", "delete", {"id": "acme-data", "bucket": "acme-data"})
    other = change("aws_s3_bucket_versioning.other", "delete", {"id": "acme-other", "bucket": "acme-other"})

    def weakened(*changes: dict[str, Any]) -> list[str]:
        return [finding.subject for finding in policy.weakenings(plan(*changes))]

    assert weakened(bucket, versioning, other) == ["aws_s3_bucket_versioning.other"]
    assert weakened(versioning) == ["aws_s3_bucket_versioning.this"]
    # Two protections of one bucket do not excuse each other.
    block = change("aws_s3_bucket_public_access_block.this", "delete", {"id": "acme-data", "bucket": "acme-data"})
    assert weakened(versioning, block) == ["aws_s3_bucket_versioning.this", "aws_s3_bucket_public_access_block.this"]
    # What has the bucket's name for an id, and is not the bucket.
    cors = change("aws_s3_bucket_cors_configuration.this", "delete", {"id": "acme-data", "bucket": "acme-data"})
    assert weakened(cors, versioning) == ["aws_s3_bucket_versioning.this"]
    forgotten = change("aws_s3_bucket.this", "forget", {"id": "acme-data"})
    assert weakened(forgotten, versioning) == ["aws_s3_bucket_versioning.this"]


def test_a_sensitive_value_beside_a_weakening_is_not_shown() -> None:
    weaker = change(
        DATABASE,
        "update",
        {"deletion_protection": True, "password": CANARY},
        {"deletion_protection": False, "password": f"{CANARY}-2"},
        before_sensitive={"password": True},
        after_sensitive={"password": True},
    )

    found = policy.weakenings(plan(weaker))

    assert len(found) == 1
    assert CANARY not in str([finding.to_json() for finding in found])


# protections


@pytest.mark.parametrize("name", ["deletion_protection", "deletion_protection_enabled", "enable_deletion_protection"])
def test_what_aws_refuses_to_delete_is_an_error_with_the_flag_that_lifts_it(name: str) -> None:
    guarded = plan(change("aws_lb.this", "delete", {name: True}))

    (finding,) = policy.protections(guarded)

    assert (finding.id, finding.is_error, finding.subject) == ("protection.deletion", True, "aws_lb.this")
    assert finding.seen == "is protected: AWS refuses to delete it"
    assert finding.remedy is not None
    assert finding.remedy.startswith("--lift-deletion-protection ")
    assert policy.is_protected(guarded.changes[0])


@pytest.mark.parametrize(
    ("action", "before", "expected"),
    [
        ("delete", {"deletion_protection": True}, True),
        ("replace", {"deletion_protection": True}, True),
        ("update", {"deletion_protection": True}, False),
        ("delete", {"deletion_protection": False}, False),
        ("delete", {"deletion_protection": None}, False),
        ("delete", {}, False),
        ("delete", None, False),
    ],
)
def test_only_what_is_on_and_in_the_way_protects(action: str, before: Any, expected: bool) -> None:
    (only,) = plan(change(DATABASE, action, before, {})).changes

    assert policy.is_protected(only) is expected


@pytest.mark.parametrize(
    ("address", "values", "expected"),
    [
        ("aws_cognito_user_pool.this", {"deletion_protection": "ACTIVE"}, True),
        ("aws_cognito_user_pool.this", {"deletion_protection": "INACTIVE"}, False),
        ("aws_instance.this", {"disable_api_termination": True}, True),
        ("aws_instance.this", {"disable_api_termination": True, "force_destroy": True}, False),
        ("aws_instance.this", {"disable_api_termination": False}, False),
        # A template can be deleted; what it says is of the instances that are made from it.
        ("aws_launch_template.this", {"disable_api_termination": True}, False),
    ],
)
def test_what_protects_is_told_by_the_type(address: str, values: dict[str, Any], *, expected: bool) -> None:
    (gone,) = plan(change(address, "delete", values)).changes
    (changed,) = plan(change(address, "update", {}, values)).changes

    assert policy.is_protected(gone) is expected
    assert policy.is_lifted_by(changed) is not expected


@pytest.mark.parametrize("type_", ["aws_db_instance", "aws_rds_cluster"])
@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (
            {"skip_final_snapshot": False, "final_snapshot_identifier": "last"},
            ("final-snapshot", Severity.OK, "is kept as last"),
        ),
        ({"skip_final_snapshot": False}, ("final-snapshot", Severity.OK, "is kept as a final snapshot")),
        ({"skip_final_snapshot": True}, ("final-snapshot.none", Severity.WARNING, "dies without a final snapshot")),
        ({}, ("final-snapshot.none", Severity.WARNING, "dies without a final snapshot")),
    ],
)
def test_a_database_dies_with_or_without_a_final_snapshot(
    type_: str, before: dict[str, Any], expected: tuple[str, Severity, str]
) -> None:
    assert protected(change(f"{type_}.this", "delete", before)) == [expected]


def test_a_cache_dies_without_a_final_snapshot_unless_one_is_named() -> None:
    address = "aws_elasticache_replication_group.this"

    assert protected(change(address, "delete", {})) == [
        ("final-snapshot.none", Severity.WARNING, "dies without a final snapshot")
    ]
    assert protected(change(address, "delete", {"final_snapshot_identifier": "last"})) == []


@pytest.mark.parametrize(("window", "days"), [(7, 7), (None, 30)])
def test_a_key_can_be_brought_back_for_a_while(window: int | None, days: int) -> None:
    assert protected(change("aws_kms_key.this", "delete", {"deletion_window_in_days": window})) == [
        ("pending", Severity.WARNING, f"can be brought back for {days} days; then all it encrypted is lost")
    ]


def test_a_secret_can_be_brought_back_for_a_while() -> None:
    assert protected(change("aws_secretsmanager_secret.this", "delete", {"recovery_window_in_days": 7})) == [
        ("pending", Severity.OK, "can be brought back for 7 days")
    ]


def test_a_secret_without_a_window_is_gone_at_once() -> None:
    assert protected(change("aws_secretsmanager_secret.this", "delete", {"recovery_window_in_days": 0})) == [
        ("pending.none", Severity.WARNING, "is gone at once, and can't be brought back")
    ]


def test_only_what_is_destroyed_has_anything_in_its_way() -> None:
    before = {"deletion_protection": True, "skip_final_snapshot": True}

    assert protected(*(change(DATABASE, action, before, {}) for action in ("update", "replace"))) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"deletion_protection": True}, {"deletion_protection": False}, True),
        ({"deletion_protection": True}, {"deletion_protection": None}, True),
        ({"deletion_protection": True, "size": 1}, {"deletion_protection": True, "size": 2}, False),
        ({"deletion_protection": True}, {}, True),
    ],
)
def test_what_is_protected_is_lifted_once_it_is_off(before: Any, after: Any, expected: bool) -> None:
    (only,) = plan(change(DATABASE, "update", before, after)).changes

    assert policy.is_lifted_by(only) is expected


def test_what_was_cut_short_is_told_apart_and_a_protection_in_the_way_too() -> None:
    protected = {"deletion_protection": True}
    tainted = {**change(DATABASE, "replace", protected, protected), "action_reason": policy.TAINTED}

    (seen,) = destroyed(tainted)
    assert seen == (
        f"{DATABASE} holds data, and would be replaced, since an apply of it was cut short (tainted), which AWS refuses "
        "while its deletion protection is on"
    )
