"""Episodes step by step, at both timescales, for a batch of instances at once."""

from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems import Space, Var

from . import inner as inners
from .slots import SLOT, Inner, flat, shared

if TYPE_CHECKING:
    from .problem import Dgl

PER_STEP = ("service", "efficiency", "bits", "cycles")


class _Episode:
    """What both timescales share: the data, what is decided, what has been asked for."""

    def __init__(
        self, problem: "Dgl", data: Data, inner: Inner | None, rng: np.random.Generator
    ) -> None:
        self._data, self._inner, self._rng = data, inner or inners.best, rng
        self._batch = np.shape(data["qoe_weight"])
        self._whole = problem.space(data)
        self._done = {v.name: np.zeros((*self._batch, *v.shape)) for v in self._whole.vars}
        self._slots = shared(data)
        self._steps, self._each, self._users = np.shape(data["service"])[-3:]
        self._counts = problem.requests(data)  # (*batch, steps, services)
        self.at = 0

    def decision(self) -> Decision:
        """The whole decision, of the steps that are decided; 0 in the others."""
        return {name: block.copy() for name, block in self._done.items()}

    def _cache(self, step: int) -> np.ndarray:
        """(*batch, servers, services): the caches of a step; empty before the first."""
        cache = self._done["cache"]
        return cache[..., step, :, :] if step >= 0 else np.zeros_like(cache[..., 0, :, :])

    def _known(self, step: int) -> dict[str, np.ndarray]:
        """What is known before a step of the large timescale."""
        counts = self._counts * (np.arange(self._steps) < step)[:, None]
        return {
            "step": np.full(self._batch, step),
            "counts": counts,
            "cache": self._cache(step - 1).copy(),
        }

    def _part(self, step: int, slot: slice) -> dict[str, np.ndarray]:
        """Data of an episode that has some slots of a step only."""
        part = dict(self._data)
        for key in ("service", "efficiency"):
            part[key] = self._data[key][..., step : step + 1, slot, :]
        return part

    def _decided(self, step: int, slot: slice) -> dict[str, np.ndarray]:
        """What is decided of these slots."""
        names = ("target", "bandwidth", "cpu")
        found = {name: self._done[name][..., step : step + 1, slot, :] for name in names}
        return {"cache": self._done["cache"][..., step : step + 1, :, :], **found}

    def _worth(self, step: int, slot: slice) -> dict[str, np.ndarray]:
        """Terms of the objective, (*batch,): QoE is the mean over these slots."""
        from .problem import by_step

        before = self._cache(step - 1)[..., None, :, :]
        found = by_step(self._part(step, slot), self._decided(step, slot), before)
        return {key: np.asarray(value)[..., 0] for key, value in found.terms.items()}

    def _set_cache(self, step: int, cache: np.ndarray) -> None:
        shape = self._done["cache"].shape
        self._done["cache"][..., step, :, :] = np.broadcast_to(cache, (*shape[:-3], *shape[-2:]))


class Steps(_Episode):
    """One step a large step: the caches are decided, the inner solver does the slots."""

    def __init__(
        self, problem: "Dgl", data: Data, inner: Inner | None, rng: np.random.Generator
    ) -> None:
        super().__init__(problem, data, inner, rng)
        self.steps = self._steps
        self.space = Space((Var("cache", self._whole["cache"].shape[1:], "binary"),))

    def observe(self) -> dict[str, np.ndarray]:
        """step (*batch,); counts (*batch, steps, services) of requests, 0 from this step on; cache
        (*batch, servers, services) as it is."""
        return self._known(self.at)

    def consistent(self, raw: Decision) -> Decision:
        """Caches that fit: what is above a half, the largest first, while there is room."""
        return {"cache": fitting(self._data, raw["cache"])}

    def step(self, action: Decision) -> np.ndarray:
        """Loads the caches, lets the inner solver decide the slots; the reward, (*batch,)."""
        step = self.at
        self._set_cache(step, action["cache"])
        slots = dict(self._slots)
        for key in PER_STEP:
            slots[key] = slots[key][..., step : step + 1, :, :]
        slots["cached"] = self._done["cache"][..., step : step + 1, None, :, :]
        rows, lead = flat(slots)
        found = self._inner(rows, self._rng)
        for name in ("target", "bandwidth", "cpu"):
            block = np.reshape(found[name], (*lead, self._users))
            self._done[name][..., step, :, :] = block[..., 0, :, :]
        self.at = step + 1
        worth = self._worth(step, slice(None))
        return np.asarray(worth["qoe"] - worth["loading"] - worth["overflow"])


