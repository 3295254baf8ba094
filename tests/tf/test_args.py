"""Every command's argv, twice: as it is by default, and with everything set."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.tf import args
from orchestrator.tf.args import PlanOptions

OUT = Path("/run/tfplan")


def test_version() -> None:
    assert args.version() == ["terraform", "version", "-json"]


def test_init_by_default() -> None:
    assert args.init() == ["terraform", "init", "-json", "-input=false"]


def test_init_with_everything_set() -> None:
    assert args.init(upgrade=True) == ["terraform", "init", "-json", "-input=false", "-upgrade"]


def test_plan_by_default() -> None:
    assert args.plan(PlanOptions(), out=OUT) == [
        "terraform",
        "plan",
        "-json",
        "-input=false",
        "-detailed-exitcode",
        "-out=/run/tfplan",
        "-lock-timeout=0s",
    ]


def test_plan_with_everything_set() -> None:
    options = PlanOptions(
        destroy=True,
        refresh_only=True,
        var_files=(Path("/a.tfvars"), Path("/b c.tfvars")),
        targets=("aws_vpc.this", 'module.db["x"].aws_db_instance.this[0]'),
        replace=("aws_eip.nat",),
        lock_timeout="5m",
        parallelism=3,
        extra=("-compact-warnings", "-refresh=false"),
    )

    assert args.plan(options, out=OUT) == [
        "terraform",
        "plan",
        "-json",
        "-input=false",
        "-detailed-exitcode",
        "-out=/run/tfplan",
        "-destroy",
        "-refresh-only",
        "-var-file=/a.tfvars",
        "-var-file=/b c.tfvars",
        "-target=aws_vpc.this",
        '-target=module.db["x"].aws_db_instance.this[0]',
        "-replace=aws_eip.nat",
        "-lock-timeout=5m",
        "-parallelism=3",
        "-compact-warnings",
        "-refresh=false",
    ]


def test_show_by_default() -> None:
    argv = args.show(OUT)

    assert argv[:2] == ["terraform", "show"]
    assert sorted(argv[2:]) == ["-json", "/run/tfplan"]


def test_apply_by_default() -> None:
    argv = args.apply(OUT)

    assert argv[:2] == ["terraform", "apply"]
    assert argv[-1] == "/run/tfplan"
    assert argv[2:-1] == ["-json", "-input=false", "-lock-timeout=0s"]


def test_apply_with_everything_set() -> None:
    argv = args.apply(OUT, lock_timeout="5m", parallelism=3)

    assert argv[-1] == "/run/tfplan"
    assert argv[2:-1] == ["-json", "-input=false", "-lock-timeout=5m", "-parallelism=3"]


def test_apply_never_approves_by_itself_and_never_forces() -> None:
    argv = args.apply(OUT, lock_timeout="5m", parallelism=3)

    assert not {"-auto-approve", "-force"} & set(argv)


@pytest.mark.parametrize("words", [(), ("state", "list"), ("console", "-var", "a=b c")])
def test_passthrough_is_exactly_these_words(words: tuple[str, ...]) -> None:
    assert args.passthrough(words) == ["terraform", *words]


def test_building_an_argv_reads_no_state_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "terraform.tfstate").write_text("not a state")
    monkeypatch.chdir(tmp_path)
    args._builder.cache_clear()

    assert args.version() == ["terraform", "version", "-json"]
