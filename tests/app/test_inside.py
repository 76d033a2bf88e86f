from __future__ import annotations

import base64
import io
import re

import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.parts import keys
from s5core import checkpoint, data, steps
from s5core.checkpoint import Checkpoint
from s5core.data import indices_of_class
from s5core.events import Metrics
from s5core.inside import activations
from s5core.layers import Conv, GlobalAvgPool, ReLU, build
from s5core.recipe import Recipe
from s5core.runs import folder
from s5core.summary import format_table, layer_table
from tests.helpers import APP


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("S5_DATA_DIR", raising=False)  # the practice digits


def open_page(
    network: str = "step5", source: str | None = None, drawing: torch.Tensor | None = None
) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.session_state[keys.NETWORK] = network
    if source is not None:
        app.session_state[keys.INSIDE_SOURCE] = source
    if drawing is not None:
        app.session_state[keys.DRAWING] = drawing
    app.switch_page("pages/inside.py").run()
    assert not app.exception
    return app


def headings(app: AppTest) -> list[str]:
    return [heading.value for heading in (*app.header, *app.subheader)]


def tab(app: AppTest, label: str):
    return next(tab for tab in app.tabs if tab.label == label)


def counts(app: AppTest) -> list[str]:
    """How many maps and kernels the layer has, as its tabs say it."""
    return [
        words.value for words in app.markdown if re.match(r"\*\*[\d,]+ (feature map|kernel)", words.value)
    ]


def layer_box(app: AppTest):
    return next(box for box in app.selectbox if box.label == "Layer")


@pytest.mark.parametrize("step", ["base", "step1", "step5"])
def test_the_layer_table_and_its_totals(step: str) -> None:
    app = open_page(step)
    rows = layer_table(steps.STEPS[step].layers)
    table = app.dataframe[0].value
    assert table["layer"].tolist() == [row.name for row in rows]
    assert table["field"].tolist() == [row.receptive_field for row in rows]
    assert table["multiply_adds"].tolist() == [row.multiply_adds for row in rows]
    assert tab(app, "The layer table").metric[0].value == f"{table['parameters'].sum():,}"
    assert app.code[0].value == format_table(rows)


WIDE = (Conv(60), ReLU(), Conv(10, kernel=1), GlobalAvgPool())


def test_an_untrained_network_has_its_table_and_says_so() -> None:
    run = folder.create("wide", "step5", WIDE, Recipe())
    app = open_page(run.id)
    assert app.dataframe[0].value["layer"].tolist() == ["Conv2d-1", "ReLU-2", "Conv2d-3", "AvgPool2d-4"]
    assert "not trained yet" in app.info[0].value
    assert [link.proto.page for link in app.get("page_link")] == ["train"]
    assert "Inside a layer" not in headings(app)


def test_of_many_maps_and_kernels_some_are_shown() -> None:
    weights = build(WIDE, seed=0).state_dict()
    history = (Metrics(1, 1.0, 50.0, 1.0, 50.0, 500, 0.1, 1.0),)
    made = Checkpoint("step5", WIDE, Recipe(epochs=1), "practice set", history, weights)
    app = open_page(folder.adopt(made, "step5", "wide").id)
    captions = [caption.value for caption in app.caption]
    assert "48 of 60 maps are shown, those that contribute most." in captions
    assert "The kernels of the first 24 of 60 maps are shown." in captions
    layer_box(app).set_value("Conv2d-3").run()
    captions = [caption.value for caption in app.caption]
    assert "The kernels of the first 10 of 10 maps are shown, for the first 24 of 60 inputs." in captions


def test_the_answer_and_a_layer_with_and_without_kernels() -> None:
    app = open_page("step5")
    assert any("It reads" in words.value for words in app.markdown)
    assert counts(app) == ["**8 feature maps of 26 × 26 cells**", "**8 kernels of 3 × 3**"]
    layer_box(app).set_value("SiLU-3").run()
    assert counts(app) == ["**8 feature maps of 26 × 26 cells**"]
    assert "Kernels" not in [each.label for each in app.tabs]
    layer_box(app).set_value("Conv2d-15").run()
    assert "**512 kernels of 3 × 3**" in counts(app)
    layer_box(app).set_value("Conv2d-19").run()
    assert "**10 feature maps of 1 × 1 cells**" in counts(app)
    assert not app.exception


def test_one_scale_for_all_maps_names_its_ends() -> None:
    app = open_page("step5")
    assert "lowest" in [words.value for words in app.markdown]
    scale_of(app, "Feature maps").set_value("one for all maps").run()
    assert "lowest" not in [words.value for words in app.markdown]


