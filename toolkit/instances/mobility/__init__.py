"""Where users are: traces of people, and generators that need none.

    >>> path = walks("levy").positions(rng, users=10, steps=100, batch=(256,))

gives positions in metres, (256, 100, 10, 2), one every 30 s, inside x in [-809, 1312] m and y in
[-455, 1106] m. With `traces=FOLDER` each episode takes distinct traces of the folder in place of a
model, each from a random row on.
"""

import functools
from typing import Protocol

import numpy as np

from toolkit.errors import UserError, unknown

from ._classic import GaussMarkov as GaussMarkov
from ._classic import RandomWaypoint as RandomWaypoint
from ._levy import LevyWalk as LevyWalk
from ._region import HIGH as HIGH
from ._region import LOW as LOW
from ._region import PERIOD as PERIOD
from ._region import clipped as clipped
from ._replay import Replay as Replay
from ._traces import PARTS
from ._traces import Traces as Traces
from ._traces import cached_traces as cached_traces
from ._traces import read_traces as read_traces


class Walks(Protocol):
    """What a problem asks for: where users are."""

    def positions(
        self, rng: np.random.Generator, users: int, steps: int, batch: tuple[int, ...] = ()
    ) -> np.ndarray:
        """(*batch, steps, users, 2): x and y in metres, every 30 s, inside the region.

        Randomness comes from `rng` alone; users and episodes are independent of each other, but
        for traces, which within an episode are distinct while there are enough of them.
        """
        ...


MODELS: dict[str, type[LevyWalk] | type[RandomWaypoint] | type[GaussMarkov]] = {
    "levy": LevyWalk,
    "waypoint": RandomWaypoint,
    "gauss_markov": GaussMarkov,
}


def walks(model: str = "levy", traces: str = "", part: str = "all") -> Walks:
    """The model called `model`, or where a folder of traces is named, these in its place.

    `part` is "all", "train" or "test": which of the traces (`Traces.part`); models have no parts.
    UserError, one sentence, where there is no such model or part, the folder is of no use, or a
    part or another model is asked for that would not be used.
    """
    if model not in MODELS:
        raise unknown("mobility model", model, MODELS)
    if part not in PARTS:
        raise unknown("part of the traces", part, PARTS)
    if part != "all" and not traces:
        raise UserError(f"part is {part!r}, but walks have no parts: name a folder with --traces.")
    if traces and model != "levy":
        raise UserError(f"Both mobility={model} and traces are given; give one of them.")
    if traces:
        return _replay(cached_traces(traces), part)
    return MODELS[model]()


@functools.lru_cache(maxsize=8)
def _replay(traces: Traces, part: str) -> Replay:
    """One for the same traces: a problem asks for every instance that it draws."""
    return Replay(traces.part(part))
