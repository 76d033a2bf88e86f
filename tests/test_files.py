"""Where the app keeps what it makes, when its own folder is read-only."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from s5core import files

NOBODY = 65534


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation that everybody may read and nobody may change, looked at by one who is not root."""
    root = Path(tempfile.mkdtemp())  # and not in tmp_path, which is closed to others
    root.chmod(0o555)
    monkeypatch.setattr(files, "ROOT", root)
    monkeypatch.setenv("XDG_DATA_HOME", "/home/student/data")
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    yield root
    if is_root:
        os.seteuid(0)
    root.chmod(0o755)
    shutil.rmtree(root)


linux = pytest.mark.skipif(not os.path.isdir("/proc"), reason="each system has another place for data")


@linux
def test_a_read_only_installation_keeps_nothing_beside_the_app(installation):
    assert list(installation.iterdir()) == []  # it can be entered: what fails is to write
    assert files.own_folder("runs") == Path("/home/student/data/five-steps/runs")


@linux
def test_a_closed_folder_is_not_used_though_its_parent_is_open(installation, monkeypatch):
    monkeypatch.setattr(files, "ROOT", installation.parent)
    assert files.own_folder(installation.name) == Path("/home/student/data/five-steps") / installation.name
    assert files.own_folder("another name") == installation.parent / "another name"


def test_a_writable_installation_keeps_all_beside_the_app(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "ROOT", tmp_path)
    assert files.own_folder("runs") == tmp_path / "runs"
    assert list(tmp_path.iterdir()) == []  # nothing is made before it is needed


def test_a_full_disk_is_no_reason_to_look_elsewhere(tmp_path, monkeypatch):
    def fail(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "ROOT", tmp_path)
    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    assert files.own_folder("runs") == tmp_path / "runs"
