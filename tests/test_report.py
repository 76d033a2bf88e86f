"""Reports and model cards: complete, self-contained, and with the figures of the checkpoint."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from s5core import checkpoint
from s5core.data import Digits
from s5core.evaluate import evaluate
from s5core.export import report
from s5core.export.card import card
from s5core.export.source import Answers, ExportError, Source
from s5core.steps import STEPS
from tests.helpers import EVERY_KIND, made_of


def source_of(
    made: checkpoint.Checkpoint, digits: Digits, step: str = "step5", title: str = "Mine"
) -> Source:
    found = evaluate(made.model(), digits.validation_images, digits.validation_labels)
    return Source("mine", made.layers, made.recipe, made, step, title, Answers(digits, found))


@pytest.fixture(scope="module")
def shipped() -> checkpoint.Checkpoint:
    return checkpoint.load(checkpoint.shipped_path("step5"))


def test_a_report_asks_no_host_for_anything(shipped, practice):
    page = report.report(source_of(shipped, practice)).decode()
    assert len(page) < 300_000 and "{{" not in page
    assert not re.findall(r"https?://|src=\"(?!data:)|<link|@import|url\(", page)
    assert page.count("<figure>") == min(report.WORST, page.count("<figure>")) > 0


def test_a_report_has_the_figures_of_its_checkpoint(shipped, practice):
    page = report.report(source_of(shipped, practice)).decode()
    assert f"<strong>{shipped.accuracy:.2f} %</strong>" in page and "<strong>9,192</strong>" in page
    assert page.count('class="met"') == 3
    for epoch in shipped.history:
        assert f"<td>{epoch.validation_errors:,}</td>" in page
    assert "Nothing: these are the network and the recipe of Step 5" in page
    assert "was trained on these digits" in page  # MNIST's training digits hold the practice digits


def test_a_report_tells_what_was_changed(practice):
    made = made_of(EVERY_KIND)
    page = report.report(source_of(made, practice)).decode()
    assert "added: Crop(26)" in page and "learning rate: 0.3 became 0.1" in page
    assert (
        "does not begin from one of the steps" in report.report(source_of(made, practice, step="")).decode()
    )


def test_a_name_cannot_put_anything_into_the_page(practice):
    made = replace(made_of(EVERY_KIND), name="</script><b>", data="practice set</script><b>")
    page = report.report(source_of(made, practice, title="<script>alert(1)</script>")).decode()
    assert "<b>" not in page and "<script>alert" not in page
    assert page.count("<script") == page.count("</script>") == 1


def test_a_curve_of_one_epoch_is_drawn(practice):
    svg = report.curves(made_of(EVERY_KIND))
    assert svg.count("<circle") == 2 and "nan" not in svg and "inf" not in svg


def test_a_card_has_the_figures_of_the_network(shipped, practice):
    source = source_of(shipped, practice, title="Step 5")
    text, found = card(source).decode(), source.read().found
    assert text.startswith("# Step 5\n") and text.count("\n## ") == 6
    assert "9,192 parameters" in text and f"{shipped.accuracy:.2f} % of the validation digits" in text
    assert f"{found.errors:,} of 1,000 digits wrong" in text
    assert f"{found.calibration_error:.2f} percentage points" in text
    assert "rotated by up to 10 degrees, shifted by up to 2 pixels, resized by up to 12 % and slanted" in text


@pytest.mark.parametrize("write", [report.report, card])
def test_a_network_that_has_not_read_the_digits_has_none(write, shipped):
    with pytest.raises(ExportError, match="has not read"):
        write(Source("step5", shipped.layers, shipped.recipe, shipped))
    with pytest.raises(ExportError, match="not trained"):
        write(Source("base", STEPS["base"].layers, STEPS["base"].recipe))
