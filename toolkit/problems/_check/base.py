"""What the checks of problems share: small cases, points to try, and ways to fail."""

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.instances import Instance
from toolkit.problems._base import TOLERANCE, Evaluation, Problem
from toolkit.problems._knowledge import HasCompletion, HasRepair
from toolkit.problems._proof import Proof
from toolkit.problems._space import Space

Check = Callable[[Problem], None]
MOST = 4096  # choices that a check enumerates


class Broken(Exception):
    """A check failed; the text says in one sentence what was seen."""


def need(holds: bool, otherwise: str) -> None:
    """Fails the check where something does not hold."""
    if not holds:
        raise Broken(otherwise)


def same(ours: Any, theirs: Any, rtol: float, what: str) -> None:
    """Fails unless two arrays, or two mappings of arrays, are equal to `rtol`."""
    if isinstance(theirs, Mapping):
        need(set(ours) == set(theirs), f"{what}: names differ.")
        for name in theirs:
            same(ours[name], theirs[name], rtol, f"{what}, {name}")
        return
    a, b = np.asarray(ours, float), np.asarray(theirs, float)
    need(a.shape == b.shape, f"{what}: shapes are {a.shape} and {b.shape}.")
    close = np.isclose(a, b, rtol=rtol, atol=1e-12 * (rtol > 0), equal_nan=True)
    if not close.all():
        worst = tuple(np.argwhere(~close)[0])
        raise Broken(f"{what} differ: {a[worst]!r} and {b[worst]!r}.")


@contextmanager
def hint(text: str) -> Iterator[None]:
    """Adds to what a check says where it fails what is likely to be the cause."""
    try:
        yield
    except Broken as broken:
        raise Broken(f"{broken} {text}".strip()) from None


def verdict(fn: Callable[..., None], *args: Any) -> str | None:
    """None where the check passes, else why not; any exception counts as a failure."""
    try:
        fn(*args)
    except Broken as broken:
        return str(broken)
    except (Exception, SystemExit) as error:
        line = " ".join(str(error).split())
        return f"{type(error).__name__}: {line}"[:300] + _where(error, args)
    return None


def _where(error: BaseException, args: Any) -> str:
    """The last line that is the examined component's own; where there is none, the last one."""
    parts = [getattr(arg, name, arg) for arg in args for name in ("solver", "learner", "problem")]
    modules = {sys.modules.get(type(part).__module__) for part in parts}
    own = {getattr(module, "__file__", None) for module in modules}
    lines = traceback.extract_tb(error.__traceback__)
    last = next((line for line in reversed(lines) if line.filename in own), lines[-1])
    return f" ({Path(last.filename).name}:{last.lineno})"


@dataclass(frozen=True)
class Case:
    """A small instance with its problem."""

    problem: Problem
    instance: Instance

    @property
    def data(self) -> Data:
        return self.instance.data

    @cached_property
    def space(self) -> Space:
        return self.problem.space(self.data)

    def choices(self, rng: np.random.Generator, most: int) -> Decision:
        """All discrete choices, or `most` random ones where there are more."""
        count = self.space.count
        if count <= most:
            return self.space.choices(0, count)
        return Space(self.space.discrete).sample(rng, (most,))

    def worth(self, decision: Decision) -> np.ndarray:
        """Losses of a batch, +inf where infeasible."""
        return feasible_losses(self.problem, self.problem.evaluate(self.data, decision))

    @cached_property
    def optimum(self) -> float | None:
        """The least loss by enumeration (+inf: infeasible); None where that is too much."""
        known = isinstance(self.problem, HasCompletion)
        if self.space.count > MOST or not (
            known or len(self.space.discrete) == len(self.space.vars)
        ):
            return None
        every = self.space.choices(0, self.space.count)
        if isinstance(self.problem, HasCompletion):
            every = self.problem.complete(self.data, every)
        return float(self.worth(every).min())


