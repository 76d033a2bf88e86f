"""What pip installs is what the code imports: no more and no less."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions

from s5core.files import ROOT

APP = ("streamlit_app.py", "pages", "s5core")
CHECKS = ("tests", "benchmarks")


def normal(distribution: str) -> str:
    """The name of a distribution as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def required(name: str) -> set[str]:
    """The distributions that a requirements file asks for itself."""
    lines = (ROOT / name).read_text().splitlines()
    return {normal(re.split(r"[<>=~!\[; ]", line)[0]) for line in lines if line and line[0] not in "#-"}


def modules(tree: ast.AST) -> Iterator[str]:
    """The top-level packages that a file imports, in functions as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def imported(places: tuple[str, ...]) -> set[str]:
    """The distributions of the third-party packages that the Python files in these places import."""
    files = [
        file for place in places for file in [ROOT / place, *(ROOT / place).rglob("*.py")] if file.is_file()
    ]
    found = {module for file in files for module in modules(ast.parse(file.read_text()))}
    ours = {path.stem for path in ROOT.iterdir()}
    installed = packages_distributions()
    return {
        normal(installed[module][0])
        for module in found
        if module not in sys.stdlib_module_names and module not in ours
    }


def test_the_app_requires_what_it_imports() -> None:
    found = imported(APP)
    assert {"torch", "pillow", "streamlit-drawable-canvas"} <= found
    assert required("requirements.txt") | required("requirements-cluster.txt") == found


def test_only_the_bridge_to_a_cluster_imports_what_a_cluster_needs() -> None:
    needed = required("requirements-cluster.txt")
    bridge = "s5core/runs/cluster.py"
    others = tuple(
        str(path.relative_to(ROOT))
        for place in APP
        for path in [ROOT / place, *(ROOT / place).rglob("*.py")]
        if path.is_file() and path != ROOT / bridge
    )
    assert needed <= imported((bridge,)) and not needed & imported(others)


def test_the_tests_require_what_they_import_besides() -> None:
    # Are run, not imported.
    commands = {"mypy", "ruff", "nbconvert", "ipykernel", "matplotlib"}
    assert required("requirements-dev.txt") - commands == imported(CHECKS) - required(
        "requirements.txt"
    ) - required("requirements-cluster.txt")
