from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from s5core import device
from s5core.device import Device, DeviceError, autocast, available, choose, cores, precision
from s5core.files import ROOT

Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Makes this machine pretend to have other devices."""

    def pretend(gpus: int = 0, mps: bool = False, bf16: bool = True) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda i: f"GPU number {i}")
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: bf16)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": bf16})

    return pretend


def test_devices_of_this_machine_end_with_the_cpu() -> None:
    assert available()[-1].id == "cpu"
    assert available()[-1].name.startswith("CPU (")


def test_fastest_device_comes_first(machine: Machine) -> None:
    machine(gpus=2, mps=True)
    assert [device.id for device in available()] == ["cuda:0", "cuda:1", "mps", "cpu"]


@pytest.mark.parametrize(
    ("gpus", "mps", "id"), [(2, False, "cuda:0"), (1, True, "cuda:0"), (0, True, "mps"), (0, False, "cpu")]
)
def test_auto_is_the_fastest(machine: Machine, gpus: int, mps: bool, id: str) -> None:
    machine(gpus=gpus, mps=mps)
    assert choose("auto").id == id


def test_cpu_is_always_there(machine: Machine) -> None:
    machine(gpus=1)
    assert choose("cpu").id == "cpu"


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("cuda", Device("cuda:0", "GPU number 0")),
        ("cuda:0", Device("cuda:0", "GPU number 0")),
        ("cuda:1", Device("cuda:1", "GPU number 1")),
    ],
)
def test_gpu_by_name(machine: Machine, asked: str, got: Device) -> None:
    machine(gpus=2)
    assert choose(asked) == got


@pytest.mark.parametrize("asked", ["cuda", "cuda:0", "mps", "tpu", "", "cuda:"])
def test_absent_device_is_refused_and_the_present_ones_named(machine: Machine, asked: str) -> None:
    machine()
    with pytest.raises(DeviceError) as error:
        choose(asked)
    assert repr(asked) in str(error.value)
    assert "auto or one of cpu" in str(error.value)


def test_gpu_beyond_the_last_is_refused(machine: Machine) -> None:
    machine(gpus=2)
    with pytest.raises(DeviceError, match="'cuda:2'.*cuda:0, cuda:1, cpu"):
        choose("cuda:2")


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    assert cores() == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, math.inf),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "300000 100000\n"}, 3),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "200000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "800000 100000\n",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "25000\n",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            math.inf,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        ({}, math.inf),
    ],
)
def test_a_container_may_have_a_share_of_the_cores(
    tmp_path: Path, files: dict[str, str], expected: float
) -> None:
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert device._quota(tmp_path) == expected


def test_no_more_threads_than_the_container_has_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(device, "_quota", lambda: 1.5)
    assert cores() == 1


def test_chosen_device_holds_a_tensor() -> None:
    assert torch.zeros(1, device=choose("auto").id).item() == 0


@pytest.mark.parametrize(
    ("id", "bf16", "expected"),
    [
        ("cpu", False, "float32"),
        ("cpu", True, "bfloat16"),
        ("mps", True, "float32"),
        ("cuda:0", False, "float32"),
        ("cuda:0", True, "bfloat16"),
    ],
)
def test_half_precision_is_usual_only_where_there_are_units_for_it(
    machine: Machine, id: str, bf16: bool, expected: str
) -> None:
    machine(gpus=1, bf16=bf16)
    assert precision("auto", Device(id, "")) == expected
    assert precision("bfloat16", Device(id, "")) == "bfloat16"


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_products_have_the_precision_that_was_chosen(precision: str, dtype: torch.dtype) -> None:
    device = choose("auto")
    a = torch.ones(4, 4, device=device.id)
    with autocast(device, precision):
        assert (a @ a).dtype == dtype


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="tunes GNU's malloc")
def test_a_process_that_trains_keeps_what_it_frees():
    script = """
import resource, torch
from s5core.memory import keep_freed_memory

def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def fault():
    before = pages()
    for _ in range(20):
        torch.ones(4 * 2**20)  # 16 MiB
    return pages() - before

freed = fault()
keep_freed_memory()
fault()
print(fault() * 10 < freed)
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert ran.stdout == "True\n", ran.stderr


def test_torch_has_one_thread_meanwhile_and_the_process_keeps_its_number() -> None:
    before = torch.get_num_threads()
    device.set_threads(3)
    with device.one_thread(), device.one_thread():
        assert (torch.get_num_threads(), device.threads()) == (1, 3)
        device.set_threads(2)  # as when another run begins
        assert (torch.get_num_threads(), device.threads()) == (1, 2)
    assert (torch.get_num_threads(), device.threads()) == (2, 2)
    device.set_threads(before)
