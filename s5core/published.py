"""Networks of the same size that others have published, each with its source.

As far as the sources say, each figure is from a single run. The authors chose their designs and their
epochs by the accuracy on the test digits, which makes the figures a little too high.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One network as its authors published it."""

    repository: str  # on GitHub
    file: str  # in the repository, with the figure
    parameters: int
    accuracy: float  # of the last epoch on the 10,000 test digits, in percent
    epochs: int | None  # None where the source does not say
    note: str = ""

    @property
    def url(self) -> str:
        """Web address of the file with the figure."""
        return f"https://github.com/{self.repository}/blob/HEAD/{self.file}"


PUBLISHED = (
    Published("sagarigrandhi/EVA4", "S5/Assignment_5_F7.ipynb", 9_994, 99.60, 15),
    Published("woncoh1/era1", "S6/P2/A6.ipynb", 9_768, 99.57, 19),
    Published("The-School-of-AI/era-s6-ram", "README.md", 8_932, 99.50, 15),
    Published("snehanshu-raj/ERA", "assignment_6/Readme.md", 7_918, 99.50, 15),
    Published("firekind/ERA4", "session-6/README.md", 6_174, 99.47, 15),
    Published(
        "JoshWarn/Parameter-Efficient-MNIST",
        "README.md",
        697,
        99.03,
        None,
        "the best on the test digits of about 700 networks",
    ),
)
