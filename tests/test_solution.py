"""Scripts and notebooks: they run where this package is not, and do what the recipe says."""

from __future__ import annotations

import ast
import json
import math
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch
from torch import Tensor

from s5core import checkpoint, data
from s5core.augment import augment
from s5core.data import Digits
from s5core.export import solution
from s5core.export.source import Source
from s5core.initialization import INITIALIZATIONS
from s5core.layers import build, layer_modules
from s5core.recipe import Recipe
from s5core.schedule import SCHEDULES
from s5core.steps import STEPS
from s5core.summary import count_parameters
from s5core.words import escape
from tests.helpers import EVERY_KIND, TINY

FULL = Recipe(
    epochs=2,
    schedule="one-cycle",
    anneal="cosine",
    rotation=10,
    shift=2,
    scale=0.1,
    shear=10,
    slash=0.1,
    plain_epochs=1,
    label_smoothing=0.1,
    dropout=0.1,
    ema=0.9,
    weight_decay=1e-4,
)


def source(step: str = "step5", **changes: object) -> Source:
    found = STEPS[step]
    return Source(step, found.layers, found.recipe.replace(**changes), step=step)


def code(made: Source) -> str:
    return solution.script(made).decode()


def write_idx(folder: Path, digits: Digits, train: int, validation: int) -> None:
    """Some digits as the four files of MNIST."""
    parts = {
        "train": (digits.train_images[:train], digits.train_labels[:train]),
        "t10k": (digits.validation_images[:validation], digits.validation_labels[:validation]),
    }
    for name, (images, labels) in parts.items():
        head = struct.pack(">IIII", 2051, len(images), 28, 28)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(head + images.numpy().tobytes())
        head = struct.pack(">II", 2049, len(labels))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(head + labels.byte().numpy().tobytes())


@pytest.fixture
def few(tmp_path: Path, practice: Digits) -> Path:
    """A folder with a few digits of every class."""
    order = torch.randperm(len(practice.train_labels), generator=torch.Generator().manual_seed(0))
    mixed = Digits(
        "few",
        practice.train_images[order],
        practice.train_labels[order],
        practice.validation_images[::10],
        practice.validation_labels[::10],
    )
    write_idx(tmp_path, mixed, 1000, 100)
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    """Run something in another folder, where this package cannot be imported."""
    environment = {**os.environ, "MNIST_DIR": str(folder), "OMP_NUM_THREADS": "1"}
    for name in ("PYTHONPATH", "MPLBACKEND"):  # Streamlit may have set the second
        environment.pop(name, None)
    ran = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


MADE = {
    "step5": source(epochs=1, plain_epochs=0),
    "by hand": Source("by-hand", EVERY_KIND, FULL),
    "taught": source("step5_small", epochs=2, teacher="step4"),
    "taught by an average": source("step5_fast", epochs=1, teacher="step5"),
}


@pytest.mark.slow
@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_a_script_runs_without_the_package(few, made):
    (few / "solution.py").write_bytes(solution.script(made))
    told = run(["-c", "import sys; sys.modules['s5core'] = None; exec(open('solution.py').read())"], few)
    assert "1,000 digits to train, 100 to validate" in told
    assert f"{count_parameters(made.layers):,} parameters" in told
    teacher = STEPS[made.recipe.teacher].recipe.epochs if made.recipe.teacher else 0
    assert len(re.findall(r"^epoch ", told, re.MULTILINE)) == teacher + made.recipe.epochs
    assert re.search(r"^\d+\.\d\d ± \d\.\d\d % of 100 digits", told, re.MULTILINE)
    assert (few / "curves.png").stat().st_size > 5000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["by hand", "taught by an average"])
def test_a_notebook_runs_in_jupyter(few, name):
    """Its cells are those of the script (see below): two runs show that Jupyter takes them."""
    made = MADE[name]
    (few / "solution.ipynb").write_bytes(solution.notebook(made))
    run(["-m", "nbconvert", "--to", "notebook", "--execute", "--output", "done.ipynb", "solution.ipynb"], few)
    done = nbformat.read(few / "done.ipynb", as_version=4)
    outputs = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    told = f"{count_parameters(made.layers):,} parameters"
    assert any(told in output.get("text", "") for output in outputs)


@pytest.mark.parametrize("step", STEPS)
def test_a_notebook_is_valid_and_has_the_cells_of_the_script(step):
    made = nbformat.reads(solution.notebook(source(step)).decode(), as_version=4)
    nbformat.validate(made)
    script = code(source(step))
    cells = [cell.source for cell in made.cells if cell.cell_type == "code"]
    assert len(cells) >= 8
    assert all(cell in script for cell in cells if "plt.show()" not in cell)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_only_what_the_recipe_uses_is_in_a_script(schedule, optimizer):
    """Every name that is defined is used, every module that is imported is needed."""
    for recipe in (Recipe(schedule=schedule, optimizer=optimizer), FULL.replace(schedule=schedule)):
        text = code(Source("any", TINY, recipe))
        tree = ast.parse(text)
        names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
        settings = re.findall(r"^([A-Z_]+) = ", text, re.MULTILINE)
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        imports = [
            (alias.asname or alias.name).split(".")[0]
            for node in tree.body
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        ]
        unused = [name for name in [*settings, *functions, *imports] if name not in names]
        assert not [name for name in unused if name != "urllib"]
        assert max(map(len, text.splitlines())) <= 110


