"""The settings of a server: one table with the name, the default, the meaning and the range of each.

Each is a variable of the environment: S5_ and the field's name in capitals, such as `S5_JOBS=4`. A
variable that is empty counts as not set.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Any

from s5core.errors import UserError
from s5core.settings import check_field, field_types, setting

PREFIX = "S5_"


class ConfigurationError(UserError):
    """A setting that cannot be used; the message names the variable and what fits."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """All settings. The limits hold for everybody, so that nobody is in another's way by mistake."""

    runs_dir: str = setting(
        "",
        "Folder of the runs and of the class's digits; else `runs/` beside the app, or where the user may "
        "write.",
    )
    data_dir: str = setting("", "Folder with MNIST, which is then not downloaded; else `data/`, as for runs.")
    executor: str = setting(
        "local", "Where runs are trained: `local` is this machine, `ray` the cluster of `RAY_ADDRESS`."
    )
    jobs: int = setting(
        0,
        "Runs in training at the same time; 0: 2 on this machine, as many as there is room for on a cluster.",
        "[0, 1000]",
    )
    threads: int = setting(
        0, "CPU threads of a run; 0: one, or all cores where that is at least a tenth faster.", "[0, 1024]"
    )
    ray_cpus: int = setting(1, "On a cluster: CPU cores of a run.", "[1, 64]")
    ray_gpus: float = setting(0.0, "On a cluster: GPUs of a run; with 0.25 four runs share one.", "[0, 1]")
    line: int = setting(100, "Runs of all people together that may wait in line.", "[1, 10000]")
    waiting: int = setting(3, "Runs of one person that may wait in line.", "[1, 10000]")
    epochs: int = setting(100, "Epochs of a run.", "[1, 1000]")
    batch: int = setting(1024, "Digits in a batch.", "[1, 10000]")
    parameters: int = setting(10_000_000, "Parameters of a network that is trained.", "[1, 1000000000]")
    uploads: int = setting(20, "Checkpoints that one person has opened and not deleted.", "[0, 100000]")
    designs: int = setting(
        20, "Designs that one person has saved, and neither trained nor deleted.", "[0, 100000]"
    )
    disk: float = setting(
        5.0, "Gigabytes of the disk for all runs; then the oldest that are not pinned go.", "(0, 100000]"
    )
    teacher_secret: str = setting(
        "", "What a teacher types in the sidebar, 8 characters at least; without it nobody is a teacher."
    )

    @classmethod
    def read(cls) -> Configuration:
        """The settings of the environment. Raises ConfigurationError."""
        return cls(**{field.name: value(field.name) for field in fields(cls)})


def variable(name: str) -> str:
    """The environment's variable for a setting: S5_JOBS for jobs."""
    return PREFIX + name.upper()


def value(name: str) -> Any:
    """One setting, as the environment has it at this moment. Raises ConfigurationError."""
    text = os.environ.get(variable(name), "").strip()
    if not text:
        return Configuration.__dataclass_fields__[name].default
    is_number = field_types(Configuration)[name] in (int, float)
    try:
        return check_field(Configuration, name, _number(text) if is_number else text)
    except ValueError as error:
        raise ConfigurationError(f"{variable(name)}{str(error).removeprefix(name)}.") from None


def _number(text: str) -> float | str:
    """The number in a text; the text itself where there is none, which the check then names."""
    try:
        return float(text)
    except ValueError:
        return text


def table() -> list[tuple[str, str, str, str]]:
    """Variable, default, range and meaning of each setting, in words."""
    return [
        (
            variable(field.name),
            f"{field.default:,}" if field.type in ("int", "float") else str(field.default) or "–",
            field.metadata["range"] or "–",
            field.metadata["help"],
        )
        for field in fields(Configuration)
    ]