class Slots(_Episode):
    """One step a slot: targets and shares; and caches, which count when a large step begins."""

    def __init__(
        self, problem: "Dgl", data: Data, inner: Inner | None, rng: np.random.Generator
    ) -> None:
        super().__init__(problem, data, inner, rng)
        self.steps = self._steps * self._each
        first = self._whole["cache"]
        small = (Var(v.name, v.shape[2:], v.kind, v.lower, v.upper) for v in self._whole.vars[1:])
        self.space = Space((Var("cache", first.shape[1:], "binary"), *small))

    def observe(self) -> dict[str, np.ndarray]:
        """As `Steps`, and of this slot: slot (*batch,) within its step, 0 when a step begins;
        service and efficiency (*batch, users)."""
        step, slot = divmod(min(self.at, self.steps - 1), self._each)
        seen = {k: np.array(self._data[k][..., step, slot, :]) for k in ("service", "efficiency")}
        known = self._known(step)
        if slot:
            known["cache"] = self._cache(step).copy()
        return {**known, "slot": np.full(self._batch, slot), **seen}

    def consistent(self, raw: Decision) -> Decision:
        """Caches as in `Steps`; targets as they are; shares that fill cells and servers."""
        step, slot = divmod(self.at, self._each)
        cache = self._cache(step) if slot else fitting(self._data, raw["cache"])
        parts = {key: value[..., step, slot, :] for key, value in self._per_step().items()}
        scalars = {k: v[..., 0, 0] for k, v in self._slots.items() if k not in (*PER_STEP, "cell")}
        cell = self._slots["cell"][..., 0, 0, :]
        slots = {**scalars, **parts, "cell": cell, "cached": cache}
        small = {name: raw[name] for name in ("target", "bandwidth", "cpu")}
        return {"cache": cache, **SLOT.repair(slots, small)}

    def step(self, action: Decision) -> np.ndarray:
        """Decides a slot; caches are taken when a large step begins, which pays for them."""
        step, slot = divmod(self.at, self._each)
        if slot == 0:
            self._set_cache(step, action["cache"])
        for name in ("target", "bandwidth", "cpu"):
            self._done[name][..., step, slot, :] = action[name]
        self.at += 1
        worth = self._worth(step, slice(slot, slot + 1))
        charged = (worth["loading"] + worth["overflow"]) * (slot == 0)
        return np.asarray(worth["qoe"] / self._each - charged)

    def _per_step(self) -> dict[str, np.ndarray]:
        return {key: np.asarray(self._slots[key]) for key in PER_STEP}


def fitting(data: Data, wish: np.ndarray) -> np.ndarray:
    """Caches (*batch, servers, services) of what is wished for by more than a half, the most
    wished for first, while it fits the limits."""
    wish = np.asarray(wish, float)
    order = np.argsort(-wish, axis=-1, kind="stable")
    size = np.broadcast_to(data["size"][..., None, :], wish.shape)
    room = np.array(np.broadcast_to(data["limit"], wish.shape[:-1]))
    out = np.zeros_like(wish)
    for at in np.moveaxis(order, -1, 0)[..., None]:
        need = np.take_along_axis(size, at, -1)[..., 0]
        taken = (np.take_along_axis(wish, at, -1)[..., 0] > 0.5) & (need <= room)
        room = room - need * taken
        np.put_along_axis(out, at, taken[..., None] * 1.0, -1)
    return out
