"""Runs on a Ray cluster: a real head on the loopback, and machines that join it and are killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
import torch

from s5core.data import Digits
from s5core.events import Epoch, Failed, Finished, Stopped
from s5core.files import ROOT
from s5core.layers import Network
from s5core.recipe import Recipe
from s5core.runs import folder
from s5core.runs.folder import Run
from s5core.runs.queue import Queue
from s5core.steps import STEPS
from s5core.train import train
from tests.helpers import TINY, require_no_mnist_at_home, skip_or_fail, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.cluster]


ATTEMPTS = 3  # to start a head: Ray gives it 30 s, and the first import of all that it needs may take longer


class Machines:
    """A cluster whose head trains nothing. Each machine has a loopback address of its own, because Ray
    takes 127.0.0.1 for the computer's outer address."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self._number = 1
        for left in reversed(range(ATTEMPTS)):
            self.cluster = Cluster()
            try:
                self.add(cpus=0, include_dashboard=False)
                break
            except Exception:
                self.cluster.shutdown()
                if not left:
                    raise

    def add(self, cpus: int, **options: Any) -> None:
        """Start a machine."""
        self._number += 1
        address = f"127.0.0.{self._number}"
        memory = 100 * 2**20
        self.last = self.cluster.add_node(
            wait=False, num_cpus=cpus, node_ip_address=address, object_store_memory=memory, **options
        )

    def kill(self, machine: Any) -> None:
        """End all its processes at once, as when its power fails."""
        self.cluster.remove_node(machine, allow_graceful=False)


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    if find_spec("ray") is None:
        skip_or_fail("needs Ray: pip install -r requirements-cluster.txt")
    require_no_mnist_at_home()
    settings = {"S5_EXECUTOR": "ray", "S5_JOBS": "", "S5_DATA_DIR": "", "RAY_USAGE_STATS_ENABLED": "0"}
    # Ray gives its own processes 30 s to import what they need; a busy machine takes longer.
    settings["RAY_agent_register_timeout_ms"] = "150000"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        made = Machines()
        patch.setenv("RAY_ADDRESS", made.cluster.address)
        yield made
        made.cluster.shutdown()


@pytest.fixture(scope="module")
def jobs(machines: Machines) -> Iterator[Queue]:
    """One for all tests: it takes seconds to start."""
    machines.add(cpus=1)
    made = Queue()
    yield made
    made.close()


def new(layers: Network = TINY, **recipe: Any) -> Run:
    return folder.create("a run", "step5", layers, Recipe(batch_size=100, device="cpu").replace(**recipe))


def expect_undisturbed(run: Run, practice: Digits) -> None:
    """The weights are those that the run would have had without any trouble."""
    events = train(run.layers, run.recipe, practice)
    expected = [event.state for event in events if isinstance(event, Epoch)][-1]
    assert expected is not None
    for name, tensor in expected.weights.items():
        assert torch.equal(run.checkpoint().weights[name], tensor), name


def test_a_run_goes_on_elsewhere_when_its_machine_is_lost(machines, jobs, practice):
    run = new(epochs=6, rotation=5)
    jobs.submit(run)
    wait_for(lambda: run.log().epochs)
    assert jobs.limit == 1  # as many as there is room for
    machines.kill(machines.last)
    machines.add(cpus=2)
    wait_for(lambda: run.log().end)
    assert isinstance(run.log().end, Finished)
    # Ray may tell of one loss more than once, and each time the run begins again after its last epoch.
    assert run.events_path.read_text().count('"event": "started"') > 1 and run.log().started.first_epoch > 1
    expect_undisturbed(run, practice)
    wait_for(lambda: jobs.limit == 2)


def test_a_run_stops_in_the_middle_of_a_batch(jobs):
    run = new(STEPS["base"].layers, batch_size=4000, epochs=1)
    jobs.submit(run)
    wait_for(lambda: run.log().started)
    jobs.stop(run.id)
    wait_for(lambda: run.log().end == Stopped(0))
    assert not run.log().progress  # not even the first batch was done
    wait_for(lambda: not jobs.is_active(run.id))


def test_the_learning_rate_changes_and_a_bad_run_says_why(jobs):
    run, bad = new(epochs=500, schedule="constant", learning_rate=0.1), new(device="tpu")
    jobs.submit(run)
    jobs.submit(bad)
    wait_for(lambda: run.log().progress)
    jobs.set_rate(run.id, 0.025)
    wait_for(lambda: run.log().progress[-1].learning_rate == 0.025)
    assert run.log().progress[0].learning_rate == 0.1
    jobs.stop(run.id)
    wait_for(lambda: isinstance(bad.log().end, Failed) and not jobs.is_active(run.id))
    assert "no device 'tpu'" in bad.log().end.message


SERVER = """
import sys, time
from s5core.runs import folder
from s5core.runs.queue import Queue
jobs = Queue()
jobs.submit(folder.open_run(sys.argv[1]))
time.sleep(600)
"""


def test_a_killed_servers_run_goes_on_with_the_next_server(jobs, practice):
    run = new(epochs=8, rotation=5)
    server = subprocess.Popen([sys.executable, "-c", SERVER, run.id], cwd=ROOT)
    wait_for(lambda: run.log().epochs)
    server.kill()
    server.wait()
    assert not isinstance(run.log().end, Finished)
    jobs.restore()
    wait_for(lambda: isinstance(run.log().end, Finished))
    assert run.log().started.first_epoch > 1
    expect_undisturbed(run, practice)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "RAY_ADDRESS is '', but must be the address of a Ray cluster, such as 10.0.0.5:6379"),
        ("127.0.0.1:9", "No Ray cluster answers at 127.0.0.1:9"),
    ],
)
def test_a_cluster_that_is_not_there_is_named(machines, monkeypatch, address, message):
    from s5core.runs import cluster

    monkeypatch.setattr(cluster, "REACH", 0.0)
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(cluster.ClusterError, match=message):
        cluster.Link().connect()