@dataclass(frozen=True, kw_only=True)
class Bare(Problem):
    """Another problem's formula, without anything that it knows."""

    title = paper = "a formula and nothing else"
    sense = "min"
    presets = {}  # noqa: RUF012
    fields = {}  # noqa: RUF012

    inner: Any

    def sample(self, rng: Any, batch: tuple[int, ...] = ()) -> Any:
        return self.inner.sample(rng, batch)

    def space(self, data: Any) -> Any:
        return self.inner.space(data)

    def judge(self, data: Any, decision: Any) -> Any:
        return self.inner.judge(data, decision)


def feasible_losses(
    problem: Problem, found: Evaluation, tolerance: float = TOLERANCE
) -> np.ndarray:
    """sign * objective, +inf where a violation exceeds the tolerance."""
    loss = problem.sign * np.asarray(found.objective, float)
    return np.where(np.asarray(found.violation) <= tolerance, loss, np.inf)


def replayed(proof: Proof, nodes: Any, number: int = 0, region: Any = None) -> float:
    """The least bound of the leaves below a node of a tree, each from its prices alone."""
    region = proof.root() if number == 0 else region
    node = nodes[number]
    if "leaf" in node:
        return float(proof.bound(region, node["leaf"]))
    parts = proof.split(region, node["split"])
    pairs = zip(node["children"], parts, strict=True)
    return min(replayed(proof, nodes, child, part) for child, part in pairs)


def cases(problem: Problem, each: int = 1) -> list[Case]:
    """Instances of the problem as given and of all its presets, as small as `tiny` and `small`."""
    cls = type(problem)
    users = min(problem.n_users, cls(**problem.presets["tiny"]).n_users)
    made = [cls(**{**problem.params, "n_users": users})]
    for preset in problem.presets.values():
        try:
            made.append(cls(**{**preset, **cls.small, "n_users": users}))
        except ValueError:  # a preset that cannot be so small
            continue
    return [Case(p, p.instance(i, seed=7)) for p in dict.fromkeys(made) for i in range(each)]


def row(batch: Mapping[str, np.ndarray], index: Any) -> dict[str, np.ndarray]:
    """One decision, or one instance's data, of a batch."""
    return {k: np.asarray(v[index]) for k, v in batch.items()}


def rows(batch: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """All rows of a batch with one leading axis."""
    return [row(batch, i) for i in range(len(next(iter(batch.values()))))]


def spread(space: Space, rng: np.random.Generator, count: int) -> Decision:
    """Samples drawn a random part of the way from the lower bounds: sums come small and large."""
    full, out, part = space.sample(rng, (count,)), {}, rng.uniform(0, 1, count)
    for var in space.vars:
        shrink = part.reshape(-1, *(1,) * len(var.shape))
        value = var.lower + (full[var.name] - var.lower) * shrink
        out[var.name] = full[var.name] if var.discrete else value
    return out


def shaken(space: Space, decision: Decision, rng: np.random.Generator) -> Decision:
    """The decisions with every continuous number changed by up to a factor of about two."""
    out, some = dict(decision), len(next(iter(decision.values())))
    for var in space.vars:
        if not var.discrete:
            size = 10.0 ** rng.uniform(-4, -0.5, (some, *(1,) * len(var.shape)))
            moved = decision[var.name] * np.exp(size * rng.standard_normal((some, *var.shape)))
            out[var.name] = np.clip(moved, var.lower, var.upper)
    return out


def points(case: Case, rng: np.random.Generator, count: int) -> Decision:
    """At least `count` decisions of all kinds: raw, repaired, completed and shaken ones, mixed."""
    problem, space = case.problem, case.space
    kinds = [space.sample(rng, (count,)), spread(space, rng, count)]
    if isinstance(problem, HasRepair):
        kinds += [dict(problem.repair(case.data, kind)) for kind in kinds]
    if isinstance(problem, HasCompletion):
        choices = Space(space.discrete).sample(rng, (count,))
        completed = problem.complete(case.data, choices)
        kinds += [completed, shaken(space, completed, rng)]
    order = rng.permutation(count * len(kinds))
    return {v.name: np.concatenate([k[v.name] for k in kinds])[order] for v in space.vars}
