from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config import Config, RotationConfig
from orchestrator.document import line_of
from orchestrator.duration import Span
from orchestrator.errors import ConfigError
from orchestrator.estimate import Component, Guide
from orchestrator.guard_table import STATEFUL_TYPES

FULL = """\
version: 1
layers:
  include: ["stacks/*"]
  exclude: []
  external: ["s3://shared/network.tfstate"]
accounts:
  prod: "123456789012"
depends_on:
  prod/edge: [compute, prod/foundation]
secrets:
  db:
    layer: prod/foundation
    output: db_secret_arn
    field: password
guards:
  stateful: [aws_db_instance]
  deletion_protection:
    prod/foundation: { db_deletion_protection: "false" }
durations:
  prod/foundation:
    plan: 2m
    apply: 15m-20m
    components:
      net: { match: "module.vpc.*", takes: 2m-3m }
      db: { match: [a.b, "c.*"], takes: 8m, after: [net] }
terraform:
  bin: terraform-1.11
  lock_timeout: 5m
  parallelism: 4
parallelism: 3
interrupt_grace: 90
"""

ROTATED = "version: 1\nsecrets:\n  db:\n    layer: a\n    output: b\n"
GROUP = "module.cache.aws_elasticache_replication_group.this[0]"
VERSION = "aws_secretsmanager_secret_version.y"


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        Config.parse(text, path=Path("wealist.yaml"))
    return caught.value


def test_the_smallest_file_has_every_default() -> None:
    config = Config.parse("version: 1\n")

    assert config.layers.include == ("terraform/*/*",)
    assert config.layers.exclude == ("terraform/modules/*",)
    assert (config.accounts, config.secrets) == ({}, {})
    assert (config.terraform.bin, config.terraform.lock_timeout, config.terraform.parallelism) == (
        "terraform",
        "0s",
        10,
    )
    assert (config.layers.external, config.depends_on, config.parallelism) == ((), {}, None)
    assert (config.guards.stateful, config.guards.deletion_protection) == ((), {})
    assert config.interrupt_grace == 60.0


def test_a_rotation_is_declared_or_left_to_somebody_else() -> None:
    ours = Config.parse(f"{ROTATED}    rotation: {{ replace: 'module.a.{VERSION}', target: '{GROUP}' }}\n").secrets[
        "db"
    ]
    theirs = Config.parse(f"{ROTATED}    rotation: {{ managed_by: RDS }}\n").secrets["db"]
    none = Config.parse(ROTATED).secrets["db"]

    assert (ours.rotation.replace, ours.rotation.target) == (f"module.a.{VERSION}", GROUP)
    assert (theirs.rotation.managed_by, theirs.rotation.replace) == ("RDS", None)
    assert none.rotation == RotationConfig()


