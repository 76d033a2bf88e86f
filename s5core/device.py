"""Devices: which there are, and what training does differently on each."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from s5core.errors import UserError


class DeviceError(UserError):
    """A device that this machine does not have."""


@dataclass(frozen=True)
class Device:
    """A device by torch's name (`cuda:0`) and by its own (`NVIDIA T4`)."""

    id: str
    name: str


def available() -> list[Device]:
    """The devices of this machine, fastest first: CUDA, then MPS, then the CPU."""
    found = [
        Device(f"cuda:{i}", torch.cuda.get_device_name(i))
        for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    ]
    if torch.backends.mps.is_available():
        found.append(Device("mps", "Apple GPU"))
    count = cores()
    found.append(Device("cpu", f"CPU ({platform.machine()}, {count} core{'s' if count > 1 else ''})"))
    return found


def cores() -> int:
    """The CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows, which have no such bounds
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose(device: str) -> Device:
    """The device of that name; `auto` is the fastest one, `cuda` the first of its kind.

    Raises DeviceError for a device that is not there: training never falls back silently.
    """
    devices = available()
    if device == "auto":
        return devices[0]
    for candidate in devices:
        if device in (candidate.id, candidate.id.split(":")[0]):
            return candidate
    raise DeviceError(
        f"This machine has no device {device!r}: use auto or one of {', '.join(d.id for d in devices)}."
    )


def autocast(device: Device) -> AbstractContextManager[object]:
    """Mixed precision where it pays: bfloat16 on CUDA hardware that has it, nothing elsewhere.

    bfloat16 has float32's range, so that it needs no loss scaling, whose state a resumed
    run would have to carry. Older GPUs, which have float16 alone, train in float32: nets
    of this size are bound by kernel launches, not by arithmetic.
    """
    if device.id.startswith("cuda") and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return contextlib.nullcontext()


def keep_freed_memory() -> None:
    """Let this process, which is to train, keep the memory that it frees, for good.

    Each batch asks for the same large maps as the one before. GNU's malloc hands such blocks
    back to the system and asks for them again, and clearing their pages takes a tenth of the
    time and more. Does nothing where another malloc is in use, or one that refuses.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
    libc = ctypes.CDLL(None)
    if libc.mallopt(mmap_threshold, 2**25):  # some versions take no more than these 32 MiB
        libc.mallopt(trim_threshold, 2**31 - 1)
