"""The page Design without a browser."""

from __future__ import annotations

import json
import re

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.state.query_params import QueryParams
from streamlit.testing.v1 import AppTest

from pages.parts import keys
from s5core.layers import LAYERS, Crop, shapes, to_json
from s5core.notation import parse, write
from s5core.runs import catalogue, folder
from s5core.runs.classroom import Classroom
from s5core.steps import STEPS
from tests.helpers import APP, renewed, trained_networks
from tests.test_layer_kinds import LeakyReLU

STEP5 = write(STEPS["step5"].layers)
SMALL = "C8 BN SiLU P C16 BN SiLU P C16 BN SiLU GAP H10"


@pytest.fixture
def page(nowhere: None, server_of_its_own: None) -> AppTest:
    """The page with step 5."""
    app = AppTest.from_file(APP, default_timeout=60).run().switch_page("pages/design.py").run()
    assert not app.exception
    return app


def opened(**parameters: str) -> AppTest:
    """The page in a new session, whose first request is this address."""
    app = AppTest.from_file(APP, default_timeout=60).switch_page("pages/design.py")
    for name, value in parameters.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def line(page: AppTest):
    return page.text_input(key=renewed(page, keys.DESIGN_TEXT))


def type_text(page: AppTest, text: str) -> None:
    line(page).set_value(text).run()
    assert not page.exception


def press(page: AppTest, key: str) -> None:
    page.button(key=key).click().run()
    assert not page.exception


def button(page: AppTest, label: str):
    return next(button for button in page.button if button.label == label)


def numbers(page: AppTest) -> dict[str, str]:
    return {
        metric.label.split(",")[0]: metric.value.replace("\N{NO-BREAK SPACE}", " ") for metric in page.metric
    }


def listed(page: AppTest) -> list[str]:
    """The lines of the list."""
    return [button.label for button in page.button if re.match(r"\d+ · ", button.label)]


def cells(page: AppTest) -> list[list[str]]:
    """The figures of each line."""
    bodies = [each.proto.body for each in page.get("html") if "class='design-cells'" in each.proto.body]
    return [re.findall("<span>(.*?)</span>", body) for body in bodies]


def sent(page: AppTest) -> WidgetStates:
    """What a browser sends that shows the page as it is, with no button pressed."""
    every = page._tree.get_widget_states().widgets
    return WidgetStates(widgets=[each for each in every if each.WhichOneof("value") != "trigger_value"])


def advised(page: AppTest) -> list[str]:
    return [each.value for each in page.markdown if "-badge[" in each.value]


def test_it_begins_with_the_network_of_the_sidebar(page: AppTest) -> None:
    assert line(page).value == STEP5
    assert len(listed(page)) == len(STEPS["step5"].layers) and listed(page)[0] == "1 · Conv 3×3, 8 maps"
    assert numbers(page)["Parameters"] == "9,192" and numbers(page)["A cell sees"] == "24 × 24 px"
    assert cells(page)[0][:3] == ["8×26×26", "72", "3 px"]
    assert not advised(page) and "layers" not in page.query_params and not page.table
    page.sidebar.selectbox(key=keys.STEP).select("step3").run()
    assert line(page).value == write(STEPS["step3"].layers)


def test_text_and_list_change_the_same_network_and_the_address(page: AppTest) -> None:
    type_text(page, "c8,bn,silu,gap,h10")
    assert line(page).value == "C8 BN SiLU GAP H10" == page.query_params["layers"]
    assert len(listed(page)) == 5 and numbers(page)["Parameters"] == "168"
    press(page, keys.design_layer(0))
    page.number_input(key=renewed(page, keys.design_field(0, "Conv", "channels"))).set_value(20).run()
    page.number_input(key=renewed(page, keys.design_field(0, "Conv", "kernel"))).set_value(5).run()
    page.checkbox(key=renewed(page, keys.design_field(0, "Conv", "bias"))).check().run()
    assert line(page).value == "C20k5b BN SiLU GAP H10" == page.query_params["layers"]
    page.selectbox(key=renewed(page, keys.design_kind(0))).select("MaxPool").run()
    assert line(page).value == "P BN SiLU GAP H10"
    assert [each.label for each in page.number_input] == ["Size"]


def test_layers_are_added_moved_copied_and_removed(page: AppTest) -> None:
    type_text(page, SMALL)
    press(page, keys.design_layer(3))
    press(page, keys.design_change(3, "down"))
    assert line(page).value == "C8 BN SiLU C16 P BN SiLU P C16 BN SiLU GAP H10"
    press(page, keys.design_change(4, "up"))
    press(page, keys.design_change(3, "duplicate"))
    assert line(page).value == "C8 BN SiLU P P C16 BN SiLU P C16 BN SiLU GAP H10"
    press(page, keys.design_change(4, "remove"))
    page.selectbox(key=renewed(page, keys.design_add(5))).select("Crop").run()
    assert parse(line(page).value)[5] == Crop(24)
    press(page, keys.design_change(5, "remove"))
    assert line(page).value == SMALL
    for _ in range(6):
        button(page, "Undo").click().run()
    assert line(page).value == SMALL
    button(page, "Undo").click().run()
    assert line(page).value == STEP5 and button(page, "Undo").disabled


