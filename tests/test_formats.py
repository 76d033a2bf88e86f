"""The exports: each is read back, and equals what it was made from."""

import json

import pytest

from s5core import layers
from s5core.export import formats
from s5core.export.formats import EXPORTS, ExportError, Source
from s5core.files import ROOT
from s5core.recipe import Recipe
from s5core.steps import STEPS


def source(name: str) -> Source:
    return Source(name, STEPS[name].layers, STEPS[name].recipe)


def test_these_are_the_exports():
    assert list(EXPORTS) == ["layers", "table", "recipe"]


@pytest.mark.parametrize("step", STEPS)
def test_layers_are_read_back(step):
    content = formats.find("layers").write(source(step))
    assert layers.from_json(json.loads(content)) == STEPS[step].layers


@pytest.mark.parametrize("step", STEPS)
def test_a_recipe_is_read_back(step):
    content = formats.find("recipe").write(source(step))
    assert Recipe.from_json(json.loads(content)) == STEPS[step].recipe


@pytest.mark.parametrize("step", ["base", "step1", "step5", "step5_fast", "step5_small"])
def test_the_table_is_the_golden_one(step):
    golden = ROOT / "tests" / "golden" / f"{step}.txt"
    assert formats.find("table").write(source(step)).decode() == golden.read_text()


@pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS)
def test_an_export_has_a_file_name_and_a_line_of_help(export):
    assert export.file_name(source("step5")) == f"step5-{export.name}{export.ending}"
    assert export.ending.startswith(".") and export.help and "\n" not in export.help
    assert EXPORTS[export.name] is export


def test_an_unknown_export_is_refused():
    with pytest.raises(ExportError, match="There is no export 'pdf': use one of layers, table, recipe"):
        formats.find("pdf")
