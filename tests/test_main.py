"""The command line: what it prints, where, and its exit codes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import loop
from s5core import checkpoint, steps
from s5core.__main__ import main
from s5core.drawing import sketch
from s5core.files import ROOT
from s5core.layers import to_json
from s5core.runs import folder
from s5core.shell.arguments import read_network
from tests.helpers import NOWHERE, TINY, require_no_mnist_at_home
from tests.test_hints import NORMED

STEP5 = str(checkpoint.shipped_path("step5"))


class Outcome(NamedTuple):
    stdout: str
    stderr: str


Shell = Callable[..., Outcome]


@pytest.fixture
def s5core(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Run `python -m s5core …` in this process, without MNIST and with a dead network."""
    for name, value in NOWHERE.items():
        monkeypatch.setenv(name, value)
    threads = torch.get_num_threads()

    def run(*arguments: str, code: int = 0) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["s5core", *arguments])
        with pytest.raises(SystemExit) as exited:
            main()
        torch.set_num_threads(threads)
        outcome = Outcome(*capsys.readouterr())
        assert (exited.value.code or 0) == code, outcome
        return outcome

    return run


@pytest.fixture
def small(tmp_path: Path) -> str:
    path = tmp_path / "small.json"
    path.write_text(json.dumps(to_json(TINY)))
    return str(path)


@pytest.mark.parametrize("name", ["base", "1", "2", "3", "4", "step5_published"])
def test_table_prints_the_published_rows(s5core, name):
    golden = ROOT / "tests" / "golden" / f"{name if not name.isdecimal() else f'step{name}'}.txt"
    rows = [line.rstrip() for line in golden.read_text().split("\n") if re.search(r"\w-\d+ ", line)]
    printed = s5core("table", name).stdout.split("\n")
    assert rows
    assert [line for line in printed if re.search(r"\w-\d+ ", line)] == rows


def test_steps_and_table_print_json_alone(s5core):
    listed = json.loads(s5core("steps", "--json").stdout)
    assert [step["parameters"] for step in listed][:5] == [6_379_786, 13_312, 8_412, 7_216, 7_400]
    rows = json.loads(s5core("table", "2", "--json").stdout)
    assert rows[-1]["output_shape"] == [10, 1, 1]
    assert sum(row["parameters"] for row in rows) == 8_412


def test_export_reads_steps_runs_checkpoints_and_layers(s5core, small, tmp_path, monkeypatch):
    """One network in each form is the same network, and the layers of one make another."""
    monkeypatch.setenv("S5_RUNS_DIR", str(tmp_path / "runs"))
    step = steps.STEPS["step5"]
    run = folder.create("mine", "step5", step.layers, step.recipe.replace(epochs=3))
    golden = (ROOT / "tests" / "golden" / "step5.txt").read_text()
    address = s5core("export", "5", "--to", "link").stdout.strip()
    for name in ("5", STEP5, run.id, address, f"http://127.0.0.1:8501{address}"):
        assert s5core("export", name, "--to", "table").stdout == golden
    assert json.loads(s5core("export", run.id, "--to", "recipe").stdout)["epochs"] == 3
    assert json.loads(s5core("export", small, "--to", "layers").stdout) == to_json(TINY)
    done = s5core("export", run.id, "--to", "layers", "--out", str(tmp_path))
    written = tmp_path / f"{run.id}-layers.json"
    assert done.stdout == "" and str(written) in done.stderr.replace("\n", "")
    assert s5core("table", str(written)).stdout == golden
    s5core("export", "5", "--to", "table", "--out", str(tmp_path / "five.txt"))
    odd = s5core("export", "5", "--to", "table", "--out", str(tmp_path / "x[" / "y].json :smile:"))
    assert "x[/y].json :smile:." in odd.stderr.replace("\\", "/")
    assert (tmp_path / "five.txt").read_text() == golden


def test_every_command_takes_a_network_as_text(s5core, tmp_path):
    text = "c8 bn silu c8 bn silu p c16 bn silu c16 bn silu p c32p bn silu gap h10"
    assert s5core("table", text).stdout == (ROOT / "tests" / "golden" / "step5.txt").read_text()
    layers = json.loads(s5core("export", text, "--to", "layers").stdout)
    assert layers == to_json(steps.STEPS["step5"].layers)
    assert json.loads(s5core("export", "C10k28,BN", "--to", "recipe").stdout)["rotation"] == 10
    out = s5core("table", "C8 BN Silo GAP H10", code=1)
    assert "Token 3, 'Silo': no layer begins like this: use one of C10, H10, ReLU" in out.stderr
    assert "ends in 8x26x26" in s5core("table", "C8 BN", code=1).stderr
    assert "100 layers" in s5core("table", "C8 " * 100, code=1).stderr