def test_every_key_is_read() -> None:
    config = Config.parse(FULL)

    assert config.layers.include == ("stacks/*",)
    assert config.layers.exclude == ()
    assert config.accounts == {"prod": "123456789012"}
    assert (config.secrets["db"].layer, config.secrets["db"].output) == ("prod/foundation", "db_secret_arn")
    assert config.secrets["db"].field == "password"
    assert config.terraform.bin == "terraform-1.11"
    assert (config.terraform.lock_timeout, config.terraform.parallelism) == ("5m", 4)
    assert config.layers.external == ("s3://shared/network.tfstate",)
    assert config.depends_on == {"prod/edge": ("compute", "prod/foundation")}
    assert config.guards.stateful == ("aws_db_instance",)
    assert config.guards.deletion_protection == {"prod/foundation": {"db_deletion_protection": "false"}}
    assert config.parallelism == 3
    assert config.interrupt_grace == 90.0


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("version: 1\nsecretz: {}\n", "wealist.yaml:2: secretz: unknown key", "did you mean secrets?"),
        (
            "version: 1\nterraform:\n  bin: x\n  paralelism: 3\n",
            "wealist.yaml:4: terraform.paralelism: unknown key",
            "did you mean parallelism?",
        ),
        (
            "version: 1\nterraform:\n  zzz: 3\n",
            "wealist.yaml:3: terraform.zzz: unknown key",
            "known here: bin, lock_timeout, parallelism",
        ),
        (
            "version: 1\nsecrets:\n  db:\n    layer: a\n    outputs: b\n",
            "wealist.yaml:5: secrets.db.outputs: unknown key",
            "did you mean output?",
        ),
        (
            "version: 1\nguards:\n  statefull: []\n",
            "wealist.yaml:3: guards.statefull: unknown key",
            "did you mean stateful?",
        ),
        (
            "version: 1\nlayers:\n  externals: []\n",
            "wealist.yaml:3: layers.externals: unknown key",
            "did you mean external?",
        ),
        ("version: 1\ndepend_on: {}\n", "wealist.yaml:2: depend_on: unknown key", "did you mean depends_on?"),
    ],
)
def test_an_unknown_key_is_an_error_with_a_suggestion(text: str, message: str, hint: str) -> None:
    error = refusal(text)

    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: one\n", "wealist.yaml:1: version: expected a whole number, got text"),
        ("version: 1\nlayers: x\n", "wealist.yaml:2: layers: must be a mapping"),
        ("version: 1\naccounts: [a]\n", "wealist.yaml:2: accounts: must be a mapping"),
        (
            "version: 1\nsecrets:\n  db:\n    layer: a\n    output: b\n    rotation: RDS\n",
            "wealist.yaml:6: secrets.db.rotation: must be a mapping",
        ),
        ("version: 1\nsecrets:\n  db: arn\n", "wealist.yaml:3: secrets.db: must be a mapping"),
        (
            "version: 1\nterraform:\n  parallelism: many\n",
            "wealist.yaml:3: terraform.parallelism: expected a whole number, got text",
        ),
        ("version: 1\ninterrupt_grace: soon\n", "wealist.yaml:2: interrupt_grace: expected a number, got text"),
        ("version: 1\nlayers:\n  include: [1]\n", "wealist.yaml:3: layers.include: expected text, got a whole number"),
        ("version: 1\ndepends_on: [a]\n", "wealist.yaml:2: depends_on: must be a mapping"),
        ("version: 1\ndepends_on:\n  a: b\n", "wealist.yaml:3: depends_on.a: expected a list, got text"),
        ("version: 1\ndepends_on:\n  a:\n", "wealist.yaml:3: depends_on.a: expected a list, got nothing"),
        (
            "version: 1\ndepends_on:\n  1: [b]\n",
            "wealist.yaml:3: depends_on.1: this key is not text",
        ),
        (
            "version: 1\nguards:\n  stateful: aws_vpc\n",
            "wealist.yaml:3: guards.stateful: expected a list, got text",
        ),
        (
            "version: 1\nguards:\n  deletion_protection:\n    a: false\n",
            "wealist.yaml:4: guards.deletion_protection.a: must be a mapping",
        ),
        ("version: 1\nparallelism: 1.5\n", "wealist.yaml:2: parallelism: expected a whole number, got a number"),
        ("version: 1\nparallelism: two\n", "wealist.yaml:2: parallelism: expected a whole number, got text"),
    ],
)
def test_a_wrong_type_is_named_with_its_key_and_line(text: str, message: str) -> None:
    assert refusal(text).message == message


def test_a_number_where_text_belongs_says_to_quote_it() -> None:
    error = refusal("version: 1\naccounts:\n  prod: 123456789012\n")

    assert error.message == "wealist.yaml:3: accounts.prod: expected text, got a whole number"
    assert error.hint == "put the value in quotes"


def test_a_yaml_word_where_text_belongs_says_to_quote_it() -> None:
    error = refusal("version: 1\nguards:\n  deletion_protection:\n    prod/foundation: { protected: false }\n")

    assert error.message == (
        "wealist.yaml:4: guards.deletion_protection.prod/foundation.protected: expected text, got true or false"
    )
    assert error.hint == "put the value in quotes"


