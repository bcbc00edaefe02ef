"""Policies that do not learn, task by task: the ladder in which every learner is shown."""

from collections.abc import Callable, Mapping

import numpy as np

from toolkit.arrays import Data, Decision

from .each_task import EachTask

SINGLE = "-single"
# theta of servers and of devices (1/s^2) at these densities, tuned by benchmarks/a3c_drift.py
DENSITIES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
PRICES: Mapping[bool, tuple[tuple[float, ...], tuple[float, ...]]] = {
    False: (  # double
        (0.0, 0.0, 0.0, 0.0, 0.5, 0.7, 0.7, 1.0),
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.03),
    ),
    True: (
        (0.5, 1.0, 1.0, 1.4, 1.4, 3.0, 3.0, 3.0),
        (0.0, 0.03, 0.03, 0.1, 0.03, 0.3, 0.3, 0.3),
    ),
}
MANY = 1e300  # s of work
# scores (rows, modes) of the modes of a task: the lowest that is allowed is taken
Rule = Callable[[EachTask, np.random.Generator], np.ndarray]

RULES: Mapping[str, str] = {  # the first is the usual one
    "drift": "greedy, and a price for lengthening a queue, tuned for each density",
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


def follow(data: Data, rule: str, rng: np.random.Generator) -> Decision:
    """The decision of a rule for a batch of instances (*batch, …)."""
    score = SCORES[rule.removesuffix(SINGLE)]
    return played(data, lambda play: score(play, rng), rule.endswith(SINGLE))


def played(data: Data, score: Callable[[EachTask], np.ndarray], single: bool) -> Decision:
    """The decision that takes the mode of the lowest score, task by task; `single`: modes 0, 1."""
    play = EachTask(data)
    if single:
        play.top = 1
    while play.at < play.steps:
        mode = np.where(play.allowed(), score(play), np.inf).argmin(-1)
        play.step({"mode": mode})
    return play.decision()


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


def drift(play: EachTask, rng: np.random.Generator) -> np.ndarray:
    prices = PRICES[play.top == 1]
    return priced(play, *(np.interp(play.data["density"], DENSITIES, p) for p in prices))


def at_random(play: EachTask, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(size=(len(play.rows), play.top + 1))


def priced(play: EachTask, server: np.ndarray, device: np.ndarray) -> np.ndarray:
    """Greedy's scores, and theta p (backlog + p / 2) for p seconds of work: by so much half the
    square of the queue grows; theta of servers and of devices (rows,)."""
    line, task = play.line, play.task
    work = play.server_time()
    lengthened = server[:, None] * (work * (_backlog(play) + work / 2))[:, : play.top]
    own, here = play.local_work()[play.rows, play.device], line.of(line.tasks.here, task)
    kept = device * here * (own + here / 2)
    prices = np.concatenate([kept[:, None], lengthened], axis=-1)
    return np.asarray(play.choices.marginal + prices)


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
    "drift": drift,
    "random": at_random,
}
