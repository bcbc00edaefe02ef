"""Why a decision is good or bad: caches over time, where requests are served, and rewards."""

from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._pictures import HOME, Marks, Picture, Scale, in_blocks, tone
from toolkit.problems.dgl_slot.costs import spent
from toolkit.problems.dgl_slot.pictures import HOW, how

from .problem import by_step
from .slots import flat, slots_of

if TYPE_CHECKING:
    from .problem import Dgl

MOST_CACHED = 400  # stretches of time in which a server has a service


def pictures(problem: "Dgl", data: Data, decision: Decision) -> list[Picture]:
    """Caches and rewards step by step; where requests are served and delays slot by slot."""
    slots, lead = flat(slots_of(data, decision["cache"]))
    chosen = {
        key: np.asarray(decision[key]).reshape(np.prod(lead), -1)
        for key in ("target", "bandwidth", "cpu")
    }
    delay = spent(np, slots, chosen)["delay"]
    at, means, said = in_blocks(delay.mean(-1))
    line = Marks(label="delay", x=at, y=means, style="line")
    return [
        _caches(decision["cache"]),
        _rewards(data, decision),
        _served(how(slots, chosen["target"])),
        Picture(
            title="Mean delay of a request, slot by slot", x=Scale(label="slot"),
            y=Scale(label="delay (s)"), marks=[line], caption=said,
        ),
    ]  # fmt: skip


def _rewards(data: Data, decision: Decision) -> Picture:
    """What every step adds to the objective, and what it takes away."""
    cache = decision["cache"]
    before = np.concatenate([0 * cache[:1], cache[:-1]])
    terms = by_step(data, decision, before).terms
    marks = []
    for k, (name, sign) in enumerate((("qoe", 1), ("loading", -1), ("overflow", -1))):
        at, means, said = in_blocks(sign * terms[name], 60)
        marks.append(Marks(label=name, x=at, y=means, category=tone(k)))
    return Picture(
        title="Reward of every step", x=Scale(label="step"), y=Scale(label="reward"), marks=marks,
        caption=said,
    )  # fmt: skip


def _served(kind: np.ndarray) -> Picture:
    """How many requests are served in which way, slot by slot."""
    marks = []
    for k, name in HOW.items():
        at, means, said = in_blocks((kind == k).sum(-1))
        category = tone(k - 1) if k else HOME
        marks.append(Marks(label=name, x=at, y=means, style="step", category=category))
    return Picture(
        title="Where requests are served", x=Scale(label="slot"), y=Scale(label="requests"),
        marks=marks, caption=said,
    )  # fmt: skip


def _caches(cache: np.ndarray) -> Picture:
    """From when to when a server has a service: a line a server beside each other."""
    rows = [_stretches(cache[:, m]) for m in range(cache.shape[1])]
    total = sum(len(row) for row in rows)
    end = _enough(rows)
    marks: list[Any] = []
    for m, row in enumerate(rows):
        kept = row[row[:, 1] < end]
        y = kept[:, 0] + 0.8 * (m + 0.5) / len(rows) - 0.4
        marks.append(
            Marks(
                label=f"server {m + 1}", x=kept[:, 1], y=y, x2=np.minimum(kept[:, 2], end), y2=y,
                style="segments", thick=True, category=tone(m),
            )
        )  # fmt: skip
    said = f"The first {end:,} of {len(cache):,} steps are drawn." if end < len(cache) else ""
    said = said or f"{total:,} times a service is loaded." * (total > 0)
    names = [str(k + 1) for k in range(cache.shape[2])]
    return Picture(
        title="What servers have cached", x=Scale(label="step"),
        y=Scale(label="service", names=names), marks=marks, caption=said,
    )  # fmt: skip


def _stretches(cache: np.ndarray) -> np.ndarray:
    """(service, first step, step after the last) of a server's cache (steps, services), (·, 3)."""
    wide = np.pad(cache, ((1, 1), (0, 0)))
    change = np.diff(wide, axis=0).T  # (services, steps + 1)
    service, begin = np.nonzero(change > 0)
    _, end = np.nonzero(change < 0)
    return np.stack([service, begin, end], axis=-1)


def _enough(rows: list[np.ndarray]) -> int:
    """The step up to which at most MOST_CACHED stretches begin; at least one step."""
    every = np.concatenate(rows)
    if len(every) <= MOST_CACHED:
        return int(every[:, 2].max(initial=1))
    return max(1, int(np.sort(every[:, 1])[MOST_CACHED]))