def test_kernels_have_one_scale_for_the_layer_or_one_for_each() -> None:
    app = open_page("step5")
    kernels = activations.kernels(checkpoint.load(checkpoint.shipped_path("step5")).model(), 0)
    assert kernels is not None
    most = f"{float(kernels.abs().max()):.2f}"
    ends = [words.value for words in tab(app, "Kernels").markdown]
    assert {f"+{most}", f"−{most}"} <= set(ends)
    scale_of(app, "Kernels").set_value("one for each kernel").run()
    assert {"negative", "positive"} <= {words.value for words in tab(app, "Kernels").markdown}


def scale_of(app: AppTest, part: str):
    return next(radio for radio in tab(app, part).radio if radio.label == "Colour scale")


def test_a_1x1_kernel_shows_how_large_it_is() -> None:
    app = open_page("step1")
    row = next(
        row
        for row in layer_table(steps.STEPS["step1"].layers)
        if isinstance(row.layer, Conv) and row.layer.kernel == 1
    )
    layer_box(app).set_value(row.name).run()

    def shown() -> bytes:
        (image,) = tab(app, "Kernels").get("image")[:1]
        url = image.proto.imgs[0].url
        return base64.b64decode(url.split(",", 1)[1])

    def colours() -> int:
        picture = Image.open(io.BytesIO(shown())).convert("RGB")
        return len(picture.getcolors(1 << 20))

    together = colours()
    scale_of(app, "Kernels").set_value("one for each kernel").run()
    assert together > colours() + 10  # alone, each weight has one of the two strongest colours


def test_colours_show_contributions_where_they_are_asked_for() -> None:
    app = open_page("step5")
    before = strip(app)
    assert "need not be the brightest" in " ".join(caption.value for caption in app.caption)
    app.button_group(key=keys.INSIDE_VALUES).set_value("contributions").run()
    assert not app.exception and strip(app) != before
    assert "the strongest orange of its map" in " ".join(caption.value for caption in app.caption)
    assert "raises it" in [words.value for words in app.markdown]


def test_the_maps_of_the_head_are_named_by_their_digit() -> None:
    app = open_page("step5")
    assert re.search(r"<b>Conv2d-19</b><br>class 4<br>", strip(app))
    layer_box(app).set_value("Conv2d-19").run()
    assert " of class 4 has the activation" in " ".join(words.value for words in app.markdown)


def cell(app: AppTest) -> tuple[str, float, float]:
    """The chosen cell: its name, its activation, and its contribution to the answer."""
    words = next(each.value for each in app.markdown if "and contributes" in each.value)
    name, *figures = re.fullmatch(
        r"(.*) has the activation \*\*(.*)\*\* and contributes \*\*(.*)\*\* to .*", words
    ).groups()
    return name, *(float(figure.replace("−", "-")) for figure in figures)


def growth(app: AppTest) -> list[str]:
    """The cells of the layers that look at the chosen place."""
    (found,) = (element.proto.body for element in app.get("html") if "chosen place" in element.proto.body)
    return re.findall(r"</b><br>(.*?)<br>", found)


def slide(app: AppTest, name: str, value: int) -> None:
    next(slider for slider in app.slider if slider.label == name).set_value(value).run()
    assert not app.exception


def test_the_cell_that_contributes_most_comes_first_and_any_other_can_be_chosen() -> None:
    app = open_page("step5")
    first = cell(app)
    slide(app, "Row", 1)
    slide(app, "Column", 2)
    name, _, contribution = cell(app)
    assert name.startswith("The cell in row 1, column 2 of") and contribution < first[2]
    next(button for button in app.button if button.label == "Cell that contributes most").click().run()
    assert cell(app) == first


def test_a_place_is_followed_through_all_layers() -> None:
    app = open_page("step5")
    app.session_state[keys.INSIDE_MORE] = True  # as after a click on it
    slide(app, "Row", 8)
    slide(app, "Column", 20)
    rows = [
        row for row in layer_table(steps.STEPS["step5"].layers) if "Conv" in row.name or "Pool" in row.name
    ]
    place = rows[0].centre(7, 19)
    assert growth(app)[0] == "cell 8, 20" and growth(app)[-1] == "its only cell"
    for row, words in zip(rows[:-2], growth(app), strict=False):
        y, x = row.cell_at(*place)
        assert words == f"cell {y + 1}, {x + 1}"
    before = growth(app)
    layer_box(app).set_value("Conv2d-11").run()
    assert growth(app)[4] == before[4]
    y, x = rows[4].cell_at(*place)
    assert cell(app)[0].startswith(f"The cell in row {y + 1}, column {x + 1} of")
    app.selectbox(key=keys.STEP).set_value("step1").run()
    assert not app.exception and growth(app)[0] == f"cell {round(place[1])}, {round(place[0])}"


