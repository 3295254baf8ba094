from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import hcl, tfvars
from orchestrator.errors import ConfigError, UsageError
from orchestrator.layer import RemoteState
from orchestrator.tf import variables
from orchestrator.tfvars import Piped
from tests.estate import BUCKET, HERE, layer, variable

LAYER = layer(
    variables={
        v.name: v
        for v in (
            variable("name"),
            variable("untyped", None),
            variable("count", "number"),
            variable("rds_multi_az", "bool"),
            variable("zones", "list(string)"),
            variable("tags", "map(string)"),
        )
    }
)


def refusal(values: dict[str, str]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        variables.check_assigned(values, [LAYER])
    return caught.value


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], {}),
        (["a=1"], {"a": "1"}),
        (["a=1", "b=x=y"], {"a": "1", "b": "x=y"}),
        (["a="], {"a": ""}),
        (["a=1", "a=2"], {"a": "2"}),
        ([" a = 1"], {"a": " 1"}),
    ],
)
def test_pairs_are_split_at_the_first_equals_sign(pairs: list[str], expected: dict[str, str]) -> None:
    assert variables.parse_assignments(pairs) == expected


@pytest.mark.parametrize(
    ("pair", "message", "hint"),
    [
        ("a", "--set a: no value given", "--set a=VALUE"),
        ("=1", "--set : no value given", "--set NAME=VALUE"),
        ("", "--set : no value given", "--set NAME=VALUE"),
    ],
)
def test_a_pair_that_is_none_says_how_it_is_written(pair: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        variables.parse_assignments([pair])

    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_variable_that_no_layer_has_is_refused_with_a_suggestion() -> None:
    error = refusal({"rds_multiaz": "true"})

    assert error.message == "--set rds_multiaz: prod/foundation has no such variable"
    assert error.hint == "did you mean rds_multi_az?"
    assert error.exit_code == 64


def test_where_nothing_is_near_all_are_listed() -> None:
    assert refusal({"qqqqqqq": "1"}).hint == "it has: count, name, rds_multi_az, tags, untyped, zones"


def test_a_layer_without_variables_says_so() -> None:
    with pytest.raises(UsageError) as caught:
        variables.check_assigned({"a": "1"}, [layer()])

    assert caught.value.hint == "it has: none"


def test_one_layer_that_has_it_is_enough() -> None:
    variables.check_assigned({"name": "x"}, [layer("prod/compute"), LAYER])

    assert variables.render({"name": "x"}, layer("prod/compute")) == ""


@pytest.mark.parametrize("value", ["a,b", "[a", "", '["a"]\nname = "b"'])
def test_what_is_no_expression_is_refused_for_a_type_that_needs_one(value: str) -> None:
    error = refusal({"zones": value})

    assert error.message.startswith("--set zones: the value is not an expression, and list(string) needs one")
    assert error.hint == """quote it for the shell: --set 'zones=["a", "b"]'"""


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("name", "plain", "plain"),
        ("name", 'with "quotes" and \\', 'with "quotes" and \\'),
        ("name", "${not} interpolated", "${not} interpolated"),
        ("name", "true", "true"),
        ("untyped", "text", "text"),
        ("count", "3", "3"),
        ("rds_multi_az", "true", "true"),
        ("zones", '["a", "b"]', ["a", "b"]),
        ("tags", '{ a = "b" }', {"a": "b"}),
    ],
)
def test_a_value_means_what_it_would_mean_after_var(tmp_path: Path, name: str, value: str, expected: object) -> None:
    path = tmp_path / "set.tfvars"
    path.write_text(variables.render({name: value}, LAYER), encoding="utf-8")

    assert hcl.parse_file(path).attributes[name].value == expected


def test_only_the_layers_own_variables_are_rendered() -> None:
    assert variables.render({"name": "x", "other": "y"}, LAYER) == 'name = "x"\n'


def test_variable_files_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prod.tfvars").touch()
    monkeypatch.chdir(tmp_path)

    assert variables.check_files([Path("prod.tfvars")]) == (tmp_path / "prod.tfvars",)


def test_a_variable_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--var-file .*gone\.tfvars: no such file"):
        variables.check_files([tmp_path / "gone.tfvars"])


