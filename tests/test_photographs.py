from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from s5core import checkpoint
from s5core.__main__ import app
from s5core.drawing import photographs, sketch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A 3, the same under the name of a 5, empty paper, and two files that are no such photographs."""
    paper = 230 - sketch.hard_digit("3 with a flat top", 20).pixels // 2
    Image.fromarray(paper).save(tmp_path / "plain_001_3.png")
    Image.fromarray(paper).save(tmp_path / "blue-thin_001_5.png")
    Image.fromarray(np.full_like(paper, 200)).save(tmp_path / "blue-thin_002_7.png")
    Image.fromarray(paper).save(tmp_path / "holiday.png")
    (tmp_path / "README.md").write_text("no photograph")
    return tmp_path


def test_each_kind_is_counted(folder):
    model = checkpoint.load(checkpoint.shipped_path("step5")).model()
    found = photographs.report({"step5": model}, "step5", folder)
    assert found["photographs"] == 3 and found["milliseconds"] > 0 and found["mean"] == 50
    assert found["kinds"] == {
        "blue-thin": {"right": 0, "refused": 50, "wrong_and_sure": 50},
        "plain": {"right": 100, "refused": 0, "wrong_and_sure": 0},
    }


def test_the_command_prints_them(folder):
    result = CliRunner().invoke(app, ["photographs", str(folder), "--json"])
    assert result.exit_code == 0, result.output
    assert set(json.loads(result.stdout)["kinds"]) == {"plain", "blue-thin"}
    shown = CliRunner().invoke(app, ["photographs", str(folder)])
    assert "3 photographs" in shown.output and "blue-thin" in shown.output


def test_a_folder_without_photographs_is_refused(tmp_path):
    for path, message in ((tmp_path, "has no photograph"), (tmp_path / "none", "cannot be read")):
        result = CliRunner().invoke(app, ["photographs", str(path)])
        assert result.exit_code == 1 and message in " ".join(str(result.exception or result.output).split())
