import json

import pytest

from benchmarks import files, report
from s5core import checkpoint, results, steps
from s5core.checkpoint import Checkpoint
from s5core.evaluate import evaluate
from s5core.events import Metrics
from s5core.layers import to_json
from s5core.recipe import LOOP_VERSION, Recipe
from s5core.target import TARGET_ACCURACY

LAYERS = steps.STEPS["step1"].layers


def finished(seed: int, last: float, **recipe) -> Checkpoint:
    history = tuple(
        Metrics(epoch, 0.1, 98.0 + epoch, 0.1, accuracy, 50, 0.1, 2.0)
        for epoch, accuracy in ((1, 99.5), (2, last))
    )
    return Checkpoint("step1", LAYERS, Recipe(epochs=2, seed=seed, **recipe), "MNIST", history, {})


def test_seeds_are_entered_and_summed_up(tmp_path):
    path = tmp_path / "results.json"
    for seed, last in ((1, 99.3), (0, 99.1), (1, 99.2)):
        results.record(finished(seed, last), "CPU", path)
    entry = json.loads(path.read_text())["steps"]["step1"]
    assert [run["seed"] for run in entry["seeds"]] == [0, 1]
    assert entry["layers"] == to_json(LAYERS) and "seed" not in entry["recipe"]
    assert entry["seeds"][1]["epochs"] == [
        {"train": 99.0, "validation": 99.5},
        {"train": 100.0, "validation": 99.2},
    ]
    result = results.summarize(entry)
    assert (result.parameters, result.epochs, result.seeds) == (13_312, 2, 2)
    assert result.last == pytest.approx(99.15) and result.deviation == pytest.approx(0.0707, abs=1e-4)
    assert result.best == 99.5 and result.seconds == 4.0
    assert str(result) == "99.15 ± 0.07 %"


def test_seeds_of_an_earlier_loop_are_told_apart(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    monkeypatch.setattr(checkpoint, "LOOP_VERSION", LOOP_VERSION - 1)
    for seed in (0, 1, 2):
        results.record(finished(seed, 99.1), "CPU", path)
    monkeypatch.undo()
    results.record(finished(1, 99.1), "CPU", path)
    assert results.older_seeds(results.read(path)["steps"]["step1"]) == [0, 2]


def test_another_recipe_starts_a_new_table(tmp_path):
    path = tmp_path / "results.json"
    results.record(finished(0, 99.1), "CPU", path)
    results.record(finished(1, 99.2, rotation=5), "CPU", path)
    entry = json.loads(path.read_text())["steps"]["step1"]
    assert [run["seed"] for run in entry["seeds"]] == [1]
    assert str(results.summarize(entry)) == "99.20 %"


def test_without_a_file_there_are_no_results(tmp_path):
    assert results.read(tmp_path / "none.json") == {"steps": {}}


def test_recorded_steps_are_those_of_the_catalogue():
    for name, entry in results.read()["steps"].items():
        step = steps.STEPS[name]
        assert entry["layers"] == to_json(step.layers)
        assert Recipe.from_json(entry["recipe"]) == step.recipe


def test_step_5_is_steady_and_the_fast_step_reaches_the_target():
    """As the README says: not the luck of a last epoch."""
    seeds = results.read()["steps"]["step5"]["seeds"]
    steady = [run for run in seeds if min(e["validation"] for e in run["epochs"][-3:]) >= TARGET_ACCURACY]
    assert len(seeds) == len(steady) == 10
    reached = results.load()
    assert reached["step5"].worst >= TARGET_ACCURACY and reached["step5_fast"].last >= TARGET_ACCURACY


def test_drawn_digits_are_still_read_as_well_as_recorded(drawn_digits, drawn_fields):
    recorded = files.read("drawn")
    assert recorded["strokes"]["digits"] == len(drawn_digits.labels)
    step5 = checkpoint.load(checkpoint.shipped_path("step5")).model()
    found = evaluate(step5, drawn_fields, drawn_digits.labels)
    reached = recorded["strokes"]["steps"]["step5"]
    assert found.accuracy == pytest.approx(reached["accuracy"]["18"], abs=0.1)
    assert reached["mean"] >= 98.5


def test_each_step_has_the_temperature_that_was_fitted():
    for name, entry in files.read("calibration")["steps"].items():
        assert steps.STEPS[name].temperature == entry["used"] == max(1, entry["fitted"])


@pytest.mark.parametrize(
    "measurement", ["drawn", "readings", "doubt", "photographs", "latency", "calibration"]
)
def test_what_was_measured_is_what_is_shipped(measurement):
    assert files.read(measurement)["checkpoints"]
    assert not files.stale(measurement), f"measure again: python -m benchmarks.{measurement}"


def test_a_measurement_of_other_networks_is_stale(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "RESULTS", tmp_path)
    files.write("looked", {"at": 2}, ["step1", "step5"])
    assert files.read("looked")["at"] == 2 and files.stale("looked") == []
    content = files.read("looked")
    content["checkpoints"]["step5"] = content["checkpoints"]["step1"]
    files.write("looked", content)
    assert files.stale("looked") == ["step5"]


@pytest.mark.parametrize("path", report.PARTS, ids=lambda path: path.name)
def test_what_is_written_agrees_with_the_results(path):
    assert report.filled(path) == path.read_text()


def test_a_recipe_recorded_without_a_newer_field_is_the_same_recipe(tmp_path):
    path = tmp_path / "results.json"
    results.record(finished(0, 99.1), "CPU", path)
    content = json.loads(path.read_text())
    del content["steps"]["step1"]["recipe"]["slash"]
    path.write_text(json.dumps(content))
    results.record(finished(1, 99.2), "CPU", path)
    assert [run["seed"] for run in json.loads(path.read_text())["steps"]["step1"]["seeds"]] == [0, 1]


def test_a_measurement_without_mnist_ends_in_a_sentence(nowhere):
    with pytest.raises(SystemExit, match="needs MNIST: set S5_DATA_DIR"):
        files.mnist()
