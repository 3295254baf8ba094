from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from orchestrator.cli import report_file
from orchestrator.errors import UsageError


def leave(path: Path, text: str = "{}\n") -> None:
    report_file.check(path)
    report_file.write(path, text)


@pytest.mark.parametrize("was_there", [True, False])
def test_a_report_is_for_its_owner_alone(tmp_path: Path, *, was_there: bool) -> None:
    path = tmp_path / "report.json"
    if was_there:
        path.write_text("an old and longer one")
        path.chmod(0o666)
    before = os.umask(0)
    try:
        leave(path)
    finally:
        os.umask(before)

    assert path.read_text() == "{}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep")
    (tmp_path / "report.json").symlink_to("precious.txt")

    leave(tmp_path / "report.json")

    assert (tmp_path / "precious.txt").read_text() == "keep"
    assert (tmp_path / "report.json").read_text() == "{}\n"
    assert not (tmp_path / "report.json").is_symlink()


def test_nothing_is_changed_by_finding_out_whether_it_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("of the last run")

    report_file.check(tmp_path / "report.json")
    report_file.check(tmp_path / "new.json")

    assert (tmp_path / "report.json").read_text() == "of the last run"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_pipe_gets_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(path.read_text()))
    report_file.check(path)
    reader.start()
    while True:
        # Until the reader has come.
        try:
            report_file.write(path, "x" * 1_000_000)
        except OSError:
            continue
        break
    reader.join()

    assert got == ["x" * 1_000_000]


def test_a_pipe_that_nobody_reads_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    report_file.check(tmp_path / "pipe")

    with pytest.raises(OSError, match="No such device"):
        report_file.write(tmp_path / "pipe", "{}\n")


def test_standard_output_can_be_a_report_file_also_where_it_is_a_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    os.write(1, b"plan\n")
    leave(Path("/dev/stdout"))
    leave(Path("/dev/fd/1"))

    assert capfd.readouterr().out == "plan\n{}\n{}\n"
    assert Path("/dev/stdout").is_symlink()


@pytest.mark.parametrize(("name", "reason"), [("gone/report.json", "there is no such folder"), (".", "Is a directory")])
def test_what_can_not_be_written_is_found_out_before(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        report_file.check(tmp_path / name)

    assert caught.value.exit_code == 64