@pytest.mark.parametrize(
    ("type_", "value", "fits"),
    [
        ("number", "3", True),
        ("number", "-1.5e3", True),
        ("number", "null", True),
        ("number", "abc", False),
        ("number", "", False),
        ("bool", "true", True),
        ("bool", "1", True),
        ("bool", "yes", False),
        ("string", "yes", True),
        (None, "yes", True),
    ],
)
def test_a_value_that_is_not_of_the_variables_type_is_refused_first(
    type_: str | None, value: str, *, fits: bool
) -> None:
    layers = [layer(variables={"n": variable("n", type_)})]

    if fits:
        variables.check_assigned({"n": value}, layers)
        return
    with pytest.raises(UsageError, match=r"^--set n: the value must be (a number|true or false) \(terraform\.tf:1\)$"):
        variables.check_assigned({"n": value}, layers)


# variables that tell which state a layer reads

READER = layer(
    "prod/compute",
    variables={"env": variable("env"), "size": variable("size")},
    remote_states=(RemoteState(name="net", bucket=BUCKET, key="prod/k", variables={"env": "prod"}, location=HERE),),
)


def test_a_value_that_moves_an_edge_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        variables.check_assigned({"env": "staging", "size": "3"}, [READER])

    assert caught.value.message == (
        "--set env: it tells which state prod/compute reads (terraform.tf:1), and the order of layers rests on 'prod'"
    )
    assert caught.value.hint == f"change env in {READER.path}/terraform.tfvars instead, where wealist sees it too"


def test_the_value_that_it_has_anyway_moves_nothing() -> None:
    variables.check_assigned({"env": "prod", "size": "3"}, [READER])


@pytest.mark.parametrize(
    ("name", "text"),
    [("v.tfvars", 'env = "staging"\n'), ("v.tfvars.json", '{"env": "staging"}'), ("v.tfvars", "env = 3\n")],
)
def test_a_file_that_moves_an_edge_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(UsageError, match=f"--var-file {tmp_path / name}: env: it tells which state"):
        variables.check_assigned({}, [READER], files=[tmp_path / name])


def test_of_several_values_the_last_counts_and_the_command_line_is_last(tmp_path: Path) -> None:
    first, second = tmp_path / "1.tfvars", tmp_path / "2.tfvars"
    first.write_text('env = "staging"\n')
    second.write_text('env = "prod"\n')

    variables.check_assigned({}, [READER], files=[first, second])
    variables.check_assigned({"env": "prod"}, [READER], files=[second, first])
    with pytest.raises(UsageError, match="--var-file"):
        variables.check_assigned({}, [READER], files=[second, first])


def test_files_are_not_read_where_no_edge_rests_on_a_variable(tmp_path: Path) -> None:
    variables.check_assigned({}, [LAYER], files=[tmp_path / "gone.tfvars"])


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", ":1: this is not valid JSON"), ("[]", ":1: a file of values is an object"), ("\xff", "not valid JSON")],
)
def test_a_file_of_json_that_is_none_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "v.tfvars.json"
    path.write_bytes(text.encode("latin-1"))

    with pytest.raises(ConfigError, match=message):
        variables.check_assigned({}, [READER], files=[path])


def test_a_pipe_is_read_once_and_kept_out_of_sight(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b'{"password": "hunter2"}')
    os.close(writer)

    (file,) = variables.check_files([Path(f"/dev/fd/{reader}")])

    assert isinstance(file, Piped)
    assert (file.text, file.suffix) == ('{"password": "hunter2"}', ".tfvars.json")
    assert "hunter2" not in repr(file)
    assert tfvars.read_values(file) == {"password": "hunter2"}
    assert variables.check_files([file]) == (file,)
    os.close(reader)


def test_a_pipe_of_hcl_has_the_ending_of_hcl() -> None:
    file = Piped(name="/dev/fd/63", text='password = "hunter2"\n')

    assert file.suffix == ".tfvars"
    assert tfvars.read_values(file) == {"password": "hunter2"}


@pytest.mark.parametrize("text", ['password = "hunter2\n', '{"password": "hunter2}'])
def test_an_error_in_a_file_of_values_does_not_show_them(text: str) -> None:
    with pytest.raises(ConfigError, match="/dev/fd/63:1: this is not valid") as caught:
        tfvars.read_values(Piped(name="/dev/fd/63", text=text))

    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


def test_a_pipe_that_does_not_end_is_refused() -> None:
    with pytest.raises(UsageError, match="--var-file /dev/zero: more than 1048576 bytes"):
        variables.check_files([Path("/dev/zero")])


def test_a_folder_is_no_file_of_values(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Is a directory"):
        variables.check_files([tmp_path])


def test_a_hint_never_puts_a_secret_into_the_command_line() -> None:
    pin = replace(variable("pin", "number"), is_sensitive=True)
    with pytest.raises(UsageError) as caught:
        variables.check_assigned({"pin": "x"}, [layer(variables={"pin": pin})])

    assert caught.value.hint == "--set pin=- asks for it"
