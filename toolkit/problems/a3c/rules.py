"""Policies that do not learn, task by task: the ladder in which every learner is shown."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import unknown

from .each_task import EachTask, played
from .prices import priced, prices

if TYPE_CHECKING:
    from .problem import A3c

SINGLE = "-single"
MANY = 1e300  # s of work
# scores (rows, modes) of the modes of a task: the lowest that is allowed is taken
Rule = Callable[[EachTask, np.random.Generator], np.ndarray]

RULES: Mapping[str, str] = {  # the first is the usual one
    "drift": "greedy, and a price for lengthening a queue, tuned on other episodes of the law",
    "local": "every task stays on its device (LC)",
    "own": "every task goes to its own region's server",
    "least-loaded": "to the server with the least work, in flight too; single: as own",
    "jsq": "where it is done first, if nobody came after it: join the shortest queue",
    "selfish": "where it costs itself the least, delay and energy",
    "greedy": "where it adds the least to the cost of all",
    "random": "anywhere, each allowed choice as likely",
}
TWICE = tuple(name for name in RULES if name not in ("local", "own", "least-loaded"))
ALL: Mapping[str, str] = {
    **RULES,
    **{name + SINGLE: f"{RULES[name]}; never to another region's server" for name in TWICE},
}


def follow(problem: "A3c", data: Data, rule: str, rng: np.random.Generator) -> Decision:
    """The decision of a rule for a batch of instances (*batch, …)."""
    if rule not in ALL:
        raise unknown(f"rule of {problem.name!r}", rule, problem.rules)
    name, single = rule.removesuffix(SINGLE), rule.endswith(SINGLE)
    score = drift(problem, data, single) if name == "drift" else SCORES[name]
    return played(data, lambda play: score(play, rng), single)


def stay(play: EachTask, rng: np.random.Generator) -> np.ndarray:
    return np.arange(play.top + 1.0)[None]


def own(play: EachTask, rng: np.random.Generator) -> np.ndarray:
    return abs(np.arange(play.top + 1.0) - 1)[None]


def least_loaded(play: EachTask, rng: np.random.Generator) -> np.ndarray:
    load = _backlog(play)
    return np.concatenate([np.full((len(load), 1), MANY), load], axis=-1)


def jsq(play: EachTask, rng: np.random.Generator) -> np.ndarray:
    return play.choices.delay


def selfish(play: EachTask, rng: np.random.Generator) -> np.ndarray:
    return play.line.cost(play.task, play.choices.delay)


def greedy(play: EachTask, rng: np.random.Generator) -> np.ndarray:
    return play.choices.marginal


def drift(problem: "A3c", data: Data, single: bool) -> Rule:
    """The scores at the prices of the problem's law and the data's densities."""
    alone = single or not np.any(data["forwarding"])
    theta = prices(problem, np.ravel(data["density"]), alone)
    return lambda play, rng: priced(play, *theta)


def at_random(play: EachTask, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(size=(len(play.rows), play.top + 1))


def _backlog(play: EachTask) -> np.ndarray:
    """(rows, modes - 1) s of work of the servers, in the order of modes."""
    return np.asarray(play.in_order(play.line.queues.load).sum(-1)[:, : play.top])


SCORES: Mapping[str, Rule] = {
    "local": stay,
    "own": own,
    "least-loaded": least_loaded,
    "jsq": jsq,
    "selfish": selfish,
    "greedy": greedy,
    "random": at_random,
}
