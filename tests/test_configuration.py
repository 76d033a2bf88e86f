from __future__ import annotations

import re

import pytest

from benchmarks.report import settings_table
from s5core import configuration
from s5core.configuration import Configuration, ConfigurationError
from s5core.files import ROOT


def test_what_is_not_set_has_its_default(monkeypatch):
    monkeypatch.setenv("S5_RUNS_DIR", "")
    monkeypatch.setenv("S5_JOBS", " ")
    assert configuration.value("runs_dir") == "" and Configuration.read().jobs == 0


def test_a_variable_sets_its_field(monkeypatch):
    monkeypatch.setenv("S5_JOBS", "4")
    monkeypatch.setenv("S5_DISK", "0.5")
    monkeypatch.setenv("S5_TEACHER_SECRET", "123456789")
    found = Configuration.read()
    assert (found.jobs, found.disk, found.teacher_secret) == (4, 0.5, "123456789")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("S5_LINE", "0", "S5_LINE is 0, but must be at least 1 and at most 10,000."),
        ("S5_JOBS", "1.5", "S5_JOBS is 1.5, but must be a whole number."),
        ("S5_WAITING", "two", "S5_WAITING is 'two', but must be a whole number."),
        ("S5_DISK", "nan", "S5_DISK is nan, but must be a number."),
    ],
)
def test_a_bad_value_is_named(monkeypatch, name, text, message):
    monkeypatch.setenv(name, text)
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        Configuration.read()


def test_the_table_has_every_variable_that_the_app_reads():
    places = [ROOT / "streamlit_app.py", *(ROOT / "s5core").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    used = {name for path in places for name in re.findall(r"\bS5_[A-Z_]*[A-Z]", path.read_text("utf-8"))}
    assert used and used <= {variable for variable, *_ in configuration.table()}
    direct = re.compile(r"environ\b[^\n]*S5_")
    assert not [path for path in places if direct.search(path.read_text("utf-8"))]


def test_the_table_tells_default_range_and_meaning():
    rows = {variable: rest for variable, *rest in configuration.table()}
    assert rows["S5_PARAMETERS"] == [
        "10,000,000",
        "[1, 1000000000]",
        "Parameters of a network that is trained.",
    ]
    assert rows["S5_TEACHER_SECRET"][0] == "–"


def test_the_readme_has_the_table():
    assert "\n".join(settings_table()) in (ROOT / "README.md").read_text("utf-8")
