"""The whole episode as a mixed-integer linear program: which way every task goes.

A (task, way) pair comes to its processor, a device or a server, at a time that is known. So pairs
stand in order there, and the work in front of pair k when it comes is the backlog

    V_k = max(0, V_(k-1) + p_(k-1) x_(k-1) - (a_k - a_(k-1))).

First come, first served, that is how long it waits. Where a server takes its own region's tasks
first, V is the same, for no order of service changes it, but an own pair o passes a foreign one f
that came before and has not begun: n_fo = 1. Then f waits p_o longer and o p_f less. f has not
begun when o comes if V_f and the own pairs that passed f before o last until then, which decides
n_fo. There V must not be taken for more than it is: a binary says where it is 0.

Costs that are minimised make the waits exact. A tie, f about to begin at the very moment at which o
comes, is left to the model, though `judge` lets o pass: with ties its optimum is a bound alone.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError, unknown
from toolkit.instances import Instance
from toolkit.problems._knowledge import AlgebraicModel

from .model_pairs import Chosen, Episode, Processor, backlogs

FORMULATIONS: Mapping[str, str] = {
    "backlog": "the work in front of every task, wherever it may go",
    "lindley": "when it would be done; servers that take own tasks first as in backlog",
}
MOST_PASSES = 50_000
SMALL = 24  # tasks to which generic solvers close the gap within a minute


class Modelled:
    """Half of the problem: its algebraic models."""

    formulations: ClassVar[Mapping[str, str]] = FORMULATIONS
    linear: ClassVar[tuple[str, ...]] = tuple(FORMULATIONS)

    def too_large(self, instance: Instance) -> str | None:
        tasks = int(instance.data["has"].sum())
        if tasks <= SMALL:
            return None
        return (
            f"its linear program is a cross-check to about {SMALL} tasks, this episode has "
            f"{tasks:,}: name the solver to run it all the same"
        )

    def pyomo(self, instance: Instance, formulation: str = "backlog") -> AlgebraicModel:
        return pyomo(instance.data, formulation)


def pyomo(data: Data, formulation: str) -> AlgebraicModel:
    """The model called `formulation`, one of `FORMULATIONS`."""
    if formulation not in FORMULATIONS:
        raise unknown("formulation of problem 'a3c'", formulation, FORMULATIONS)
    episode = Episode(data)
    passes = sum(len(p.passes) for p in episode.processors)
    if passes > MOST_PASSES:
        raise UserError(
            f"The model would have {passes:,} pairs of tasks that may pass each other, more than "
            f"{MOST_PASSES:,}; take a shorter episode, or discipline=fcfs."
        )
    import pyomo.environ as pyo

    m = _choice(pyo, episode)
    for j, processor in enumerate(episode.processors):
        backlog = processor.own_first or formulation == "backlog"
        (_backlog if backlog else _lindley)(pyo, m, m.processor[j], processor)
    fixed = sum(cost * m.choose[key] for key, cost in episode.fixed.items())
    m.cost = pyo.Objective(expr=fixed + episode.weight_delay * sum(m.wait[k] for k in m.wait))
    return AlgebraicModel(m, lambda d: _put(m, episode, d), lambda: _read(m, episode))


def _choice(pyo: Any, episode: Episode) -> Any:
    """A model with the ways of all tasks, and the limits of forwarding."""
    m = pyo.ConcreteModel("a3c")
    m.task = pyo.Set(initialize=episode.tasks)
    m.pair = pyo.Set(initialize=list(episode.fixed), dimen=2)
    m.choose = pyo.Var(m.pair, domain=pyo.Binary)
    m.wait = pyo.Var(m.pair, bounds=(0, None))
    m.one = pyo.Constraint(
        m.task, rule=lambda m, c: sum(m.choose[c, way] for way in episode.ways(c)) == 1
    )
    groups = episode.groups()
    m.group = pyo.Set(initialize=list(groups), dimen=2)
    m.to = pyo.Var(m.group, list(episode.servers), domain=pyo.Binary)
    m.somewhere = pyo.Constraint(
        m.group, rule=lambda m, *at: sum(m.to[*at, s] for s in episode.servers) == 1
    )
    m.together = pyo.ConstraintList()
    for at, tasks in groups.items():
        for c in tasks:
            for s in episode.servers:
                m.together.add(m.choose[c, s] <= m.to[*at, s])
    m.processor = pyo.Block(range(len(episode.processors)))
    return m


def _backlog(pyo: Any, m: Any, b: Any, processor: Processor) -> None:
    """The work in front of each pair, and who passes whom."""
    pairs, most = processor.pairs, processor.most
    chosen = [m.choose[p.task, p.way] for p in pairs]
    b.front = pyo.Var(range(len(pairs)), bounds=lambda b, k: (0, most[k]))
    b.limits = pyo.ConstraintList()
    # how front grows from pair k - 1 to k, before the time between is taken off
    grown = [b.front[k] + p.work * chosen[k] for k, p in enumerate(pairs)]
    for k in range(1, len(pairs)):
        b.limits.add(b.front[k] >= grown[k - 1] - processor.gap(k))
    if processor.passes:
        b.empty = pyo.Var(range(1, len(pairs)), domain=pyo.Binary)
        for k in range(1, len(pairs)):
            gap = processor.gap(k)
            b.limits.add(b.front[k] <= grown[k - 1] - gap + gap * b.empty[k])
            b.limits.add(b.front[k] <= most[k] * (1 - b.empty[k]))
    b.passes = pyo.Var([(f, o) for f, o, _ in processor.passes], domain=pyo.Binary)
    wait, longest = [b.front[k] for k in range(len(pairs))], list(most)
    for f, o, top in processor.passes:
        gap, n = pairs[o].arrive - pairs[f].arrive, b.passes[f, o]
        both = chosen[f] + chosen[o]
        b.limits.add(wait[f] >= gap * n)
        b.limits.add(wait[f] <= gap + (top - gap) * (n + 2 - both))
        b.limits.add(n <= chosen[f])
        b.limits.add(n <= chosen[o])
        wait[f] = wait[f] + pairs[o].work * n
        longest[f] = top + pairs[o].work
        wait[o] = wait[o] - pairs[f].work * n
    _waits(m, b, processor, wait, longest)


def _lindley(pyo: Any, m: Any, b: Any, processor: Processor) -> None:
    """When the processor is done with all up to each pair."""
    pairs, most = processor.pairs, processor.most
    chosen = [m.choose[p.task, p.way] for p in pairs]
    latest = [p.arrive + most[k] + p.work for k, p in enumerate(pairs)]
    b.done = pyo.Var(range(len(pairs)), bounds=lambda b, k: (0, latest[k]))
    b.limits = pyo.ConstraintList()
    for k, p in enumerate(pairs):
        b.limits.add(b.done[k] >= (p.arrive + p.work) * chosen[k])
        if k > 0:
            b.limits.add(b.done[k] >= b.done[k - 1] + p.work * chosen[k])
    wait = [b.done[k] - p.arrive - p.work for k, p in enumerate(pairs)]
    _waits(m, b, processor, wait, list(most))


def _waits(m: Any, b: Any, processor: Processor, wait: list[Any], longest: list[float]) -> None:
    """Whoever is chosen waits as long as that, at most `longest`."""
    for k, p in enumerate(processor.pairs):
        if longest[k] > 0:
            idle = longest[k] * (1 - m.choose[p.task, p.way])
            b.limits.add(m.wait[p.task, p.way] >= wait[k] - idle)


def _put(m: Any, episode: Episode, decision: Decision) -> None:
    target = np.ravel(decision["target"]).round()
    chosen = {(c, way): float(target[c] == way) for c, way in episode.fixed}
    for key, value in chosen.items():
        _set(m.choose[key], value)
        _set(m.wait[key], 0.0)
    for at, tasks in episode.groups().items():
        there = [int(target[c]) for c in tasks if target[c] in episode.servers]
        for s in episode.servers:
            _set(m.to[*at, s], s == (there or [at[1]])[0])
    for j, processor in enumerate(episode.processors):
        if hasattr(m.processor[j], "done"):
            _put_done(m, m.processor[j], processor, chosen)
        else:
            _put_backlog(m, m.processor[j], processor, chosen)


def _put_backlog(m: Any, b: Any, processor: Processor, chosen: Chosen) -> None:
    pairs, front = processor.pairs, backlogs(processor.pairs, chosen)
    there = [chosen[p.task, p.way] for p in pairs]
    for k, value in enumerate(front):
        _set(b.front[k], value)
        if processor.passes and k > 0:
            _set(b.empty[k], value == 0)
    wait = list(front)
    for f, o, _ in processor.passes:
        passed = there[f] * there[o] * (wait[f] >= pairs[o].arrive - pairs[f].arrive)
        _set(b.passes[f, o], passed)
        wait[f] += pairs[o].work * passed
        wait[o] -= pairs[f].work * passed
    for k, p in enumerate(pairs):
        _set(m.wait[p.task, p.way], there[k] * max(0.0, wait[k]))


def _put_done(m: Any, b: Any, processor: Processor, chosen: Chosen) -> None:
    done = 0.0
    for k, p in enumerate(processor.pairs):
        if chosen[p.task, p.way]:
            begin = max(done, p.arrive)
            done = begin + p.work
            _set(m.wait[p.task, p.way], begin - p.arrive)
        _set(b.done[k], done)


def _set(variable: Any, value: float) -> None:
    variable.set_value(float(value), skip_validation=True)


def _read(m: Any, episode: Episode) -> Decision:
    target = np.zeros(episode.shape)
    for c in episode.tasks:
        target.flat[c] = max(episode.ways(c), key=lambda way: m.choose[c, way].value)
    return {"target": target}