def numbers(text: str) -> dict[str, float]:
    """The settings of a script: each is a number with a remark."""
    found = re.findall(r"^([A-Z_]+) = ([\d.e-]+) +#", text, re.MULTILINE)
    return {name: ast.literal_eval(value) for name, value in found}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_learning_rate_is_the_recipes(schedule):
    if schedule == "constant":
        assert "param_groups" not in code(Source("any", TINY, Recipe(schedule=schedule)))
        return
    recipe = Recipe(schedule=schedule, epochs=7, every=2, learning_rate=0.3)
    text = code(Source("any", TINY, recipe))
    part = re.search(r"^def rate\(.*?(?=\n\n\n)", text, re.DOTALL | re.MULTILINE)
    settings = numbers(text)
    found = {"math": math} | settings
    exec(part[0], found)
    losses = [1.0, 0.5, 0.6, 0.7, 0.4]
    given = (losses,) if schedule == "plateau" else ()
    for progress in (0, 0.1, 0.3, 0.5, 0.77, 0.99):
        expected = recipe.learning_rate * recipe.factor(progress, losses)
        assert found["rate"](progress, *given) == pytest.approx(expected)


@pytest.mark.parametrize("layers", [EVERY_KIND, *(step.layers for step in STEPS.values() if step.shipped)])
def test_the_network_is_the_same(layers):
    """The script's network with the weights of ours gives our logits."""
    text = code(Source("any", layers, Recipe(dropout=0.1)))
    part = re.search(r"^model = nn.Sequential\(.*?^\)\.to\(device\)", text, re.DOTALL | re.MULTILINE)
    found = {"nn": torch.nn, "device": "cpu", "DROPOUT": 0.1}
    exec(part[0], found)
    theirs = found["model"].eval()
    ours = build(solution.with_dropout(layers), seed=0).eval()
    for mine, other in zip(layer_modules(ours), theirs, strict=False):
        other.load_state_dict(mine.state_dict())
    images = torch.rand(5, 1, 28, 28)
    assert torch.allclose(theirs((images - 0.1307) / 0.3081), ours(images), atol=1e-5)


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
@pytest.mark.parametrize("layers", [STEPS["step3"].layers, STEPS["base"].layers], ids=["bare", "biases"])
def test_the_first_weights_are_the_same(layers, initialization):
    text = code(Source("any", layers, Recipe(initialization=initialization, seed=5)))
    part = re.search(r"^torch\.manual_seed.*?(?=\n\n\n)", text, re.DOTALL | re.MULTILINE)
    found = {"torch": torch, "nn": torch.nn, "device": "cpu", "SEED": 5}
    with torch.random.fork_rng():
        exec(part[0], found)
    ours = layer_modules(build(layers, seed=5, initialization=initialization))
    for mine, other in zip(ours, found["model"], strict=False):
        assert all(map(torch.equal, mine.state_dict().values(), other.state_dict().values()))


def moved(recipe: Recipe, images: Tensor, labels: Tensor) -> Tensor:
    """What the script makes of a batch."""
    text = code(Source("any", TINY, recipe))
    parts = text.split("# Augmentation\n")[1].split("# The learning rate\n")[0]
    settings = numbers(text)
    found = {"torch": torch, "F": torch.nn.functional, "device": "cpu"}
    found |= settings
    exec(parts, found)
    torch.manual_seed(0)
    return found["augment"](images, labels)


@pytest.mark.parametrize(
    "changes",
    [{"rotation": 25}, {"shift": 3}, {"scale": 0.3}, {"shear": 25}, {"slash": 0.5}, {}],
    ids=lambda changes: next(iter(changes), "all"),
)
def test_the_augmentation_has_the_same_distribution(practice, changes):
    """Mean and deviation of every pixel over many augmented copies of a digit are ours."""
    recipe = Recipe(**changes) if changes else STEPS["step5"].recipe
    zero = data.indices_of_class(practice.validation_labels, 0)[0]
    images = practice.validation_images[[zero]].float().expand(4000, -1, -1, -1) / 255
    labels = torch.zeros(4000, dtype=torch.int64)
    ours = augment(images, labels, recipe, torch.Generator().manual_seed(1))
    theirs = moved(recipe, images, labels)
    assert not torch.equal(theirs, images)
    assert (ours.mean(0) - theirs.mean(0)).abs().max() < 0.05
    assert (ours.std(0) - theirs.std(0)).abs().max() < 0.05


def test_a_notebook_of_a_run_tells_what_it_reached():
    made = checkpoint.load(checkpoint.shipped_path("step5"))
    text = json.loads(solution.notebook(Source("step5", made.layers, made.recipe, made)))["cells"][0][
        "source"
    ]
    assert f"{made.accuracy:.2f} %" in "".join(text)


@pytest.mark.parametrize("name", ['x"""+print("no name")+"""', r"C:\users\new", "ends with \\", '"quoted"'])
def test_a_name_is_no_code(name):
    step = STEPS["step5"]
    source = Source("mine", step.layers, step.recipe, title=name)
    tree = ast.parse(solution.script(source))
    assert name in (ast.get_docstring(tree, clean=False) or "")
    assert f": {escape(name)}\n" in "".join(json.loads(solution.notebook(source))["cells"][0]["source"])
