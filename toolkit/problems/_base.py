"""What a problem is: data with units, a decision space, and one evaluation."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from toolkit.arrays import Array, Data, Decision, array_namespace
from toolkit.component import Component
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for

from ._blocks import blocks, joined
from ._space import Space

SMALLEST, LARGEST = 1e-30, 1e30  # of an instance's numbers: beyond, products over- or underflow
TOLERANCE = 1e-6  # a decision is feasible when no relative violation exceeds this


@dataclass(frozen=True)
class Field:
    """One array of an instance: its trailing axes by name, its unit, and the least legal value."""

    text: str
    unit: str = "1"
    dims: tuple[str, ...] = ()
    low: float = 0.0
    strict: bool = True  # the value must exceed `low`
    hidden: bool = False  # no policy may see it, and `judge` does not read it: for oracles alone
    context: bool = False  # no price or limit depends on it: policies may see it, terms count by it


@dataclass(frozen=True)
class Evaluation:
    """What a decision is worth. Every array has the batch shape; violations are >= 0."""

    objective: Array
    violations: Mapping[str, Array]
    terms: Mapping[str, Array] = field(default_factory=dict)

    @cached_property
    def violation(self) -> Array:
        """The worst violation."""
        worst, *rest = self.violations.values()
        xp = array_namespace(worst)
        for other in rest:
            worst = xp.maximum(worst, other)
        return worst

    def feasible(self, tol: float = TOLERANCE) -> Array:
        return self.violation <= tol


@dataclass(frozen=True, kw_only=True)
class Problem(Component, ABC):
    """A problem from a paper. Its fields steer the generator; `data` holds all `judge` reads."""

    title: ClassVar[str]
    paper: ClassVar[str]
    sense: ClassVar[Literal["min", "max"]]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]  # must have "tiny" and "paper"
    fields: ClassVar[Mapping[str, Field]]  # the arrays of `data`
    version: ClassVar[int] = 0  # raise it when a number that `evaluate` returns changes
    small: ClassVar[Mapping[str, Any]] = {}  # fields of the conformance suite's cases, with n_users
    measure: ClassVar[str] = ""  # what the objective is, and its unit, for tables to say
    shown: ClassVar[Mapping[str, str]] = {}  # terms that tables show, each with its unit
    # variables that `evaluate` judges at once; 0: all, where `judge` prepares much for a batch
    at_once: ClassVar[int] = 65_536

    n_users: int

    def __post_init__(self) -> None:
        if self.n_users < 1:
            raise ValueError(f"n_users is {self.n_users}; it must be at least 1.")
        if self.n_users > 10_000_000:
            raise ValueError(f"n_users is {self.n_users}; at most 10,000,000 fit in memory.")

    @property
    def sign(self) -> int:
        """+1 to minimise, -1 to maximise: sign * objective is always a loss."""
        return 1 if self.sense == "min" else -1

    @property
    def identity(self) -> dict[str, Any]:
        """`params` as they decide what is drawn: a folder of traces counts by what it holds."""
        found = self.params
        if folder := found.get("traces"):
            from toolkit.instances.mobility import cached_traces

            found["traces"] = cached_traces(folder).digest
        return found

    def about(self, data: Data) -> str:
        """What tables say of an instance beside its users, in a few words."""
        return ""

    @abstractmethod
    def sample(
        self, rng: np.random.Generator, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Draws instance data with leading `batch` axes, in SI units."""

    def episode(
        self, rng: np.random.Generator, frames: int, batch: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Data of consecutive frames, (*batch, frames, …); what moves or fades along them is drawn
        here. By default the frames are independent."""
        return self.sample(rng, (*batch, frames))

    @abstractmethod
    def space(self, data: Data) -> Space:
        """The decisions that the data admit."""

    @abstractmethod
    def judge(self, data: Data, decision: Decision) -> Evaluation:
        """Objective, violations and terms: the formula, once, on trailing axes only."""

    def evaluate(self, data: Data, decision: Decision) -> Evaluation:
        """`judge`, with shapes checked and the domain's own violations added.

        Discrete blocks are judged as the integers that they are near; how far they are from these
        is a violation. Else a bit of -1e-9, feasible within the tolerance, could buy anything.
        """
        space = self.space(data)
        for var in space.vars:
            if var.name not in decision:
                raise UserError(f"{self.name}: the decision lacks {var.name!r}.")
            got = tuple(decision[var.name].shape)
            if got[len(got) - len(var.shape) :] != var.shape:
                raise UserError(
                    f"{self.name}: {var.name!r} has shape {got}, expected (..., *{var.shape})."
                )
        parts = []
        for some, rows in blocks(self, space, data, decision):
            box = space if rows is decision else self.space(some)
            judged = self.judge(some, box.rounded(rows))
            violations = {**judged.violations, **box.violations(rows)}
            parts.append(Evaluation(judged.objective, violations, judged.terms))
        return joined(parts)

    def instance(self, index: int = 0, seed: int = 0, dice: "Problem | None" = None) -> Instance:
        """Instance number `index` of the study with this `seed`.

        `dice` lends its random numbers: problems that differ in a field then share the rest.
        """
        drawn = (dice or self).identity
        rng = rng_for(self.name, self.version, sorted(drawn.items()), seed, index)
        along = f"-traces{self.identity['traces'][:6]}" if self.params.get("traces") else ""
        name = f"{self.name}-n{self.n_users}{along}-s{seed}-{index:03d}"
        return Instance(self.name, self.version, self.sample(rng), self.params, name)

    def admit(self, instance: Instance) -> Instance:
        """The instance itself, once its names, shapes and values are those of this problem."""
        where = instance.name or "the instance"
        if instance.problem != self.name:
            raise UserError(
                f"{where} is of problem {instance.problem!r}, not {self.name!r}; "
                f"use --problem {instance.problem}."
            )
        if instance.version != self.version:
            raise UserError(
                f"{where} is of version {instance.version!r} of {self.name!r}, this toolkit has "
                f"version {self.version}; export it again."
            )
        sizes: dict[str, int] = {}
        for key, spec in self.fields.items():
            if key not in instance.data:
                raise UserError(f"{where}: data lacks {key!r} ({spec.text}, {spec.unit}).")
            _admit_array(where, key, instance.data[key], spec, sizes)
        for key in instance.data:
            if key not in self.fields:
                raise UserError(f"{where}: data has {key!r}, which {self.name!r} does not know.")
        return instance

    def sizes(self, data: Data) -> dict[str, int]:
        """How many users, servers … the data of one instance have, by the names of the axes."""
        return {
            dim: int(size)
            for key, spec in self.fields.items()
            for dim, size in zip(spec.dims, np.shape(data[key]), strict=True)
        }

    def users(self, data: Data) -> int:
        """The number of users that the data has: the size of the axis called "users"."""
        for key, spec in self.fields.items():
            if "users" in spec.dims:
                return int(data[key].shape[spec.dims.index("users") - len(spec.dims)])
        return self.n_users


def _admit_array(
    where: str, key: str, value: np.ndarray, spec: Field, sizes: dict[str, int]
) -> None:
    """Refuses an array of a wrong shape, not finite, or below its least legal value."""
    shape = ", ".join(spec.dims)
    if value.ndim != len(spec.dims) or 0 in value.shape:
        raise UserError(f"{where}: data[{key!r}] has shape {value.shape}, expected ({shape}).")
    for dim, size in zip(spec.dims, value.shape, strict=True):
        if sizes.setdefault(dim, size) != size:
            raise UserError(
                f"{where}: data[{key!r}] has {size} {dim}, other arrays have {sizes[dim]}."
            )
    if not np.all(np.isfinite(value)):
        raise UserError(f"{where}: data[{key!r}] has a value that is not a finite number.")
    if np.any((np.abs(value) > LARGEST) | ((value != 0) & (np.abs(value) < SMALLEST))):
        raise UserError(
            f"{where}: data[{key!r}] has a value beyond {SMALLEST:g} to {LARGEST:g}; "
            f"give it in {spec.unit}."
        )
    if np.any(value <= spec.low if spec.strict else value < spec.low):
        than = f"{'above' if spec.strict else 'at least'} {spec.low:g}"
        raise UserError(f"{where}: data[{key!r}] has {value.min():g}; it must be {than}.")
