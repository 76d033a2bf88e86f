"""A small vector font: letters and shapes that are no digits, as strokes of a pen.

A character lies in a field 6 wide and 10 high; y points down. A stroke is a list of "x,y" points
that straight lines join; semicolons separate the strokes. Characters that people also write for a
digit are left out: B, G, I, J, L, O, Q, S, U, V, Z and their small forms.
"""

from __future__ import annotations

import math

from s5core.drawing.sketch import SIDE, Sketch, Stroke, of_lines

LETTERS: dict[str, str] = {
    "A": "0,10 3,0 6,10; 1.2,6 4.8,6",
    "C": "5.8,2 5,0.6 3.4,0 1.8,0.5 0.5,2.2 0,5 0.5,7.8 1.8,9.5 3.4,10 5,9.4 5.8,8",
    "D": "0,0 0,10; 0,0 2.8,0.2 5,1.8 6,5 5,8.2 2.8,9.8 0,10",
    "E": "6,0 0,0 0,10 6,10; 0,5 5,5",
    "F": "6,0 0,0 0,10; 0,5 4.5,5",
    "H": "0,0 0,10; 6,0 6,10; 0,5 6,5",
    "K": "0,0 0,10; 5.5,0 0,5.5; 1.5,4.3 6,10",
    "M": "0,10 0.5,0 3,7 5.5,0 6,10",
    "N": "0,10 0,0 6,10 6,0",
    "P": "0,10 0,0 3.5,0 5.4,1 6,2.7 5.4,4.4 3.5,5.3 0,5.3",
    "R": "0,10 0,0 3.5,0 5.4,1 6,2.7 5.4,4.4 3.5,5.3 0,5.3; 2.5,5.3 6,10",
    "T": "0,0 6,0; 3,0 3,10",
    "W": "0,0 1.5,10 3,3 4.5,10 6,0",
    "X": "0,0 6,10; 6,0 0,10",
    "Y": "0,0 3,5; 6,0 3,5 3,10",
    "Ä": "0,10 3,2.5 6,10; 1.2,7 4.8,7; 1.6,0 1.8,0.2; 4.2,0 4.4,0.2",
    "Ñ": "0,10 0,2.5 6,10 6,2.5; 1,1.2 2.2,0.2 3.6,1 5,0",
    "Π": "0,0 6,0; 1,0 1,10; 5,0 5,10",
    "Ψ": "0,0 0.3,3.5 1.4,5.4 3,6 4.6,5.4 5.7,3.5 6,0; 3,0 3,10",
    "Φ": "3,0 3,10; 3,2.2 5,2.8 6,5 5,7.2 3,7.8 1,7.2 0,5 1,2.8 3,2.2",
    "Ж": "3,0 3,10; 0,0 3,5 0,10; 6,0 3,5 6,10",
    "И": "0,0 0,10 6,0 6,10",
    "Ш": "0,0 0,10 6,10 6,0; 3,0 3,10",
    "Ю": "0,0 0,10; 0,5 2,5; 4,0.5 5.4,2 6,5 5.4,8 4,9.5 2.6,8 2,5 2.6,2 4,0.5",
    "k": "0,0 0,10; 4.5,4 0,7; 1.5,6 5,10",
    "m": "0,4 0,10; 0,5.5 1.2,4.2 2.4,4.2 3,5.5 3,10; 3,5.5 4.2,4.2 5.4,4.2 6,5.5 6,10",
    "n": "0,3 0,10; 0,5 1.5,3.3 3.5,3 5,3.8 5.6,5.5 5.6,10",
    "w": "0,4 1.5,10 3,5 4.5,10 6,4",
    "x": "0,3 6,10; 6,3 0,10",
    "f": "5.5,1.5 4.6,0.2 3.4,0 2.4,1 2,3 2,10; 0,4 4.5,4",
}

SHAPES: dict[str, str] = {
    "plus": "3,2 3,8; 0,5 6,5",
    "triangle": "3,1.5 6,8 0,8 3,1.5",
    "square": "0,2 6,2 6,8 0,8 0,2",
    "bar": "0,5 6,5",
    "star": "1,9.5 3,1.5 5,9.5 0,4.5 6,4.5 1,9.5",
    "arrow": "0,5 6,5; 4,3 6,5 4,7",
    "equals": "0,4 6,4; 0,6.5 6,6.5",
    "hash": "2,1 1.4,9; 4.8,1 4.2,9; 0,3.5 6,3.5; 0,6.5 6,6.5",
    "house": "0,9.5 0,4.5 3,1 6,4.5 6,9.5 0,9.5",
    "tick": "0,6 2,9 6,1",
    "zigzag": "0,3 1,7 2,3 3,7 4,3 5,7 6,3",
    "asterisk": "3,1.5 3,8.5; 0,3.2 6,6.8; 6,3.2 0,6.8",
    "envelope": "0,2.5 6,2.5 6,7.5 0,7.5 0,2.5 3,5.2 6,2.5",
}


def strokes(drawn: str) -> list[Stroke]:
    """The strokes of a character in the font's own field."""
    pairs = [[point.split(",") for point in stroke.split()] for stroke in drawn.split(";")]
    return [[(float(x), float(y)) for x, y in stroke] for stroke in pairs]


def draw(drawn: str, width: int = 18, turn: float = 0, lean: float = 0) -> Sketch:
    """The character in the middle of the canvas, drawn with a pen `width` pixels wide.

    A height of 10 in the font is 200 pixels. `turn`: clockwise, in degrees. `lean`: how far the top
    moves to the right, as a share of the height.
    """
    cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))

    def place(x: float, y: float) -> tuple[float, float]:
        x, y = x - 3 + lean * (5 - y), y - 5
        return SIDE / 2 + 20 * (cosine * x - sine * y), SIDE / 2 + 20 * (sine * x + cosine * y)

    return of_lines([[place(x, y) for x, y in stroke] for stroke in strokes(drawn)], width)
