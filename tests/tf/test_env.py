from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.tf.env import child_environment

if TYPE_CHECKING:
    from pathlib import Path

ALWAYS = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "GOGC": "300", "TF_WORKSPACE": "default"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("TF_CLI_ARGS", "it would change the command; pass flags after -- instead"),
        ("TF_CLI_ARGS_plan", "it would change the command; pass flags after -- instead"),
        ("TF_CLI_ARGS_apply", "it would change the command; pass flags after -- instead"),
        ("TF_VAR_password", "pass --set-env password to use it"),
        ("TF_WORKSPACE", "it would change what Terraform does"),
        ("TF_DATA_DIR", "it would change what Terraform does"),
        ("TF_INPUT", "it would change what Terraform does"),
        ("TF_STATE_PERSIST_INTERVAL", "it would change what Terraform does"),
        ("TF_REATTACH_PROVIDERS", "it would change what Terraform does"),
        ("TF_IGNORE", "it would change what Terraform does"),
        ("TF_CLOUD_ORGANIZATION", "it would change what Terraform does"),
        ("TF_ENCRYPTION", "it would change what Terraform does"),
        ("TF_SOMETHING_NEW", "it would change what Terraform does"),
        ("TF_LOG", "trace logs hold secrets; pass --terraform-log to keep it"),
        ("TF_LOG_CORE", "trace logs hold secrets; pass --terraform-log to keep it"),
        ("TF_LOG_PROVIDER", "trace logs hold secrets; pass --terraform-log to keep it"),
        ("TF_LOG_PATH", "trace logs hold secrets; pass --terraform-log to keep it"),
    ],
)
def test_what_would_give_terraform_orders_is_left_out_and_named(name: str, reason: str) -> None:
    environment = child_environment({name: "x", "PATH": "/bin"})

    assert environment.values == {"PATH": "/bin", **ALWAYS}
    assert environment.dropped == {name: reason}


def test_a_stray_destroy_is_left_out_and_named() -> None:
    environment = child_environment({"TF_CLI_ARGS_plan": "-destroy"})

    assert "TF_CLI_ARGS_plan" not in environment.values
    assert list(environment.dropped) == ["TF_CLI_ARGS_plan"]


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "HOME",
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "HTTPS_PROXY",
        "SSH_AUTH_SOCK",
        "LANG",
        "TFENV_ROOT",
        "TF_PLUGIN_CACHE_DIR",
        "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE",
        "TF_PROVIDER_DOWNLOAD_RETRY",
        "TF_REGISTRY_CLIENT_TIMEOUT",
        "TF_REGISTRY_DISCOVERY_RETRY",
        "TF_APPEND_USER_AGENT",
        "TF_TOKEN_app_terraform_io",
        "TF_AWS_DEFAULT_TAGS_Team",
    ],
)
def test_everything_else_goes_through(name: str) -> None:
    environment = child_environment({name: "value"})

    assert environment.values == {name: "value", **ALWAYS}
    assert environment.dropped == {}


@pytest.mark.parametrize("name", ["TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER", "TF_LOG_PATH"])
def test_logs_are_kept_where_they_are_asked_for(name: str) -> None:
    assert child_environment({name: "TRACE"}, keep_log=True).values == {name: "TRACE", **ALWAYS}


@pytest.mark.parametrize("name", ["TF_IN_AUTOMATION", "CHECKPOINT_DISABLE"])
def test_what_is_forced_wins_and_is_not_worth_a_word(name: str) -> None:
    environment = child_environment({name: "0"})

    assert environment.values == ALWAYS
    assert environment.dropped == {}


def test_a_cli_configuration_that_exists_is_kept(tmp_path: Path) -> None:
    config = tmp_path / "terraform.rc"
    config.touch()

    assert child_environment({"TF_CLI_CONFIG_FILE": str(config)}).values["TF_CLI_CONFIG_FILE"] == str(config)


@pytest.mark.parametrize(("value", "shown"), [("/nowhere/terraform.rc", "/nowhere/terraform.rc"), ("", "(empty)")])
def test_a_cli_configuration_that_does_not_exist_is_dropped_and_named(value: str, shown: str) -> None:
    environment = child_environment({"TF_CLI_CONFIG_FILE": value})

    assert "TF_CLI_CONFIG_FILE" not in environment.values
    assert environment.dropped == {"TF_CLI_CONFIG_FILE": f"{shown} does not exist"}


def test_what_was_left_out_is_named_in_order() -> None:
    environ = {"TF_WORKSPACE": "a", "TF_CLI_ARGS": "b", "TF_INPUT": "c"}

    assert list(child_environment(environ).dropped) == ["TF_CLI_ARGS", "TF_INPUT", "TF_WORKSPACE"]


def test_no_value_shows_in_a_repr() -> None:
    shown = repr(child_environment({"AWS_SECRET_ACCESS_KEY": "hunter2", "TF_VAR_password": "hunter2"}))

    assert "hunter2" not in shown


def test_how_often_garbage_is_collected_is_a_default_that_the_shell_can_change() -> None:
    assert child_environment({}).values["GOGC"] == "300"
    assert child_environment({"GOGC": "50"}).values["GOGC"] == "50"


def test_a_variable_that_was_given_in_another_way_is_no_news() -> None:
    made = child_environment({"TF_VAR_a": "1", "TF_VAR_b": "2", "TF_WORKSPACE": "other"})

    assert list(made.dropped_but({"a"})) == ["TF_VAR_b", "TF_WORKSPACE"]