def test_a_mistyped_text_stays_to_be_put_right_and_changes_nothing(page: AppTest) -> None:
    type_text(page, "C8 BN Silo GAP H10")
    assert line(page).value == "C8 BN Silo GAP H10"
    assert page.error[0].value.startswith(r"Token 3, 'Silo'\: no layer begins like this")
    assert len(listed(page)) == len(STEPS["step5"].layers) and "layers" not in page.query_params
    type_text(page, SMALL)
    assert not page.error


def test_advice_stands_at_its_layer_and_a_click_mends_it(page: AppTest) -> None:
    type_text(page, "C8 BN BN SiLU P P P C16k5 GAP H10")
    assert [each.split("]")[0] for each in advised(page)] == [":orange-badge[unwise", ":red-badge[impossible"]
    assert button(page, "Train it").disabled
    assert cells(page)[7] == ["", "", "", ""] and "so far" in numbers(page)["Parameters"]
    press(page, keys.design_mend(7, "impossible"))
    press(page, keys.design_mend(2, "norm_without_layer"))
    assert line(page).value == "C8 BN SiLU P P P C16 GAP H10"
    assert not advised(page) and not button(page, "Train it").disabled


def test_a_browser_that_has_not_heard_of_a_change_does_not_undo_it(page: AppTest) -> None:
    type_text(page, "C8 BN BN SiLU P C16 GAP H10")
    press(page, keys.design_layer(5))
    late = sent(page)
    press(page, keys.design_mend(2, "norm_without_layer"))
    mended = line(page).value
    assert mended == "C8 BN SiLU P C16 GAP H10"
    page._run(late)
    assert line(page).value == mended == page.query_params["layers"]
    late = sent(page)
    button(page, "Undo").click().run()
    page._run(late)
    assert line(page).value == "C8 BN BN SiLU P C16 GAP H10"
    page.sidebar.selectbox(key=keys.STEP).select("step3").run()
    late = sent(page)
    page.query_params["open"] = "step2"
    page.run()
    page._run(late)
    assert page.query_params["step"] == "step2"


def test_an_address_is_written_though_a_late_click_names_it(page: AppTest, monkeypatch) -> None:
    type_text(page, SMALL)
    written: list[dict[str, str]] = []
    write = QueryParams.from_dict

    def spy(self: QueryParams, given: dict[str, str]) -> None:
        written.append(given)
        write(self, given)

    monkeypatch.setattr(QueryParams, "from_dict", spy)
    page.run()
    assert not written
    del page.query_params["layers"]  # as it was when the browser sent the click
    button(page, "Undo").click().run()
    assert written == [{"step": "step5"}]


def test_what_differs_from_the_step_is_shown_as_in_the_comparison(page: AppTest) -> None:
    type_text(page, STEP5.replace("C32p", "C36p"))
    assert "Against Step 5" in [each.value for each in page.subheader]
    marks = page.table[0].value["mark"].tolist()
    assert marks.count("**~**") == 3 and len(marks) == len(STEPS["step5"].layers)
    assert next(metric.delta for metric in page.metric).endswith("+624")


def test_an_empty_network_is_told_how_to_begin(page: AppTest) -> None:
    type_text(page, "P")
    press(page, keys.design_layer(0))
    press(page, keys.design_change(0, "remove"))
    assert "There are no layers" in advised(page)[0] and line(page).value == ""
    page.selectbox(key=renewed(page, keys.design_add(0))).select("MaxPool").run()
    assert line(page).value == "P"
    button(page, "Undo").click().run()
    press(page, keys.design_mend(0, "no_logits"))
    assert line(page).value == "GAP H10"


def test_a_link_opens_the_network_and_a_bad_one_says_so(page: AppTest) -> None:
    app = opened(step="step3", layers=SMALL)
    assert line(app).value == SMALL and app.sidebar.selectbox(key=keys.STEP).value == "step3"
    assert app.query_params["layers"] == SMALL
    app = opened(layers="C8 Silo")
    assert line(app).value == "C8 Silo" and "Token 2" in app.error[0].value
    assert "the network that you had before" in app.error[0].value and button(app, "Train it").disabled
    assert len(listed(app)) == len(STEPS["step5"].layers)


def test_a_cell_sees_what_the_average_gets(page: AppTest) -> None:
    type_text(page, "C8 BN ReLU P C16 BN ReLU P C32k5 BN ReLU GAP H10")
    assert numbers(page)["A cell sees"] == "26 × 26 px"
    type_text(page, "C8 BN ReLU P C32k7")
    assert numbers(page)["A cell sees"] == "16 × 16 px"


def test_what_cannot_be_trained_has_no_time_and_an_end_too_early_is_told(page: AppTest) -> None:
    type_text(page, "C8")
    assert numbers(page)["An epoch takes about"] == "–"
    type_text(page, f"{SMALL} P")
    output = next(metric for metric in page.metric if metric.label == "Output")
    assert (output.value, output.delta) == ("10×1×1", "not the last layer")