@pytest.mark.parametrize(
    ("text", "line"),
    [("version: 1\nlayers: [\n", 3), ("version: 1\n  accounts: {}\n", 2), ("a: b: c\n", 1), ("version: \x07\n", 1)],
)
def test_malformed_yaml_names_the_line(text: str, line: int) -> None:
    assert refusal(text).message.startswith(f"wealist.yaml:{line}: this is not valid YAML: ")


@pytest.mark.parametrize("text", ["", "- version\n", "version\n"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    error = refusal(text)

    assert error.message == "wealist.yaml:1: the file must be a mapping"
    assert error.hint == "the smallest is: version: 1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accounts: {}\n", "wealist.yaml:1: version: is required"),
        ("version: 1\nsecrets:\n  db:\n    layer: a\n", "wealist.yaml:3: secrets.db.output: is required"),
        ("version: 2\n", "wealist.yaml:1: version: this wealist reads version 1, not 2"),
        (
            "version: 1\naccounts:\n  prod: '12345'\n",
            "wealist.yaml:3: accounts.prod: '12345' is not an AWS account id (12 digits)",
        ),
        (
            "version: 1\nsecrets:\n  exec:\n    layer: a\n    output: b\n",
            "wealist.yaml:3: secrets.exec: the name is reserved for `wealist secrets` itself; choose another",
        ),
        (
            f"{ROTATED}    rotation: {{ replace: {VERSION} }}\n",
            "wealist.yaml:6: secrets.db.rotation.target: is required",
        ),
        (
            f"{ROTATED}    rotation: {{ target: '{GROUP}' }}\n",
            "wealist.yaml:6: secrets.db.rotation.replace: is required",
        ),
        (
            f"{ROTATED}    rotation:\n      replace: {VERSION}\n      target: module.db.aws_db_instance.this[0]\n",
            "wealist.yaml:8: secrets.db.rotation.target: module.db.aws_db_instance.this[0] can't be rotated",
        ),
        (
            f"{ROTATED}    rotation:\n      replace: random_password.x\n      target: {GROUP}\n",
            "wealist.yaml:7: secrets.db.rotation.replace: random_password.x is no version of a secret",
        ),
        (
            f"{ROTATED}    rotation:\n      managed_by: RDS\n      replace: {VERSION}\n",
            "wealist.yaml:7: secrets.db.rotation.managed_by: is for a secret that wealist does not rotate",
        ),
        (
            "version: 1\nterraform:\n  lock_timeout: soon\n",
            "wealist.yaml:3: terraform.lock_timeout: 'soon' is no duration; write 30s or 5m",
        ),
        ("version: 1\nterraform:\n  parallelism: 0\n", "wealist.yaml:3: terraform.parallelism: must be at least 1"),
        ("version: 1\nparallelism: 0\n", "wealist.yaml:2: parallelism: must be at least 1"),
        (
            "version: 1\nlayers:\n  external: [acme-state/key]\n",
            "wealist.yaml:3: layers.external: 'acme-state/key' is no state",
        ),
        (
            "version: 1\nlayers:\n  external: ['s3://acme-state']\n",
            "wealist.yaml:3: layers.external: 's3://acme-state' is no state",
        ),
        ("version: 1\ninterrupt_grace: 0\n", "wealist.yaml:2: interrupt_grace: must be a number of seconds above 0"),
        ("version: 1\ninterrupt_grace: .nan\n", "wealist.yaml:2: interrupt_grace: must be a number of seconds above 0"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(text: str, message: str) -> None:
    assert refusal(text).message == message


def test_a_key_given_twice_is_refused() -> None:
    error = refusal("version: 1\naccounts:\n  prod: '123456789012'\n  prod: '210987654321'\n")

    assert error.message.startswith("wealist.yaml:4: accounts.prod: ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read") as caught:
        Config.load(tmp_path / "wealist.yaml")

    assert str(tmp_path / "wealist.yaml") in caught.value.message


def test_a_file_of_bytes_that_are_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "wealist.yaml"
    path.write_bytes(b"version: \xff\xfe")

    with pytest.raises(ConfigError, match="can't be read"):
        Config.load(path)


def test_no_python_is_made_from_yaml_tags() -> None:
    error = refusal("version: !!python/object/apply:os.getcwd []\n")

    assert "this is not valid YAML" in error.message


def test_errors_are_usage_errors() -> None:
    assert refusal("version: 2\n").exit_code == 64


def test_the_line_of_a_key_can_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "wealist.yaml"
    path.write_text("version: 1\n\ndepends_on:\n  a: []\n  b:\n    - c\n")

    assert [line_of(path, key) for key in (("depends_on",), ("depends_on", "b"), ("depends_on", "b", "0"))] == [3, 5, 6]
    assert line_of(path, ("depends_on", "z")) == 1
    assert line_of(tmp_path / "gone.yaml", ("depends_on",)) == 1


DIAGNOSE = """\
version: 1
secrets:
  db-password: { layer: foundation, output: arn }
diagnose:
  db:
    kind: postgresql
    layer: foundation
    identifier: db_id
    private_subnets: private_ids
    secret: db-password
    user: db_user
    database: db_name
"""


def test_what_can_be_diagnosed_is_read() -> None:
    one = Config.parse(DIAGNOSE).diagnose["db"]

    assert (one.kind, one.layer, one.identifier, one.private_subnets) == (
        *("postgresql", "foundation", "db_id", "private_ids"),
    )
    assert (one.secret, one.user, one.database) == ("db-password", "db_user", "db_name")


@pytest.mark.parametrize(
    ("before", "after", "message", "hint"),
    [
        ("postgresql", "mysql", "6: diagnose.db.kind: there is no kind 'mysql'", "known here: postgresql, redis"),
        ("secret: db-password", "secret: db-pasword", "10: diagnose.db.secret: there is no secret", "did you mean"),
        ("secret: db-password", "secret: zzz", "10: diagnose.db.secret: there is no secret", "declare it under"),
        ("    user: db_user\n", "", "5: diagnose.db.user: is required for postgresql", "name the layer's output"),
        ("    database: db_name\n", "", "5: diagnose.db.database: is required for postgresql", "name the layer's"),
        ("postgresql", "redis", "12: diagnose.db.database: means nothing for redis", "leave it out"),
        ("identifier", "identifer", "8: diagnose.db.identifer: unknown key", "did you mean identifier?"),
    ],
)
def test_a_way_that_can_not_be_followed_is_refused(before: str, after: str, message: str, hint: str) -> None:
    error = refusal(DIAGNOSE.replace(before, after))

    assert error.message.startswith(f"wealist.yaml:{message}")
    assert str(error.hint).startswith(hint)


def test_how_long_things_take_is_said_by_layer() -> None:
    config = Config.parse(FULL)

    guide = config.guide("prod/foundation")
    assert guide == Guide(
        plan=Span(low=120, high=120),
        apply=Span(low=900, high=1200),
        components=(
            Component(name="net", match=("module.vpc.*",), takes=Span(low=120, high=180)),
            Component(name="db", match=("a.b", "c.*"), takes=Span(low=480, high=480), after=("net",)),
        ),
    )
    assert guide.component("c.x") == guide.components[1]
    assert guide.component("d.x") is None
    assert config.guide("prod/compute") is None
    assert Config.parse("version: 1\ndurations:\n  foundation: { plan: 2m }\n").guide("prod/foundation") == Guide(
        plan=Span(low=120, high=120)
    )


@pytest.mark.parametrize(
    ("entry", "message", "hint"),
    [
        ("plan: 2 min", ":4: durations.a.plan: '2 min' is no duration", "write 90s, 2m or 8m-12m"),
        ("apply: 20m-15m", ":4: durations.a.apply: '20m-15m' is no duration", "write 90s, 2m or 8m-12m"),
        (
            "components:\n      x: { match: a.b, takes: soon }",
            ":5: durations.a.components.x.takes: 'soon' is no duration",
            "write 90s, 2m or 8m-12m",
        ),
        ("components:\n      x: { match: a.b }", ":5: durations.a.components.x.takes: is required", None),
        (
            "components:\n      x: { match: 3, takes: 1m }",
            ":5: durations.a.components.x.match: expected text or a list, got a whole number",
            "put the value in quotes",
        ),
        (
            "components:\n      x: { match: [], takes: 1m }",
            ":5: durations.a.components.x.match: is empty",
            "write the addresses that take the time",
        ),
        (
            "components:\n      vpc: { match: a.b, takes: 1m }\n      x: { match: c.d, takes: 1m, after: [vcp] }",
            ":6: durations.a.components.x.after: there is no component 'vcp'",
            "did you mean vpc?",
        ),
        (
            "components:\n      x: { match: a.b, takes: 1m, after: [y] }\n      y: { match: a.b, takes: 1m, after: [x] }",
            "components come after each other in a circle: ",
            "take one of these out",
        ),
        ("takes: 1m", ":4: durations.a.takes: unknown key", None),
    ],
)
def test_a_duration_that_makes_no_sense_is_refused_where_it_stands(entry: str, message: str, hint: str | None) -> None:
    error = refusal(f"version: 1\ndurations:\n  a:\n    {entry}\n")

    assert message in error.message
    if hint:
        assert error.hint == hint


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{workspace: prod}", "wealist does not work in workspace 'prod'"),
        ("{accounts_unknown: deny}", "there is no 'deny' here"),
        ("{accounts: ['12']}", "'12' is not an AWS account id"),
        ("{state_providers: [random]}", "'random' is no provider's source"),
        ("{state_providers: ['a b/c']}", "'a b/c' is no provider's source"),
        ("{guards: []}", "guards"),
    ],
)
def test_the_settings_of_a_layer_are_checked(settings: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.parse(f"version: 1\nlayers:\n  settings:\n    prod/x: {settings}\n")

    assert message in caught.value.message
    assert "layers.settings.prod/x" in caught.value.message


def test_the_settings_of_a_layer_stand_under_its_id_or_its_short_name() -> None:
    config = Config.parse(
        "version: 1\nlayers: {settings: {x: {workspace: default}, prod/x: {accounts_unknown: allow}}}\n"
    )

    assert config.settings("prod/x").accounts_unknown == "allow"
    assert config.settings("dev/x").workspace == "default"
    assert config.settings("dev/xx").workspace is None


def test_types_in_the_file_add_to_the_table_and_take_nothing_out() -> None:
    guards = Config.parse("version: 1\nguards: { stateful: [mongodbatlas_cluster] }").guards

    assert guards.stateful_types == STATEFUL_TYPES | {"mongodbatlas_cluster"}
    assert Config.parse("version: 1\nguards: { stateful: [] }").guards.stateful_types == STATEFUL_TYPES


@pytest.mark.parametrize("program", ["./terraform", "bin/terraform", "../terraform", "~/terraform", ""])
def test_a_project_does_not_bring_along_the_program_that_it_is_run_with(program: str) -> None:
    with pytest.raises(ConfigError, match="neither a name nor an absolute path") as caught:
        Config.parse(f"version: 1\nterraform:\n  bin: '{program}'\n")

    assert "terraform.bin" in caught.value.message
    assert "--terraform-bin" in (caught.value.hint or "")


@pytest.mark.parametrize("program", ["terraform", "tofu-1.9", "/opt/terraform/bin/terraform"])
def test_a_name_or_an_absolute_path_is_a_program(program: str) -> None:
    assert Config.parse(f"version: 1\nterraform:\n  bin: {program}\n").terraform.bin == program
