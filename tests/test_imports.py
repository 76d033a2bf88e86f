"""Imports point one way: pages use the wings, the wings use the course, the course uses neither."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from s5core.files import ROOT

# The command line is above the course and the wings, as the pages are.
COMMAND_LINE = ("s5core.__main__", "s5core.shell")

# Each part of the project, and the parts that it may import besides its own modules.
ALLOWED: dict[str, set[str]] = {
    "course": set(),  # the modules directly in s5core/
    "inside": {"course"},
    "runs": {"course"},
    "views": {"course"},
    "drawing": {"course", "inside", "runs"},
    "export": {"course", "inside", "runs", "views", "drawing"},
    "ahead": {"course", "runs"},
    "benchmarks": {"course", "inside", "runs", "views", "drawing", "export", "ahead"},
    "command line": {"course", "inside", "runs", "views", "drawing", "export", "benchmarks"},
    "pages": {"course", "inside", "runs", "views", "drawing", "export", "ahead"},
}


def name_of(path: Path) -> str:
    """A file's module: "s5core.runs.folder"; a package has the name of its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    name_of(path): path
    for folder in ("s5core", "benchmarks", "pages")
    for path in sorted((ROOT / folder).rglob("*.py"))
} | {"streamlit_app": ROOT / "streamlit_app.py"}


def part_of(module: str) -> str:
    """The part of the project that a module belongs to."""
    if module.startswith(COMMAND_LINE):
        return "command line"
    first, *rest = module.split(".")
    if first != "s5core":
        return "pages" if first in ("pages", "streamlit_app") else first
    wing = len(rest) > 1 or FILES[module].name == "__init__.py"
    return rest[0] if rest and wing else "course"


def imports(module: str) -> set[str]:
    """Everything that a module imports, inside its functions as well, under full names. Of
    `from s5core import data` it is "s5core.data", of `from torch import nn` "torch"."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{module} imports by a relative name"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in FILES else node.module for name in names}
    return found


GRAPH = {module: {name for name in imports(module) if name in FILES} for module in FILES}


def test_each_part_of_the_project_is_in_the_table() -> None:
    assert {part_of(module) for module in FILES} <= ALLOWED.keys()


@pytest.mark.parametrize("part", ALLOWED)
def test_a_part_imports_only_what_it_may(part: str) -> None:
    wrong = [
        f"{module} imports {other}"
        for module, others in GRAPH.items()
        for other in others
        if part_of(module) == part and part_of(other) not in {part} | ALLOWED[part]
    ]
    assert not wrong


def test_only_pages_import_streamlit() -> None:
    def is_streamlit(
        name: str,
    ) -> bool:  # its messages are not: a measurement sends them instead of a browser
        return name.split(".")[0] == "streamlit" and not name.startswith("streamlit.proto")

    users = {module for module in FILES if any(map(is_streamlit, imports(module)))}
    assert "pages.draw" in users
    assert {part_of(module) for module in users} == {"pages"}


def test_no_imports_form_a_circle() -> None:
    left = dict(GRAPH)
    while leaves := [module for module, others in left.items() if not others & left.keys()]:
        for module in leaves:
            del left[module]
    assert not left, "a circle is among these modules"


def test_the_palette_imports_nothing() -> None:
    assert imports("s5core.views.palette") == set()


@pytest.mark.parametrize("module", ["s5core.views.picture", "s5core.views.gallery"])
def test_pictures_load_neither_charts_nor_training(module: str) -> None:
    script = f"import sys, {module}; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert module in loaded and not loaded & {"altair", "streamlit", "s5core.train"}
