"""The exports: each is read back, and equals what it was made from."""

import json

import pytest

from s5core import layers
from s5core.export import formats, link
from s5core.export.formats import EXPORTS
from s5core.export.source import ExportError, Source
from s5core.files import ROOT
from s5core.layers import Conv
from s5core.recipe import Recipe
from s5core.steps import STEPS
from tests.helpers import made_of


def source(name: str) -> Source:
    return Source(name, STEPS[name].layers, STEPS[name].recipe, step=name)


def test_these_are_the_exports():
    assert list(EXPORTS) == [
        "link", "html", "notebook", "script", "onnx", "report", "card", "layers", "table", "recipe"
    ]  # fmt: skip


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
    with pytest.raises(ExportError, match="There is no export 'pdf': use one of link, html, .*, recipe"):
        formats.find("pdf")


def test_a_link_is_read_back():
    text = formats.find("link").write(source("step3")).decode()
    assert link.read(text).layers == STEPS["step3"].layers


def test_what_needs_weights_or_is_too_large_is_refused_in_a_sentence():
    for export in EXPORTS.values():
        if export.trained:
            with pytest.raises(ExportError, match="step5 is not trained"):
                export.check(source("step5"))
        else:
            export.check(source("base"))
    made = made_of((Conv(1024, kernel=28), Conv(10, kernel=1)))
    with pytest.raises(
        ExportError, match="has 813,056 parameters, and the export html takes at most 500,000"
    ):
        EXPORTS["html"].check(Source("large", made.layers, made.recipe, made))
