"""How series look, on the page and in files alike: colour, marker and dash by place.

Eight colours that most colour-blind people tell apart, on white and on near-black (Okabe & Ito 2008
without black and yellow, and two more); markers go round in seven, so that 56 methods look unlike.
"""

from typing import NamedTuple

COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8c6bd1", "#8a8a8a"),
)
MARKERS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "star")
DASHES = ("solid", "dash", "dot", "dashdot")


class Look(NamedTuple):
    colour: str
    marker: str
    dash: str


def look(place: int) -> Look:
    """The look of a series by the place of its method."""
    turns = place // len(COLOURS)
    return Look(
        COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)], DASHES[turns % len(DASHES)]
    )