def test_a_network_is_trained_where_there_is_a_checkpoint(tmp_path, monkeypatch, small):
    monkeypatch.setenv("S5_RUNS_DIR", str(tmp_path))
    shipped = checkpoint.load(checkpoint.shipped_path("step5"))
    for name in ("5", STEP5, folder.adopt(shipped, "step5", "mine").id):
        trained = read_network(name).trained
        assert trained is not None and trained.history == shipped.history
    for name in ("base", small, folder.create("mine", "step5", shipped.layers, shipped.recipe).id):
        assert read_network(name).trained is None


@pytest.mark.slow
def test_without_mnist_and_network_the_practice_set_trains(s5core, tmp_path):
    """The exercise's third promise; data/ is where a download would have put MNIST."""
    require_no_mnist_at_home()
    out = tmp_path / "five.safetensors"
    done = s5core("train", "5", "--epochs", "2", "--out", str(out))
    assert "practice digits" in done.stderr and "99.4 %" in done.stderr
    assert re.search(r"step5: 9\d\.\d\d % in the last of 2 epochs", done.stdout)
    shown = json.loads(s5core("evaluate", str(out), "--json").stdout)
    assert shown["accuracy"] > 90 and shown["epochs"] == 2 and shown["data"] == "practice set"
    assert shown["errors"] == round((100 - shown["accuracy"]) / 100 * 1000)
    assert shown["seen_in_training"] is False
    assert "looks better than it is" in s5core("evaluate", STEP5).stdout  # it has learnt from them


def test_layers_of_ones_own_over_seeds(s5core, small):
    done = s5core("train", small, "--epochs", "1", "--seeds", "2", "--batch-size", "500", "--json")
    result = json.loads(done.stdout)
    assert [run["seed"] for run in result["runs"]] == [0, 1]
    assert result["runs"][0]["parameters"] == 4 * 9 + 8 + 360
    assert result["mean"] == pytest.approx(sum(run["accuracy"] for run in result["runs"]) / 2)


def test_the_rate_finder_prints_its_trials_and_what_it_suggests(s5core, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(to_json(NORMED)))
    told = s5core("find-rate", str(path), "--threads", "1", "--batch-size", "50").stdout
    assert told.startswith("    rate    loss\n  0.0001") and "The loss was lowest at a rate of" in told
    arguments = ("find-rate", str(path), "--threads", "1", "--batch-size", "50", "--json")
    found = json.loads(s5core(*arguments).stdout)
    assert len(found["trials"]) > 50 and 0.02 <= found["suggestion"] <= 0.5


def test_dropout_on_a_network_without_it_gets_places_for_it(s5core, small, tmp_path):
    out = tmp_path / "dropped.safetensors"
    s5core("train", small, "--epochs", "1", "--dropout", "0.1", "--out", str(out))
    assert "Dropout" in [type(layer).__name__ for layer in checkpoint.load(out).layers]


@pytest.mark.slow
def test_ctrl_c_keeps_the_finished_epochs_and_resume_goes_on(s5core, small, tmp_path):
    out = tmp_path / "run.safetensors"
    whole = tmp_path / "whole.safetensors"
    options = ["train", small, "--epochs", "6", "--batch-size", "50", "--device", "cpu", "--threads", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "s5core", *options, "--out", str(out)],
        cwd=ROOT,
        env=os.environ | NOWHERE,
        # A shell that starts the tests in the background lets its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not out.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, notes = process.communicate(timeout=180)
    assert process.returncode == 130, notes
    assert "Traceback" not in notes
    kept = len(checkpoint.load(out).history)
    assert 1 <= kept < 6
    assert f"Stopped after epoch {kept}. The checkpoint is kept in {out}" in notes.replace("\n", "")

    resumed = s5core("train", "--resume", str(out), "--threads", "1")
    assert f"epoch {kept + 1:>3}" in resumed.stdout and f"epoch {kept:>3} " not in resumed.stdout
    s5core(*options, "--out", str(whole))
    for name, tensor in checkpoint.load(whole).weights.items():
        assert torch.equal(checkpoint.load(out).weights[name], tensor), name
    assert "nothing left to resume" in s5core("train", "--resume", str(out), code=1).stderr


def test_predict_reads_pictures(s5core, practice, tmp_path):
    files = []
    for index in (50, 450, 750):
        path = tmp_path / f"{int(practice.validation_labels[index])}.png"
        Image.fromarray(practice.validation_images[index, 0].numpy()).resize((140, 140)).save(path)
        files.append(str(path))
    answers = json.loads(s5core("predict", STEP5, *files, "--json").stdout)
    assert [answer["digit"] for answer in answers] == [int(Path(file).stem) for file in files]
    assert all(sum(answer["probabilities"]) == pytest.approx(1, abs=1e-5) for answer in answers)
    assert "%)" in s5core("predict", STEP5, files[0]).stdout


