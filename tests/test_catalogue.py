from __future__ import annotations

from pathlib import Path

import pytest

from s5core import checkpoint
from s5core.layers import Conv, GlobalAvgPool
from s5core.recipe import Recipe
from s5core.runs import catalogue, folder
from s5core.runs.folder import Run, RunError
from s5core.steps import STEPS

LAYERS = (Conv(10), GlobalAvgPool())


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("S5_RUNS_DIR", str(tmp_path))
    return tmp_path


def create(title: str, step: str) -> Run:
    return folder.create(title, step, LAYERS, Recipe(epochs=2))


def test_steps_come_first_and_then_runs() -> None:
    made = {create("mine", "step3").id, create("yours", "step5").id}
    ids = [network.id for network in catalogue.networks()]
    assert ids[: len(STEPS)] == list(STEPS)
    assert set(ids[len(STEPS) :]) == made and len(ids) == len(STEPS) + 2


def test_runs_of_one_step() -> None:
    create("mine", "step3")
    yours = create("yours", "step5")
    assert [network.id for network in catalogue.runs(STEPS["step5"])] == [yours.id]


def test_a_step_is_found_with_its_checkpoint() -> None:
    network = catalogue.find("step5")
    step = STEPS["step5"]
    assert (network.label, network.short, network.title) == (step.label, "Step 5", "shipped network")
    assert (network.step, network.layers, network.recipe) == (step, step.layers, step.recipe)
    assert network.path == checkpoint.shipped_path("step5") and network.is_trained and not network.is_run


def test_a_run_is_found_with_its_own_layers() -> None:
    run = create("mine", "step3")
    network = catalogue.find(run.id)
    assert (network.label, network.short, network.title) == ("Step 3, mine", "Step 3, mine", "mine")
    assert (network.step, network.layers, network.recipe) == (STEPS["step3"], LAYERS, Recipe(epochs=2))
    assert network.is_run and not network.is_trained
    trained = checkpoint.load(checkpoint.shipped_path("step3"))
    checkpoint.save(trained, run.model_path)
    assert catalogue.find(run.id).is_trained


@pytest.mark.parametrize("id", ["step6", "20200101-000000-step3-abcdef", "../runs", ""])
def test_an_unknown_id_is_refused(id: str) -> None:
    with pytest.raises(RunError):
        catalogue.find(id)


def test_a_run_of_an_unknown_step_is_refused_and_hides_no_other() -> None:
    strange, known = create("strange", "step9"), create("known", "step1")
    with pytest.raises(RunError, match="step9"):
        catalogue.find(strange.id)
    assert [network.id for network in catalogue.runs()] == [known.id]
