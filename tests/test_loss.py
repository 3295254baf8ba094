"""What a plan takes from the protection of a resource, whatever Terraform says or hides of the values."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.guard_table import BY_NAME, BY_TYPE, PROTECTING, Amount, Flag, Given, Words
from orchestrator.loss import losses
from tests.plans import change, plan

DATABASE = "aws_db_instance.this"
BLOCK = "aws_s3_bucket_public_access_block.this"
FOUR = ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"]


def lost(address: str, before: Any, after: Any, *, action: str = "update", **more: Any) -> list[str]:
    """What a change of one resource takes away."""
    return [str(loss) for one in plan(change(address, action, before, after, **more)).changes for loss in losses(one)]


def _on_off(rule: Flag | Amount | Words | Given) -> tuple[Any, Any]:
    """A value that protects, and one that does not."""
    if isinstance(rule, Flag):
        return rule.on, not rule.on
    if isinstance(rule, Amount):
        return 35, None if rule.is_zero_forever or rule.default else 0
    return (rule.order[-1], rule.order[0]) if isinstance(rule, Words) else ("given", None)


def _nested(path: str, value: Any) -> dict[str, Any]:
    """An attribute below its blocks, each of which is a list."""
    name, _, rest = path.partition(".")
    return {name: [_nested(rest, value)] if rest else value}


EVERY = [
    *(("aws_thing", name, protects) for name, protects in BY_NAME.items()),
    *((type_, path, protects) for type_, rules in BY_TYPE.items() for path, protects in rules.items()),
]
IDS = [f"{type_}.{path}" for type_, path, _ in EVERY]


@pytest.mark.parametrize(("type_", "path", "protects"), EVERY, ids=IDS)
def test_every_protection_of_the_table_is_lost_and_by_no_change_in_the_other_direction(
    type_: str, path: str, protects: Any
) -> None:
    on, off = _on_off(protects.rule)
    if isinstance(protects.rule, Amount) and off is None:
        off = 7 if protects.rule.is_zero_forever else 1
        on = 40 if protects.rule.default < 40 else protects.rule.default + 1
        verb = "shorten"
    else:
        verb = "lose"
    expected = [f"would {verb} {protects.what} ({path})"]

    assert lost(f"{type_}.this", _nested(path, on), _nested(path, off)) == expected
    assert lost(f"{type_}.this", _nested(path, off), _nested(path, on)) == []
    assert lost(f"{type_}.this", _nested(path, on), _nested(path, on)) == []


@pytest.mark.parametrize(("type_", "path", "protects"), EVERY, ids=IDS)
def test_a_protection_that_is_sensitive_is_lost_all_the_same_and_its_values_are_not_told(
    type_: str, path: str, protects: Any
) -> None:
    on, off = _on_off(protects.rule)
    if off is None:
        off = 1 if isinstance(protects.rule, Amount) else None
        on = protects.rule.default + 40 if isinstance(protects.rule, Amount) else on
    marks = {path.partition(".")[0]: True}

    (told,) = lost(
        f"{type_}.this", _nested(path, on), _nested(path, off), before_sensitive=marks, after_sensitive=marks
    )

    assert told.endswith(f" ({path})")
    assert path in told
    assert "redacted" not in told


@pytest.mark.parametrize(("type_", "path", "protects"), EVERY, ids=IDS)
def test_a_protection_that_is_only_known_after_the_apply_counts_as_lost(type_: str, path: str, protects: Any) -> None:
    on, off = _on_off(protects.rule)
    expected = [f"may lose {protects.what} ({path}, known only after the apply)"]

    assert lost(f"{type_}.this", _nested(path, on), {}, after_unknown=_nested(path, True)) == expected
    # The same where the whole block is not known.
    assert lost(f"{type_}.this", _nested(path, on), {}, after_unknown={path.partition(".")[0]: True}) == expected
    if off is not None and protects.rule.strength(off) == 0:
        assert lost(f"{type_}.this", _nested(path, off), {}, after_unknown=_nested(path, True)) == []


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("deletion_protection", True, None),
        ("skip_final_snapshot", None, True),
        ("backup_retention_period", 7, None),
        ("tls_enabled", None, False),
        ("recovery_window_in_days", None, 0),
    ],
)
def test_what_is_left_out_is_what_the_provider_makes_of_it(name: str, before: Any, after: Any) -> None:
    assert lost("aws_thing.this", {name: before}, {name: after}) == [f"would lose {BY_NAME[name].what} ({name})"]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("deletion_protection", None, False),
        ("skip_final_snapshot", None, False),
        ("skip_final_snapshot", True, None),
        ("backup_retention_period", 0, 7),
        ("backup_retention_period", None, 0),
        ("tls_enabled", True, None),
        ("deletion_window_in_days", 30, None),
        ("recovery_window_in_days", 7, None),
    ],
)
def test_what_was_not_on_or_is_only_written_otherwise_is_not_lost(name: str, before: Any, after: Any) -> None:
    assert lost("aws_thing.this", {name: before}, {name: after}) == []


def test_fewer_days_are_part_of_a_protection() -> None:
    assert lost(DATABASE, {"backup_retention_period": 35}, {"backup_retention_period": 1}) == [
        "would shorten automated backups (backup_retention_period)"
    ]


def test_logs_that_were_kept_for_ever_are_not_any_more() -> None:
    def kept(before: int | None, after: int | None) -> list[str]:
        group = "aws_cloudwatch_log_group.this"
        return lost(group, {"retention_in_days": before}, {"retention_in_days": after})

    assert kept(0, 365) == kept(None, 365) == ["would shorten how long logs are kept (retention_in_days)"]
    assert kept(30, 0) == kept(30, 365) == []


def test_a_word_in_between_is_part_of_a_protection() -> None:
    def to(word: str) -> list[str]:
        path = "encryption_info.encryption_in_transit.client_broker"
        return lost("aws_msk_cluster.this", _nested(path, "TLS"), _nested(path, word))

    path = "(encryption_info.encryption_in_transit.client_broker)"
    assert to("TLS_PLAINTEXT") == [f"would weaken encryption in transit {path}"]
    assert to("PLAINTEXT") == [f"would lose encryption in transit {path}"]
    # A word of a newer AWS may be anything.
    assert to("SOMETHING_NEW") == [f"would lose encryption in transit {path}"]


def test_a_protection_of_one_type_is_none_on_another() -> None:
    on, off = {"enable_logging": True}, {"enable_logging": False}

    assert lost("aws_cloudtrail.this", on, off) == ["would lose the trail (enable_logging)"]
    assert lost("aws_other.this", on, off) == []


def test_what_is_only_named_like_a_protection_is_none() -> None:
    for block in ("ttl", "replica"):
        assert lost("aws_dynamodb_table.this", {block: [{"enabled": True}]}, {block: [{"enabled": False}]}) == []


@pytest.mark.parametrize("after", [[], None])
def test_a_protection_is_lost_with_the_block_that_it_stands_in(after: Any) -> None:
    def without(address: str, name: str, **block: Any) -> list[str]:
        return lost(address, {name: [block]}, {name: after})

    assert without("aws_dynamodb_table.this", "point_in_time_recovery", enabled=True) == [
        "would lose point-in-time recovery (point_in_time_recovery.enabled)"
    ]
    assert without("aws_dynamodb_table.this", "point_in_time_recovery", enabled=False) == []
    assert without("aws_dynamodb_table.this", "ttl", enabled=True) == []
    # The volume goes, and its encryption with it.
    assert without("aws_instance.this", "ebs_block_device", encrypted=True) == []


def test_blocks_are_compared_whatever_their_order() -> None:
    def encrypted(before: list[bool], after: list[bool]) -> bool:
        sides = [{"ebs_block_device": [{"encrypted": each} for each in side]} for side in (before, after)]
        return bool(lost("aws_instance.this", *sides))

    assert encrypted([True, True], [True, False])
    assert encrypted([True, True], [False])
    assert not encrypted([True, False], [False, True])
    assert not encrypted([True, False], [False])
    assert not encrypted([True], [True, False])


@pytest.mark.parametrize(("type_", "what"), PROTECTING.items())
def test_a_protection_that_is_a_resource_is_lost_with_it(type_: str, what: str) -> None:
    assert lost(f"{type_}.this", {}, None, action="delete") == [f"would lose {what}"]
    assert lost(f"{type_}.this", {}, None, action="forget") == [f"would no longer manage {what}"]
    assert lost(f"{type_}.this", None, {}, action="create") == []


def test_four_blocks_of_one_resource_are_told_once() -> None:
    assert lost(BLOCK, dict.fromkeys(FOUR, True), dict.fromkeys(FOUR, False)) == [
        f"would lose a public-access block ({', '.join(FOUR)})"
    ]


def test_several_protections_of_one_resource_are_told_one_by_one() -> None:
    before = {"deletion_protection": True, "backup_retention_period": 7}
    after = {"deletion_protection": False, "backup_retention_period": 0}

    assert lost(DATABASE, before, after) == [
        "would lose deletion protection (deletion_protection)",
        "would lose automated backups (backup_retention_period)",
    ]


def test_a_replacement_loses_what_its_successor_lacks() -> None:
    on, off = {"storage_encrypted": True}, {"storage_encrypted": False}

    assert lost(DATABASE, on, off, action="replace") == ["would lose encryption (storage_encrypted)"]


@pytest.mark.parametrize("action", ["create", "delete"])
def test_what_comes_or_goes_as_a_whole_is_not_weakened(action: str) -> None:
    assert lost(DATABASE, {"deletion_protection": True}, {"deletion_protection": False}, action=action) == []


@pytest.mark.parametrize("before", ["yes", 3.5, [1], {"a": 1}, [[{"b": [None]}]], None])
def test_a_value_of_another_shape_is_no_protection(before: Any) -> None:
    assert lost("aws_thing.this", {"deletion_protection": before}, {"deletion_protection": "no"}) == []


def test_what_was_deposed_of_a_protecting_resource_protects_nothing() -> None:
    entry = {**change("aws_s3_bucket_versioning.this", "delete", {}), "deposed": "0badcafe"}
    (gone,) = plan(entry).changes

    assert list(losses(gone)) == []