def test_predict_reads_photographs_and_names_the_one_that_it_cannot_read(s5core, tmp_path):
    """Paper in uneven light, a pen that is dark and not black."""
    light = np.linspace(120, 235, 400)[None].repeat(300, 0)
    pen = Image.fromarray(sketch.hard_digit("2 with a loop", 20).pixels).resize((200, 200))
    light[60:260, 60:260] -= 0.4 * np.asarray(pen)
    Image.fromarray(light.clip(0, 255).astype(np.uint8)).save(tmp_path / "two.png")
    (answer,) = json.loads(s5core("predict", STEP5, str(tmp_path / "two.png"), "--json").stdout)
    assert answer["digit"] == 2
    Image.new("L", (300, 300), 255).save(tmp_path / "blank.png")
    done = s5core("predict", STEP5, str(tmp_path / "two.png"), str(tmp_path / "blank.png"), code=1)
    assert "blank.png: There is no digit on it" in done.stderr.replace("\n", " ")
    assert "two.png: 2 (" in done.stdout


def test_evaluate_of_the_shipped_step_5(s5core, mnist_folder):
    shown = json.loads(s5core("evaluate", STEP5, "--data", str(mnist_folder), "--json").stdout)
    assert shown["accuracy"] >= 99.40 and shown["parameters"] < 10_000 and shown["epochs"] <= 14
    assert shown["errors"] <= 60


def test_a_diverged_run_says_so_and_fails(s5core, small):
    done = s5core(
        "train", small, "--learning-rate", "100", "--schedule", "constant", "--momentum", "0.99",
        "--weight-decay", "1", "--epochs", "30", "--batch-size", "1000", code=1,
    )  # fmt: skip
    assert "diverged" in done.stderr and "learning rate 100" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["table", "9"], 1, "There is no step, run or file '9': the steps are base, step1"),
        (["table", "none.json"], 1, "none.json cannot be read: No such file"),
        (["train", "5", "--epochs", "0"], 1, "epochs is 0, but must be at least 1 and at most 1,000"),
        (["train", "5", "--schedule", "fast"], 1, "schedule is 'fast', but must be one of constant"),
        (["train", "5", "--device", "tpu"], 1, "This computer has no device 'tpu': use auto or one of"),
        (["train", "5", "--data", "/nowhere"], 1, "train-images-idx3-ubyte.gz is missing"),
        (["train"], 2, "give a network"),
        (["train", "5", "--resume", "x"], 2, "give a network"),
        (["train", "5", "--epochs", "many"], 2, "Invalid value"),
        (["export", "5", "--to", "pdf"], 1, "There is no export 'pdf': use one of link, html, "),
        (["export", "base", "--to", "html"], 1, "The base net is not trained, and this export needs"),
        (["table", "/train?take=1.AAAA"], 1, "The link cannot be read: it is cut off or no link"),
        (["check", "/nowhere"], 1, "There is no file or folder /nowhere"),
        (["export", "5"], 2, "Missing option"),
        (
            ["export", "5", "--to", "table", "--out", "/proc/none/5.txt"],
            1,
            "5.txt cannot be written: No such",
        ),
        (["export", "none.safetensors", "--to", "table"], 1, "none.safetensors cannot be read: No such file"),
        (["evaluate", "none.safetensors"], 1, "none.safetensors cannot be read: No such file"),
        (["evaluate", "LICENSE"], 1, "LICENSE is truncated or no safetensors file"),
        (["predict", STEP5, "LICENSE"], 1, "LICENSE is damaged or not a picture"),
        (["frobnicate"], 2, "No such command"),
    ],
)
def test_bad_input_gets_one_clear_sentence(s5core, arguments, code, message):
    done = s5core(*arguments, code=code)
    assert message in done.stderr
    assert done.stdout == ""


@pytest.mark.slow
def test_the_benchmark_compares_loops_and_tells_how_they_grow(s5core, mnist_folder, monkeypatch):
    few = {name: steps.STEPS[name] for name in ("step5_published", "step5_fast")}  # others take minutes
    monkeypatch.setattr(loop, "STEPS", few)
    done = s5core(
        "benchmark", "step5_fast", "--digits", "1000", "--rounds", "1", "--threads", "1",
        "--data", str(mnist_folder), "--json",
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["loops"][0]["loop"] == "usual loop" and found["loops"][0]["ratio"] == 1
    assert "ours, eager, float32" in [row["loop"] for row in found["loops"]]
    assert [row["digits"] for row in found["growth"]["digits"]] == [250, 1000, 4000]
    assert {row["network"] for row in found["growth"]["parameters"]} == set(few)


def test_without_its_folder_the_benchmark_says_where_it_is(s5core, monkeypatch):
    for module in ("benchmarks", "benchmarks.loop"):
        monkeypatch.setitem(sys.modules, module, None)  # as if it could not be found
    done = s5core("benchmark", code=1)
    assert "The benchmark is in the folder benchmarks/ of the project, which is not here" in done.stderr
