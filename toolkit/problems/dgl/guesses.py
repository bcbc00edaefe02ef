"""Good decisions where the optimum is out of reach: those of rules, the best polished."""

from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Decision
from toolkit.instances import rng_for
from toolkit.problems import TOLERANCE

from .clairvoyant import Clairvoyant, decided

if TYPE_CHECKING:
    from .problem import Dgl

LOOKS = ((1, 2.0), (2, 2.0), (3, 3.0))  # steps looked at, and the horizon of loading
BEST, ROUNDS = 2, 4  # decisions that are polished, and how often
MANY = 200  # users beyond which only these rules are asked, and nothing is polished
QUICK, ONE = ("bayes", "nothing", "all", "popular"), ("known",)


def guesses(problem: "Dgl", whole: Clairvoyant, more: tuple[Decision, ...] = ()) -> Decision:
    """Rows of caches and targets: those of rules, of an operator who knows some of the future, and
    the best of them polished: so the best is not worse than any rule. Where a programme has found
    `more`, one rule alone is asked: all of them take longer than the programme."""
    data = {key: np.asarray(value)[None] for key, value in whole.data.items()}
    found, many = list(more), np.shape(whole.data["cell"])[-1] > MANY
    for rule in QUICK if many else ONE if more else problem.rules:
        one = problem.follow(data, rule, rng_for("dgl", "guess", rule))
        found.append({key: one[key][0] for key in ("cache", "target")})
    if many:
        return rows(found)
    if not more:
        found += [decided(whole.data, _ahead(data, *look)) for look in LOOKS]
    worth = problem.evaluate(whole.data, problem.complete(whole.data, rows(found))).objective
    for at in np.argsort(-np.asarray(worth), kind="stable")[:BEST]:
        found.append(decided(whole.data, polished(whole, found[at]["cache"])))
    return rows(found)


def rows(decisions: list[Decision]) -> Decision:
    return {key: np.stack([one[key] for one in decisions]) for key in decisions[0]}


def _ahead(data: dict[str, np.ndarray], seen: int, horizon: float) -> np.ndarray:
    """Caches (steps, servers, services) decoded from the requests of the coming steps."""
    from .decode import caches_for

    cache = np.zeros((1, data["limit"].shape[-1], data["size"].shape[-1]))
    path = []
    for t in range(data["service"].shape[1]):
        known = [data[key][:, t : t + seen] for key in ("service", "efficiency")]
        service, links = (np.reshape(x, (1, -1, x.shape[-1])) for x in known)
        cache = caches_for(data, service, links, cache, horizon)
        path.append(cache[0])
    return np.array(path)


def polished(whole: Clairvoyant, cache: np.ndarray) -> np.ndarray:
    """Caches (steps, servers, services) at least as good but for targets, by single services."""
    from . import _bits_kernels

    known, data, cache = whole.known, whole.data, np.array(cache, float)
    worth = np.ascontiguousarray(known.local - known.served[..., None])
    slots = (known.service, known.root, worth, known.level**2, known.cell, whole.unit)
    prices = (np.asarray(data["load_price"], float), float(data["overflow_price"]))
    rooms = [np.asarray(data[key], float) for key in ("size", "capacity", "limit")]
    rooms[2] = rooms[2] * (1 + TOLERANCE)
    for _ in range(ROUNDS):
        if not _bits_kernels.polished(*slots, prices, tuple(rooms), cache):
            break
    return cache