def test_another_network_has_its_own_layers() -> None:
    app = open_page("step5")
    layer_box(app).set_value("Conv2d-19").run()
    app.selectbox(key=keys.STEP).set_value("step1").run()
    assert not app.exception
    assert layer_box(app).options == [row.name for row in layer_table(steps.STEPS["step1"].layers)]


def test_a_digit_that_was_drawn() -> None:
    app = open_page("step5", source="the digit that I drew")
    assert "not drawn a digit yet" in app.info[0].value
    assert "Inside a layer" not in headings(app)
    field = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    field[..., 4:24, 13:16] = 255
    app.session_state[keys.DRAWING] = field
    app.run()
    assert not app.exception and not app.info
    assert any("It reads" in words.value for words in app.markdown)
    assert "Inside a layer" in headings(app)


def digit_box(app: AppTest):
    return next(radio for radio in app.radio if radio.label == "Digit")


def drawing(column: int) -> torch.Tensor:
    """A one at that column."""
    field = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    field[..., 4:24, column : column + 3] = 255
    return field


def test_a_drawing_comes_first_and_a_new_one_again() -> None:
    assert digit_box(open_page()).value == "a validation digit"
    app = open_page(drawing=drawing(13))
    assert digit_box(app).value == "the digit that I drew" and not app.info
    digit_box(app).set_value("a validation digit").run()
    app.run()
    assert digit_box(app).value == "a validation digit"  # until something else is drawn
    app.session_state[keys.DRAWING] = drawing(13)  # the page Draw was opened, and nothing was drawn
    app.run()
    assert digit_box(app).value == "a validation digit"
    app.session_state[keys.DRAWING] = drawing(10)
    app.run()
    assert digit_box(app).value == "the digit that I drew"
    app.session_state[keys.DRAWING] = None  # the canvas was cleared
    app.run()
    assert not app.exception and digit_box(app).value == "a validation digit"


def test_the_table_is_a_tab_and_all_that_an_untrained_network_shows() -> None:
    names = ["A digit on its way", "The layer table"]
    for step, first in (("step5", 0), ("base", 1)):
        app = open_page(step)
        assert [each.label for each in app.tabs if each.label in names] == names
        assert tab(app, names[1]).dataframe and not tab(app, names[0]).dataframe
        assert app.get("tab_container")[0].proto.tab_container.default_tab_index == first


def order_of_maps(app: AppTest):
    return next(radio for radio in app.radio if radio.label == "Order of the maps")


def tile_captions(app: AppTest) -> list[str]:
    images = [image for element in app.get("image") for image in element.proto.imgs]
    return [image.caption for image in images if image.caption.startswith("map ")]


def test_the_maps_that_contribute_most_to_the_answer_come_first() -> None:
    digits = data.practice_set()
    digit = digits.validation_images[indices_of_class(digits.validation_labels, 4)[:1]]
    app = open_page("step1", source="the digit that I drew", drawing=digit)
    in_order = tile_captions(app)
    order_of_maps(app).set_value("by number").run()
    assert not app.exception
    assert tile_captions(app) == [f"map {i}" for i in range(1, 13)]
    model = checkpoint.load(checkpoint.shipped_path("step1")).model()
    answer = activations.look_inside(model, digit).answer
    contributions = activations.contributions(model, digit, answer)[0].sum((1, 2))
    expected = contributions.argsort(descending=True).tolist()
    assert expected != list(range(12))
    assert in_order == [f"map {i + 1}" for i in expected]


def test_the_way_and_the_layer_that_it_names_agree_on_the_map_that_contributes_most() -> None:
    app = open_page("step5")
    named = re.findall(r"<br>→ (.*?)<br>(map \d+) of", strip(app))
    assert [name for name, _ in named] == ["SiLU-3", "SiLU-6", "SiLU-10", "SiLU-13", "SiLU-17"]
    for name, map_ in named:
        layer_box(app).set_value(name).run()
        assert tile_captions(app)[0] == map_


def strip(app: AppTest) -> str:
    """The way through the network as HTML."""
    (found,) = (
        element.proto.body
        for element in app.get("html")
        if "the cell that contributes most is framed" in element.proto.body
    )
    assert found.count("<img") == 2 * found.count("<figure")
    return found


def way(app: AppTest) -> list[str]:
    """The convolution and pooling layers of the way."""
    return re.findall(r"<b>([\w-]+)", strip(app))


def test_the_digit_passes_every_convolution_and_pool_of_the_chosen_step() -> None:
    for step in ("step5", "step1"):
        app = open_page(step)
        names = [row.name for row in layer_table(steps.STEPS[step].layers)]
        assert way(app) == [name for name in names if "Conv" in name or "Pool" in name]
        assert any("a convolution or pooling layer" in words.value for words in app.markdown)
