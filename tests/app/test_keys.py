"""The table of session keys: no page or part uses a key that is not in it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from pages.parts import keys

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "pages" / "parts" / "keys.py"
FILES = [path for path in (ROOT / "pages").rglob("*.py") if path != TABLE] + [ROOT / "streamlit_app.py"]
PAGES = {path.stem for path in (ROOT / "pages").glob("*.py")}
LOOK_UPS = {"get", "pop", "setdefault"}
ORDERS = {"sorted", "min", "max"}  # their key is another one


def names() -> dict[str, str]:
    """Each name of the table with the prefix of its keys."""
    constants = {name: value for name, value in vars(keys).items() if name.isupper()}
    functions = {
        name: function("step5", *["x"] * (len(inspect.signature(function).parameters) - 1))
        for name, function in vars(keys).items()
        if inspect.isfunction(function)
    }
    return {name: key.split("_")[0] for name, key in (constants | functions).items()}


def owner(path: Path) -> str:
    """The page that a file belongs to; "shared" for the parts of all pages."""
    name = path.relative_to(ROOT).parts
    if name[:2] == ("pages", "parts"):
        return name[2] if len(name) > 3 else "shared"
    return path.stem if name[0] == "pages" else "shared"


def is_session(node: ast.expr) -> bool:
    return ast.unparse(node) in ("st.session_state", "state")


def literal_keys(tree: ast.AST) -> Iterator[str]:
    """Session keys and keys of widgets that are written as strings."""
    for node in ast.walk(tree):
        found: list[ast.expr] = []
        if isinstance(node, ast.Subscript) and is_session(node.value):
            found = [node.slice]
        elif isinstance(node, ast.Compare) and is_session(node.comparators[-1]):
            found = [node.left]
        elif isinstance(node, ast.Attribute) and is_session(node.value) and node.attr not in LOOK_UPS:
            yield ast.unparse(node)
        elif isinstance(node, ast.Call):
            if ast.unparse(node.func) not in ORDERS:
                found = [keyword.value for keyword in node.keywords if keyword.arg == "key"]
            if isinstance(node.func, ast.Attribute) and is_session(node.func.value):
                found += node.args[:1]
        for key in found:
            if any(isinstance(part, ast.JoinedStr | ast.Constant) for part in literal_parts(key)):
                yield ast.unparse(key)


def literal_parts(key: ast.expr) -> Iterator[ast.expr]:
    """The expression itself, without the arguments that it gives to functions of the table."""
    if isinstance(key, ast.Call):
        if not ast.unparse(key.func).startswith("keys."):
            yield key.func
        return
    yield key
    for part in ast.iter_child_nodes(key):
        if isinstance(part, ast.expr):
            yield from literal_parts(part)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_writes_a_key_as_a_string(path: Path) -> None:
    assert list(literal_keys(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "line",
    [
        'st.session_state["run"]',
        "st.session_state.run",
        'st.session_state.get("run")',
        'st.session_state.pop(f"run_{id}", None)',
        '"run" in st.session_state',
        'st.button("Go", key="go")',
        'st.button("Go", key=f"go {name}")',
        'st.button("Go", key="go_" + name)',
    ],
)
def test_such_a_line_would_be_found(line: str) -> None:
    assert len(list(literal_keys(ast.parse(line)))) == 1


def test_keys_are_unique_and_begin_with_a_page_or_shared() -> None:
    values = [value for name, value in vars(keys).items() if name.isupper()]
    assert len(values) == len(set(values)) > 20
    assert set(names().values()) == PAGES | {"shared"}


def test_each_key_is_used_by_its_own_page_alone() -> None:
    used: dict[str, set[str]] = {name: set() for name in names()}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "keys" and node.attr in used:
                used[node.attr].add(owner(path))
    for name, page in names().items():
        assert used[name] == {page}, name
