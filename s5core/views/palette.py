"""The colours of everything that is drawn, so that a colour means the same thing on every page.

They are those of Okabe and Ito ("Color Universal Design", 2008), which colour-blind people can tell
apart. Text and axes take the page's theme; only data has a colour of its own.
"""

BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
RED = "#D55E00"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
GREY = "#8A9099"

OURS = BLUE  # our results
REPORTED = ORANGE  # those of the exercise's source
ELSEWHERE = PURPLE  # those that others published
TARGET = GREEN  # what the exercise asks for
SHARED = SKY  # those that the people of this server share
