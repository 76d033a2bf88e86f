"""Devices: which ones this computer has, and what training does differently on each."""

from __future__ import annotations

import contextlib
import math
import os
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch

from s5core.errors import UserError
from s5core.words import count


class DeviceError(UserError):
    """A device that this computer does not have."""


@dataclass(frozen=True)
class Device:
    """A device: its name in torch (`cuda:0`) and its product name (`NVIDIA T4`)."""

    id: str
    name: str


def available() -> list[Device]:
    """The devices of this computer, the fastest first: CUDA, then MPS, then the CPU."""
    found = [
        Device(f"cuda:{i}", torch.cuda.get_device_name(i))
        for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    ]
    if torch.backends.mps.is_available():
        found.append(Device("mps", "Apple GPU"))
    found.append(Device("cpu", f"CPU ({platform.machine()}, {count(cores(), 'core')})"))
    return found


def cores() -> int:
    """How many CPU cores this process may keep busy: those that the system lets it use, or fewer where a
    container has a share of their time. More threads than that wait for each other."""
    if hasattr(os, "sched_getaffinity"):  # macOS and Windows set no such limits
        return int(min(len(os.sched_getaffinity(0)), _quota()))
    return os.cpu_count() or 1


def _quota(system: Path = Path("/")) -> float:
    """How many cores' time Linux's control groups grant to this process; infinite without a limit.

    A group is limited by those above it, too (docs.kernel.org, "Control Group v2" and "CFS Bandwidth
    Control"). `system`: the root folder.
    """
    least = math.inf
    for line in _read(system / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        version_1 = "cpu" in controllers.split(",")
        if controllers and not version_1:
            continue
        top = system / "sys/fs/cgroup" / ("cpu" if version_1 else "")
        place = top / group.strip("/")
        for folder in (place, *place.parents):
            if version_1:
                limit = _read(folder / "cpu.cfs_quota_us") + " " + _read(folder / "cpu.cfs_period_us")
            else:
                limit = _read(folder / "cpu.max")
            match limit.split():
                case [quota, period] if quota.isdecimal() and period.isdecimal() and int(period):
                    least = min(least, int(quota) / int(period))
            if folder == top:
                break
    return max(least, 1.0)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


_held: int | None = None  # threads that the process may use, while `one_thread` keeps torch at one


def threads() -> int:
    """How many CPU threads this process may use: torch's number of them, outside of `one_thread`."""
    return torch.get_num_threads() if _held is None else _held


def set_threads(number: int) -> None:
    """Let this process use so many CPU threads from now on; inside of `one_thread` torch gets them later."""
    global _held
    if _held is None:
        torch.set_num_threads(number)
    else:
        _held = number


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute with one thread meanwhile. Nothing happens where it does already.

    It is meant for many batches: to change torch's number of threads twice in each of them made an epoch of
    the fast step a tenth longer (2 cores, torch 2.14).
    """
    global _held
    if _held is not None:
        yield
        return
    _held = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        number, _held = _held, None
        torch.set_num_threads(number)


def choose(device: str) -> Device:
    """The device with this name; `auto` is the fastest one, `cuda` the first CUDA device.

    Raises DeviceError if there is no such device: training never takes another one silently.
    """
    devices = available()
    if device == "auto":
        return devices[0]
    for candidate in devices:
        if device in (candidate.id, candidate.id.split(":")[0]):
            return candidate
    raise DeviceError(
        f"This computer has no device {device!r}: use auto or one of {', '.join(d.id for d in devices)}."
    )


def precision(wanted: str, device: Device) -> str:
    """The precision with this name; `auto` is bfloat16 where the device has units for it: GPUs since
    NVIDIA's Ampere, and processors with AMX. Elsewhere it is float32.

    bfloat16 has the range of float32, so it needs no loss scaling, whose state a checkpoint would have
    to keep. Older GPUs have only float16. They train in float32: with networks this small, starting the
    kernels takes more time than their arithmetic.
    """
    if wanted != "auto":
        return wanted
    if device.id.startswith("cuda"):
        has_units = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_units = device.id == "cpu" and bool(torch.cpu.get_capabilities().get("amx_bf16"))
    return "bfloat16" if has_units else "float32"


def autocast(device: Device, precision: str) -> AbstractContextManager[object]:
    """Mixed precision: convolutions and matrix products in `precision`, all else in float32."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.id.split(":")[0], dtype=getattr(torch, precision))
