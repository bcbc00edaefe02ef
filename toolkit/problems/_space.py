"""Decision spaces: named blocks of variables, and the flat view that search methods want."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from toolkit.arrays import Array, Decision, array_namespace, positive


@dataclass(frozen=True, eq=False)
class Var:
    """A block of decision variables; bounds broadcast against (*batch, *shape)."""

    name: str
    shape: tuple[int, ...] = ()
    kind: Literal["real", "integer", "binary"] = "real"
    lower: Array = 0.0
    upper: Array = 1.0

    @property
    def discrete(self) -> bool:
        return self.kind != "real"

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def width(self) -> Array:
        """The unit of violations: from bound to bound; the bound itself where these are equal."""
        width = self.upper - self.lower
        return width + (width == 0) * (abs(self.upper) + (self.upper == 0))

    def inside(self, value: Array) -> np.ndarray | None:
        """Whether each of NumPy's doubles (*batch, *shape) is within the bounds, and whole where it
        must be, if all are; None: some are not, or they are other arrays."""
        if not (isinstance(value, np.ndarray) and value.dtype == float):
            return None
        fits = np.asarray((value >= self.lower) & (value <= self.upper))
        if self.discrete:
            fits &= value == np.rint(value)
        return fits if np.logical_and.reduce(fits, axis=None) else None


@dataclass(frozen=True, eq=False)
class Space:
    """The decision space of one instance, or of a batch of instances."""

    vars: tuple[Var, ...]

    def __getitem__(self, name: str) -> Var:
        return next(var for var in self.vars if var.name == name)

    @property
    def size(self) -> int:
        return sum(var.size for var in self.vars)

    @property
    def discrete(self) -> tuple[Var, ...]:
        return tuple(var for var in self.vars if var.discrete)

    def sample(self, rng: np.random.Generator, batch: tuple[int, ...] = ()) -> Decision:
        """Uniform over the box, bounds included."""
        out = {}
        for var in self.vars:
            shape = (*batch, *var.shape)
            low, high = np.asarray(var.lower, float), np.asarray(var.upper, float)
            if var.discrete:
                out[var.name] = np.floor(rng.uniform(low, high + 1, shape)).clip(low, high)
            else:
                out[var.name] = rng.uniform(low, high, shape)
        return out

    @property
    def count(self) -> int:
        """How many discrete choices there are (exact, arbitrarily large)."""
        return math.prod(int(span) for var in self.discrete for span in _spans(var))

    def choices(self, start: int, stop: int) -> Decision:
        """Discrete choices number start <= i < stop, counted like digits, the last one fastest."""
        index = np.arange(start, stop)
        out = {}
        for var in reversed(self.discrete):
            low, radix = np.broadcast_to(var.lower, var.shape).ravel(), _spans(var)
            digits = np.empty((len(index), var.size))
            for j in reversed(range(var.size)):
                digits[:, j] = low[j] + index % radix[j]
                index = index // radix[j]
            out[var.name] = digits.reshape(-1, *var.shape)
        return out

    def snap(self, decision: Decision, tol: float = 1e-5) -> Decision:
        """Clips bounds and rounds integers where the error is a solver's tolerance, no more."""
        out = {}
        for var in self.vars:
            value = np.asarray(decision[var.name], float)
            if var.inside(value) is not None:
                out[var.name] = value
                continue
            inside = np.clip(value, var.lower, var.upper)
            near = np.round(inside) if var.discrete else inside
            slight = np.abs(near - value) <= tol * np.asarray(var.width)
            out[var.name] = np.where(slight, near, value)
        return out

    def rounded(self, decision: Decision) -> Decision:
        """The decision with its discrete blocks at the nearest integers."""
        out = dict(decision)
        for var in self.discrete:
            value = decision[var.name]
            plain = isinstance(value, np.ndarray) and value.dtype == float
            out[var.name] = np.rint(value) if plain else array_namespace(value).round(value)
        return out

    def violations(self, decision: Decision) -> dict[str, Array]:
        """Worst violation of bounds (over their width) and integrality, one entry a block."""
        out: dict[str, Array] = {}
        for var in self.vars:
            value = decision[var.name]
            if (fits := var.inside(value)) is not None:
                out[f"{var.name}:domain"] = np.zeros(fits.shape[: fits.ndim - len(var.shape)])[()]
                continue
            xp = array_namespace(value)
            off = positive(var.lower - value) + positive(value - var.upper)
            off = off / var.width
            if var.discrete:
                off = off + abs(value - xp.round(value))
            axes = tuple(range(-len(var.shape), 0))
            out[f"{var.name}:domain"] = xp.max(off, axis=axes) if axes else off
        return out

    def flatten(self, decision: Decision) -> Array:
        """(*batch, size), the blocks one after the other."""
        xp = array_namespace(decision[self.vars[0].name])
        parts = []
        for var in self.vars:
            value = decision[var.name]
            lead = tuple(value.shape)[: value.ndim - len(var.shape)]
            parts.append(xp.reshape(value, (*lead, var.size)))
        return xp.concat(parts, axis=-1)

    def unflatten(self, flat: Array) -> Decision:
        """The inverse of `flatten`."""
        xp = array_namespace(flat)
        out, start = {}, 0
        for var in self.vars:
            block = flat[..., start : start + var.size]
            out[var.name] = xp.reshape(block, (*tuple(flat.shape)[:-1], *var.shape))
            start += var.size
        return out

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds of the flat view of one instance, shape (size,)."""
        both = []
        for end in ("lower", "upper"):
            parts = [np.broadcast_to(getattr(v, end), v.shape).ravel() for v in self.vars]
            both.append(np.concatenate(parts).astype(float))
        return both[0], both[1]


def _spans(var: Var) -> np.ndarray:
    """How many values each variable of a discrete block of one instance has, shape (size,)."""
    low, high = (np.broadcast_to(end, var.shape).ravel() for end in (var.lower, var.upper))
    return np.asarray(high - low, np.int64) + 1
