"""What the exercise asks for: three bounds, and whether a figure keeps them."""

from __future__ import annotations

from dataclasses import dataclass

TARGET_ACCURACY = 99.4  # percent of the validation digits, at least
PARAMETER_BUDGET = 10_000  # fewer than
EPOCH_BUDGET = 15  # fewer than


@dataclass(frozen=True)
class Bound:
    """One of the three demands."""

    name: str
    limit: float
    at_least: bool  # else a figure must be less than the limit
    unit: str = ""

    @property
    def words(self) -> str:
        """The demand in words: "at least 99.4 %", "fewer than 10,000"."""
        return f"{self.relation} {self.figure}"

    @property
    def relation(self) -> str:
        """How a figure must compare with the limit: "at least", "fewer than"."""
        return "at least" if self.at_least else "fewer than"

    @property
    def figure(self) -> str:
        """The limit with its unit: "99.4 %", "10,000"."""
        return f"{self.limit:,}{self.unit}"

    @property
    def sign(self) -> str:
        """The same in signs: "≥ 99.4 %", "< 10,000"."""
        return f"{'≥' if self.at_least else '<'} {self.figure}"

    def met_by(self, figure: float) -> bool:
        """Whether a figure keeps the bound. What counts is the figure as it is shown, with two places:
        99.3996 is shown as 99.40 and met."""
        shown = round(figure, 2)
        return shown >= self.limit if self.at_least else shown < self.limit


ACCURACY = Bound("Validation accuracy", TARGET_ACCURACY, at_least=True, unit=" %")
PARAMETERS = Bound("Parameters", PARAMETER_BUDGET, at_least=False)
EPOCHS = Bound("Epochs", EPOCH_BUDGET, at_least=False)
