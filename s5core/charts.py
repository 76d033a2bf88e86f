"""Tables in, Altair charts out.

Colours are those of Okabe and Ito ("Color Universal Design", 2008), which colour-blind
people can tell apart. Text and axes take the page's theme; only data gets a colour here.
"""

from __future__ import annotations

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
    "#8A9099",
)

OURS, REPORTED, TARGET = BLUE, ORANGE, GREEN  # our results, the published ones, the aim
