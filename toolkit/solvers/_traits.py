"""What a decision looks like at a glance: how degenerate policies are told."""

import hashlib
from typing import Any

import numpy as np

from toolkit.arrays import Decision
from toolkit.problems import Space

LONGEST = 64  # choices that are written out; more become a hash


def traits(space: Space, decision: Decision) -> dict[str, Any]:
    """`choice`: the discrete blocks as text, equal where they are. `uniform`: all entries alike.

    A policy whose decisions are all uniform, or all of one choice, has learnt nothing.
    """
    blocks = [np.rint(np.ravel(decision[var.name])).astype(int) for var in space.discrete]
    entries = np.concatenate(blocks) if blocks else np.zeros(0, int)
    text = ("" if entries.size and entries.max() < 10 else " ").join(map(str, entries.tolist()))
    if entries.size > LONGEST:
        text = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {"choice": text, "uniform": bool(np.unique(entries).size == 1)}
