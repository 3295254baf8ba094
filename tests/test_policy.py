"""The guards: what a plan must not do without being told to."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import policy
from orchestrator.config import STATEFUL
from orchestrator.finding import Severity
from tests.fakes import CANARY
from tests.plans import change, plan

DATABASE = "aws_db_instance.this"
DELETION = "deletion protection"
BLOCK = "aws_s3_bucket_public_access_block.this"


def lost(address: str, before: dict[str, Any], after: dict[str, Any], *, action: str = "update") -> list[str]:
    """What a change of one resource turns off."""
    found = policy.weakenings(plan(change(address, action, before, after)))
    return [finding.seen.removeprefix("would lose ") for finding in found]


def destroyed(*changes: dict[str, Any], allowed: tuple[str, ...] = ()) -> list[str]:
    found = policy.destructions(plan(*changes), stateful=STATEFUL, allowed=allowed)
    assert {(finding.id, finding.severity) for finding in found} <= {("guard.destroy", Severity.ERROR)}
    return [f"{finding.subject} {finding.seen}" for finding in found]


def protected(*changes: dict[str, Any]) -> list[tuple[str, Severity, str]]:
    return [(f.id.removeprefix("protection."), f.severity, f.seen) for f in policy.protections(plan(*changes))]


# destructions


def test_a_resource_with_data_in_it_is_not_destroyed_unasked() -> None:
    (finding,) = policy.destructions(plan(change(DATABASE, "delete", {})), stateful=STATEFUL)

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


@pytest.mark.parametrize("type_", STATEFUL)
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


# weakenings


OFF = [
    "deletion_protection",
    "deletion_protection_enabled",
    "enable_deletion_protection",
    "storage_encrypted",
    "at_rest_encryption_enabled",
    "transit_encryption_enabled",
    "encrypted",
    "enable_key_rotation",
    "disable_api_termination",
    "block_public_acls",
    "block_public_policy",
    "ignore_public_acls",
    "restrict_public_buckets",
]
ON = ["skip_final_snapshot", "force_destroy", "force_delete"]
KEPT = ["backup_retention_period", "snapshot_retention_limit"]
LOSSES = [
    *((name, True, False) for name in OFF),
    *((name, True, None) for name in OFF),
    *((name, False, True) for name in ON),
    *((name, None, True) for name in ON),
    *((name, 7, 0) for name in KEPT),
    *((name, 7, None) for name in KEPT),
]
NO_LOSSES = [
    *((name, before, after) for name in OFF for before, after in ((False, True), (None, False), (None, True))),
    *((name, before, after) for name in ON for before, after in ((True, False), (True, None), (None, False))),
    *((name, before, after) for name in KEPT for before, after in ((7, 1), (0, 7), (None, 0), (0, None))),
]


def test_every_attribute_that_protects_is_tried() -> None:
    assert {*OFF, *ON, *KEPT} == policy._PROTECTIONS.keys()


@pytest.mark.parametrize(("name", "before", "after"), LOSSES)
def test_a_protection_that_is_turned_off_is_lost(name: str, before: Any, after: Any) -> None:
    (what,) = lost("aws_thing.this", {name: before}, {name: after})

    assert what == policy._PROTECTIONS[name][0]


@pytest.mark.parametrize(("name", "before", "after"), NO_LOSSES)
def test_a_protection_that_was_not_there_or_only_changes_is_not_lost(name: str, before: Any, after: Any) -> None:
    assert lost("aws_thing.this", {name: before}, {name: after}) == []


@pytest.mark.parametrize(("name", "before"), [(name, True) for name in OFF] + [(name, 7) for name in KEPT])
def test_a_protection_that_is_not_known_yet_is_not_lost(name: str, before: Any) -> None:
    unsure = change("aws_thing.this", "update", {name: before}, {}, after_unknown={name: True})

    assert policy.weakenings(plan(unsure)) == []


@pytest.mark.parametrize(
    ("address", "before", "after", "what"),
    [
        (
            "aws_s3_bucket_versioning.this",
            {"versioning_configuration": [{"status": "Enabled"}]},
            {"versioning_configuration": [{"status": "Suspended"}]},
            "versioning",
        ),
        (
            "aws_dynamodb_table.this",
            {"point_in_time_recovery": [{"enabled": True}]},
            {"point_in_time_recovery": [{"enabled": False}]},
            "point-in-time recovery",
        ),
        (
            "aws_dynamodb_table.this",
            {"server_side_encryption": [{"enabled": True, "kms_key_arn": "arn"}]},
            {"server_side_encryption": [{"enabled": False, "kms_key_arn": "arn"}]},
            "encryption with a key of its own",
        ),
        ("aws_kms_key.this", {"is_enabled": True}, {"is_enabled": False}, "the key itself"),
        ("aws_kms_replica_key.this", {"enabled": True}, {"enabled": False}, "the key itself"),
        (
            "aws_cognito_user_pool.this",
            {"deletion_protection": "ACTIVE"},
            {"deletion_protection": "INACTIVE"},
            DELETION,
        ),
        ("aws_cognito_user_pool.this", {"deletion_protection": "ACTIVE"}, {"deletion_protection": None}, DELETION),
        (
            DATABASE,
            {"publicly_accessible": False},
            {"publicly_accessible": True},
            "isolation from the internet",
        ),
        (
            "aws_ecr_repository.this",
            {"image_tag_mutability": "IMMUTABLE"},
            {"image_tag_mutability": "MUTABLE"},
            "immutable tags",
        ),
    ],
)
def test_a_protection_of_one_type_is_none_on_another(
    address: str, before: dict[str, Any], after: dict[str, Any], what: str
) -> None:
    assert lost(address, before, after) == [what]
    assert lost(address, after, before) == []
    assert lost("aws_other.this", before, after) == []


def test_what_is_only_named_like_a_protection_is_none() -> None:
    def turned_off(block: str) -> list[str]:
        return lost("aws_dynamodb_table.this", {block: [{"enabled": True}]}, {block: [{"enabled": False}]})

    assert turned_off("ttl") == []
    assert turned_off("replica") == []
    assert turned_off("point_in_time_recovery") == ["point-in-time recovery"]


@pytest.mark.parametrize("after", [[], None])
def test_a_protection_is_lost_with_the_block_that_it_stands_in(after: Any) -> None:
    def without(address: str, name: str, **block: Any) -> list[str]:
        return lost(address, {name: [block]}, {name: after})

    assert without("aws_dynamodb_table.this", "point_in_time_recovery", enabled=True) == ["point-in-time recovery"]
    assert without("aws_dynamodb_table.this", "point_in_time_recovery", enabled=False) == []
    assert without("aws_dynamodb_table.this", "ttl", enabled=True) == []
    # The volume goes, and its encryption with it.
    assert without("aws_instance.this", "ebs_block_device", encrypted=True) == []


def test_versioning_that_is_not_known_yet_is_not_lost() -> None:
    before, unknown = {"status": "Enabled"}, {"status": True}
    unsure = change(
        "aws_s3_bucket_versioning.this",
        "update",
        {"versioning_configuration": [before]},
        {"versioning_configuration": [{}]},
        after_unknown={"versioning_configuration": [unknown]},
    )

    assert policy.weakenings(plan(unsure)) == []


@pytest.mark.parametrize(
    ("type_", "what"),
    [
        ("aws_s3_bucket_versioning", "versioning"),
        ("aws_s3_bucket_public_access_block", "the public-access block"),
        ("aws_s3_account_public_access_block", "the account's public-access block"),
        ("aws_s3_bucket_server_side_encryption_configuration", "encryption"),
        ("aws_backup_plan", "backups"),
        ("aws_db_instance_automated_backups_replication", "replicated backups"),
    ],
)
def test_a_protection_that_is_a_resource_is_lost_with_it(type_: str, what: str) -> None:
    (finding,) = policy.weakenings(plan(change(f"{type_}.this", "delete", {})))

    assert (finding.subject, finding.seen) == (f"{type_}.this", f"would lose {what}")
    assert policy.weakenings(plan(change(f"{type_}.this", "create", None, {}))) == []


def test_four_blocks_of_one_resource_are_told_once() -> None:
    names = ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"]

    assert lost(BLOCK, dict.fromkeys(names, True), dict.fromkeys(names, False)) == ["a public-access block"]


def test_several_protections_of_one_resource_are_told_one_by_one() -> None:
    before = {"deletion_protection": True, "backup_retention_period": 7}
    after = {"deletion_protection": False, "backup_retention_period": 0}

    assert lost(DATABASE, before, after) == ["deletion protection", "automated backups"]


def test_a_replacement_loses_what_its_successor_lacks() -> None:
    assert lost(DATABASE, {"storage_encrypted": True}, {"storage_encrypted": False}, action="replace") == ["encryption"]


@pytest.mark.parametrize("action", ["create", "delete"])
def test_what_comes_or_goes_as_a_whole_is_not_weakened(action: str) -> None:
    assert lost(DATABASE, {"deletion_protection": True}, {"deletion_protection": False}, action=action) == []


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
