"""Axes for papers: powers of ten in plain letters, a floor that is said, per cent, names."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from toolkit.reports.content import Axis

MOST = 7  # labelled powers of ten on an axis
LONG = 6  # letters of a name from which on names are turned
WIDEST = 34  # letters of a name
EMPTY = (0.1, 10.0)  # ends of a logarithmic axis without a value
SLOPE = 0.035  # inches of height a letter of a turned name
SUPER = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def dress(axes: Any, which: str, axis: Axis, values: Sequence[Sequence[float | None]]) -> None:
    """Scale and ticks of the axis "x" or "y", which shows these values."""
    own = axes.xaxis if which == "x" else axes.yaxis
    if axis.names is not None:
        _names(own, which, axis.names)
    elif axis.log:
        getattr(axes, f"set_{which}scale")("log")
        _powers(own, axes, which, axis)
    elif axis.share:
        own.set_major_formatter(lambda value, _: _percent(value))
    elif _whole(values):
        own.get_major_locator().set_params(integer=True)


def height_of_names(axis: Axis) -> float:
    """Inches that turned names need below the axes."""
    longest = max(map(len, _short_names(axis.names or [])), default=0)
    return SLOPE * longest if longest > LONG else 0.0


def shortened(text: str, most: int) -> str:
    """On one line, without its middle where it is longer: names often differ at their ends."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) <= most:
        return line
    head = (most - 1) // 2
    return f"{line[:head]}…{line[len(line) - (most - 1 - head) :]}"


def folded(text: str, width: int) -> str:
    """An axis's label on as many lines as it needs, three at the most."""
    lines = textwrap.wrap(shortened(text, 3 * width - 9), width)
    return "\n".join(lines)


def _short_names(names: Sequence[str]) -> list[str]:
    return [shortened(name, WIDEST) for name in names]


def _names(own: Any, which: str, names: Sequence[str]) -> None:
    short = _short_names(names)
    own.set_ticks(range(len(names)), short)
    if which == "x" and max(map(len, short), default=0) > LONG:
        for label in own.get_ticklabels():
            label.set(rotation=40, ha="right", rotation_mode="anchor")


def _powers(own: Any, axes: Any, which: str, axis: Axis) -> None:
    """A label at whole powers of ten, at most a few; at the floor it says: at most that."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    low, high = getattr(axes, f"get_{which}lim")()
    if low <= 0:  # nothing is drawn
        low, high = EMPTY
    first, last = (math.floor(math.log10(end) + 1e-9) for end in (low, high))
    step = max(1, -(-(last - first) // MOST))
    between = _between(math.log10(high / low))
    ticks = [part * 10.0**power for power in range(last, first - 1, -step) for part in between]
    floor = axis.floor
    if floor is not None and low <= floor:
        ticks = [floor, *(tick for tick in ticks if tick > 1.5 * floor * 10 ** (step - 1))]
    inside = sorted(tick for tick in ticks if low <= tick <= high)
    own.set_major_locator(FixedLocator(inside))
    own.set_major_formatter(FuncFormatter(lambda value, _: _label(value, axis)))
    own.set_minor_formatter(NullFormatter())
    if last - first > MOST:
        own.set_minor_locator(FixedLocator([]))
    getattr(axes, f"set_{which}lim")(low, high)


def _between(decades: float) -> tuple[float, ...]:
    """What is labelled within a power of ten: more where there are few of them."""
    if decades > 2:
        return (1.0,)
    return (1.0, 2.0, 5.0) if decades > 0.8 else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)


def _label(value: float, axis: Axis) -> str:
    value = float(value)  # of numpy's it need not be
    at_most = "≤ " if axis.floor is not None and value <= axis.floor * 1.001 else ""
    power = math.log10(value)
    if axis.share and power > -4.5:
        return f"{at_most}{_percent(value)}"
    if -3.5 < power < 4.5:
        return f"{at_most}{value:g}"
    whole = math.floor(power + 1e-9)
    factor = round(value / 10.0**whole, 2)
    return at_most + f"{factor:g}·" * (factor != 1) + "10" + str(whole).translate(SUPER)


def _percent(value: float) -> str:
    return f"{100 * value:,.0f}%" if 10 <= value < 1e6 else f"{100 * value:.3g}%"


def _whole(values: Sequence[Sequence[float | None]]) -> bool:
    """Whether all of them are whole numbers, and few enough to be counted."""
    found = [v for each in values for v in each if v is not None]
    return bool(found) and all(float(v).is_integer() and abs(v) < 1000 for v in found)
