"""Policies that do not learn: the ladder in which every learner is shown."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Data, Decision

from .decode import caches_for, decode
from .dynamics import Steps, fitting
from .slots import Inner

if TYPE_CHECKING:
    from .problem import Dgl

Streams = Sequence[np.random.Generator]  # one a row, which other rows do not change
# what a rule picks caches from: the problem, the data, what is seen, the step, and generators
Rule = Callable[["Dgl", Data, dict[str, np.ndarray], int, Streams], np.ndarray]


def follow(
    problem: "Dgl", data: Data, rule: str, rng: np.random.Generator, inner: Inner | None
) -> Decision:
    """The decision of a rule for a batch of instances (*batch, …)."""
    batch = np.shape(data["qoe_weight"])
    wide = {key: np.reshape(v, (-1, *np.shape(v)[len(batch) :])) for key, v in data.items()}
    play, rngs = Steps(problem, wide, inner, rng), rng.spawn(math.prod(batch))
    while play.at < play.steps:
        seen = play.observe()
        play.step({"cache": PICK[rule](problem, wide, seen, play.at, rngs)})
    return {k: np.reshape(v, (*batch, *v.shape[1:])) for k, v in play.decision().items()}


def nothing(
    problem: "Dgl", data: Data, seen: dict[str, np.ndarray], at: int, rngs: Streams
) -> np.ndarray:
    return np.zeros_like(seen["cache"])


def everything(
    problem: "Dgl", data: Data, seen: dict[str, np.ndarray], at: int, rngs: Streams
) -> np.ndarray:
    return fitting(data, np.ones_like(seen["cache"]))


def at_random(
    problem: "Dgl", data: Data, seen: dict[str, np.ndarray], at: int, rngs: Streams
) -> np.ndarray:
    shape = seen["cache"].shape[1:]
    return fitting(data, np.stack([rng.uniform(0.51, 1.0, shape) for rng in rngs]))


def random_once(
    problem: "Dgl", data: Data, seen: dict[str, np.ndarray], at: int, rngs: Streams
) -> np.ndarray:
    return seen["cache"] if at else at_random(problem, data, seen, at, rngs)


def popular(
    problem: "Dgl", data: Data, seen: dict[str, np.ndarray], at: int, rngs: Streams
) -> np.ndarray:
    count = seen["counts"].sum(-2)
    wish = 0.51 + 0.49 * count / np.maximum(count.max(-1, keepdims=True), 1)
    return fitting(data, np.repeat(wish[:, None], seen["cache"].shape[1], axis=1))


def counted(last: int) -> Rule:
    """Decodes the counts of the last steps, all of them where `last` is 0."""

    def pick(
        problem: "Dgl", data: Data, seen: dict[str, np.ndarray], at: int, rngs: Streams
    ) -> np.ndarray:
        known = seen["counts"][:, max(0, at - last) if last else 0 : at].sum(1)
        return decode(problem, data, smoothed(known), seen["cache"])

    return pick


def smoothed(counts: np.ndarray) -> np.ndarray:
    """Popularities from counts (rows, services), one more request of each service than seen."""
    return np.asarray((counts + 1) / (counts + 1).sum(-1, keepdims=True))


def bayes(memory: bool) -> Rule:
    """Decodes the forecast of the hidden law from the past, or from the last step alone."""

    def pick(
        problem: "Dgl", data: Data, seen: dict[str, np.ndarray], at: int, rngs: Streams
    ) -> np.ndarray:
        first = 0 if memory else max(0, at - 1)
        return decode(problem, data, forecast(problem, seen["counts"][:, first:at]), seen["cache"])

    return pick


def forecast(problem: "Dgl", counts: np.ndarray) -> np.ndarray:
    """Expected popularity (rows, services) after counts (rows, steps, services): Bayes' filter."""
    law = problem.law
    known = np.repeat(law.start[None], len(counts), axis=0)
    for t in range(counts.shape[1]):
        log = counts[:, t] @ np.log(law.popularity).T
        known = known * np.exp(log - log.max(-1, keepdims=True))
        known = known / known.sum(-1, keepdims=True) @ law.move
    return np.asarray(known @ law.popularity)


def oracle(
    problem: "Dgl", data: Data, seen: dict[str, np.ndarray], at: int, rngs: Streams
) -> np.ndarray:
    return decode(problem, data, data["popularity"][:, at], seen["cache"])


def known_requests(
    problem: "Dgl", data: Data, seen: dict[str, np.ndarray], at: int, rngs: Streams
) -> np.ndarray:
    service, links = (data[key][:, at] for key in ("service", "efficiency"))
    return caches_for(data, service, links, seen["cache"], 1.0)


def static(
    problem: "Dgl", data: Data, seen: dict[str, np.ndarray], at: int, rngs: Streams
) -> np.ndarray:
    if at:
        return seen["cache"]
    rows, steps, slots, users = data["service"].shape
    shape = (rows, steps * slots, users)
    service, links = (np.reshape(data[key], shape) for key in ("service", "efficiency"))
    return caches_for(data, service, links, seen["cache"], float(steps))


PICK: Mapping[str, Rule] = {
    "nothing": nothing,
    "all": everything,
    "random-once": random_once,
    "random": at_random,
    "popular": popular,
    "counts": counted(0),
    "last": counted(1),
    "last3": counted(3),
    "bayes-last": bayes(memory=False),
    "bayes": bayes(memory=True),
    "oracle": oracle,
    "known": known_requests,
    "static": static,
}