def test_a_design_survives_other_pages_and_another_choice_in_the_sidebar(page: AppTest) -> None:
    type_text(page, SMALL)
    page.switch_page("pages/draw.py").run()
    assert "layers" not in page.query_params
    page.sidebar.selectbox(key=keys.STEP).select("step2").run()
    page.switch_page("pages/design.py").run()
    assert line(page).value == SMALL and "Against Step 2" in [each.value for each in page.subheader]
    button(page, "Back to Step 2").click().run()
    assert line(page).value == write(STEPS["step2"].layers) and "layers" not in page.query_params


def test_it_is_trained_under_its_name_and_again_on_train(page: AppTest) -> None:
    type_text(page, SMALL)
    page.text_input(key=keys.DESIGN_NAME).set_value("  narrow\none ").run()
    button(page, "Train it").click().run()
    assert not page.exception
    (run,) = folder.list_runs()
    assert (run.layers, run.step, run.title, run.design) == (
        parse(SMALL),
        "step5",
        "narrow one",
        "narrow one",
    )
    assert run.recipe == STEPS["step5"].recipe and page.session_state[keys.NETWORK] == run.id
    page.switch_page("pages/train.py").run()
    page.slider(key=keys.train_control("step5", "epochs", 0)).set_value(4).run()
    button(page, "Train").click().run()
    again = next(each for each in folder.list_runs() if each.id != run.id)
    assert (again.layers, again.title, again.recipe.epochs) == (run.layers, "narrow one, 4 epochs", 4)


def test_it_is_saved_stands_in_the_lists_and_train_starts_it(page: AppTest, monkeypatch) -> None:
    type_text(page, SMALL)
    button(page, "Save it").click().run()
    (run,) = folder.list_runs()
    assert run.title == run.design == "design with 3,768"
    assert catalogue.find(run.id).title in trained_networks(page)
    assert line(page).value == SMALL and "layers" not in page.query_params
    started: list[str] = []
    monkeypatch.setattr(Classroom, "resume", lambda _, person, id: started.append(id))
    page.switch_page("pages/train.py").run()
    assert "Not started yet" in page.get("progress")[0].proto.text
    button(page, "Train").click().run()
    assert started == [run.id] and len(folder.list_runs()) == 1
    page.switch_page("pages/draw.py").run()
    assert not page.exception


def test_a_step_that_nobody_has_changed_is_trained_as_the_step(page: AppTest) -> None:
    button(page, "Train it").click().run()
    (run,) = folder.list_runs()
    assert (run.title, run.design) == ("as the step", "")


def test_the_layers_are_opened_from_a_file_and_what_is_none_is_told(page: AppTest) -> None:
    def upload(content: str) -> None:
        page.file_uploader(key=keys.DESIGN_UPLOAD).upload(
            "x.json", content.encode(), "application/json"
        ).run()
        assert not page.exception

    upload(json.dumps(to_json(parse(SMALL))))
    assert line(page).value == SMALL
    for content, words in [
        ("[1, 2", "no JSON of layers"),
        ('[{"layer": "Dense"}]', r"Layer 1\\: .*names no known layer"),
        (json.dumps(to_json(parse("C8 " * 50) * 2)), r"100 layers\\: use at most 50"),
        (" " * 70_000, "70,000 bytes"),
    ]:
        upload(content)
        assert re.search(words, page.error[0].value), page.error[0].value
    assert line(page).value == SMALL


def test_the_fields_of_a_new_kind_are_on_the_page(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LAYERS, "LeakyReLU", LeakyReLU)
    type_text(page, "C8 lrelu0.2 GAP H10")
    press(page, keys.design_layer(1))
    page.number_input(key=renewed(page, keys.design_field(1, "LeakyReLU", "slope"))).set_value(0.5).run()
    assert line(page).value == "C8 LReLU0.5 GAP H10" and listed(page)[1] == "2 · LeakyReLU 0.5"


def test_a_text_and_a_click_at_once_are_both_taken_as_far_as_they_go(page: AppTest) -> None:
    press(page, keys.design_layer(14))
    for change in (
        lambda: page.button(key=keys.design_change(14, "down")).click(),
        lambda: page.number_input(key=renewed(page, keys.design_field(14, "Conv", "channels"))).set_value(9),
    ):
        line(page).set_value("C8 GAP H10")
        change().run()
        assert not page.exception and line(page).value == "C8 GAP H10"
        button(page, "Undo").click().run()
        press(page, keys.design_layer(14))
    assert line(page).value == STEP5


def test_a_forged_field_stays_in_its_range(page: AppTest) -> None:
    press(page, keys.design_layer(0))
    page.number_input(key=renewed(page, keys.design_field(0, "Conv", "channels"))).set_value(10**6).run()
    assert not page.exception
    for layer, shape, _ in shapes(parse(line(page).value)):
        layer.check(shape)
