"""Instances of many kinds to train on: the problem's own, and such with other sizes and fields."""

import math

import numpy as np

from toolkit import problems
from toolkit.arrays import Data
from toolkit.problems import Problem


def spans(text: str, what: str) -> dict[str, tuple[float, float]]:
    """Name -> (low, high) of "name=low:high,name=low:high"; ValueError where it cannot be read."""
    out = {}
    for part in filter(None, text.split(",")):
        name, _, span = part.partition("=")
        try:
            low, high = (float(end) for end in span.split(":"))
        except ValueError:
            low, high = math.nan, math.nan
        if not 0 < low <= high < math.inf:
            raise ValueError(f"cannot read {part!r} in {what}; write field=low:high.")
        out[name.strip()] = low, high
    return out


def mixed(
    problem: Problem,
    rng: np.random.Generator,
    count: int,
    groups: int,
    sizes: dict[str, tuple[float, float]],
    factors: dict[str, tuple[float, float]],
) -> tuple[Problem, Data]:
    """`count` instances of one size and their problem, drawn in groups with fields of their own.

    Whole-numbered fields are drawn from `sizes`, others are multiplied by one of `factors`, all
    log-uniform; "a+b" multiplies two fields by the same. Names that the problem lacks are passed
    over. What the fields do to an instance is in its data, so one problem serves all.
    """
    known = problem.params
    whole = {name: _whole(rng, *span) for name, span in sizes.items() if name in known}
    drawn = []
    for size in np.diff(np.linspace(0, count, groups + 1).astype(int)):
        fields = {**known, **whole}
        for names, (low, high) in factors.items():
            factor = math.exp(rng.uniform(math.log(low), math.log(high)))
            for name in names.split("+"):
                if isinstance(known.get(name), float):
                    fields[name] *= factor
        other = problems.load(problem.name, **fields)
        drawn.append(other.sample(rng, (int(size),)))
    return other, {key: np.concatenate([part[key] for part in drawn]) for key in drawn[0]}


def _whole(rng: np.random.Generator, low: float, high: float) -> int:
    """A whole number from low to high, log-uniform."""
    return min(int(math.exp(rng.uniform(math.log(low), math.log(high + 1)))), int(high))
