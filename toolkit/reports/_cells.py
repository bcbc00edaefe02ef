"""Values of runs by instance and seed, and how two sets of them compare."""

import math
from itertools import combinations
from statistics import fmean

from toolkit.reports.compare import EQUAL
from toolkit.reports.record import Record

Values = dict[tuple[str, int], float]  # (instance, seed) -> value


def cell(record: Record) -> tuple[str, int]:
    """Which instance, whatever the swept field is, and which seed."""
    return record.instance.rpartition("-")[2], record.seed


def differences(ours: Values, other: Values) -> Values:
    """Ours less the other's on the cells that both have; two failures, or ties, are equal."""
    both = sorted(ours.keys() & other.keys())
    return {c: 0.0 if tied(ours[c], other[c]) else ours[c] - other[c] for c in both}


def leads(ours: Values, other: Values, relative: bool) -> Values:
    """Ours less the other's; relative: in parts of the other's."""
    found = differences(ours, other)
    if not relative:
        return found
    return {c: lead / max(abs(other[c]), 1e-12) for c, lead in found.items()}


def tied(a: float, b: float) -> bool:
    """Equal but for rounding; two infinities of a sign are."""
    if math.isinf(a) or math.isinf(b):
        return a == b
    return abs(a - b) <= EQUAL * max(1.0, abs(a), abs(b))


def shares(settings: list[Values], grows: bool) -> Values:
    """For each cell, in which share of the pairs of settings the value moves as it should."""
    cells = sorted(set.intersection(*(set(values) for values in settings)))
    pairs = list(combinations(settings, 2))
    sign = 1.0 if grows else -1.0
    return {
        c: fmean(not tied(a[c], b[c]) and sign * (b[c] - a[c]) > 0 for a, b in pairs) for c in cells
    }
