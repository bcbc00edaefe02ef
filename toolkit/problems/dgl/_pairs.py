"""The programme over pairs of caches once more, from bounds of slots.

With even servers the QoE of a slot depends only on what is cached anywhere: a bound for every union
of two caches. Pairs that a path worth more than a given number could pass are then looked at
closely; a path through others is not worth more. So with the optimum as that number the bound is
the optimum, and with any other number it is a bound.

A user who by offloading loses no less than at home, even if alone, is left out (`Known.idle`): with
it at home any choice is as good. All others have to lose the same when they compute.
"""

import numpy as np

from .known import Known


def pairs_bound(known: Known, above: float) -> float:
    """The reward that no decision exceeds; ValueError where the argument does not apply."""
    _applies(known)
    caches = _Caches(known)
    even = _even(known, caches.masks)
    charge = caches.charges[0][:, None] + caches.charges[1]
    most = even[:, caches.masks[:, None] | caches.masks] - charge
    forward, backward = caches.paths(most)
    critical = forward + most + backward > above - known.base
    for t in range(len(most)):
        first, second = np.nonzero(np.triu(critical[t] | critical[t].T))
        values = _closely(known, t, caches.masks[first], caches.masks[second])
        most[t][first, second] = values - charge[first, second]
        most[t][second, first] = values - charge[second, first]
    forward, backward = caches.paths(most)
    through = forward + most + backward
    best = float(through[-1].max())
    through[:, 0, 0] = -np.inf
    return known.ceiling(best, float(through.max()))


def _applies(known: Known) -> None:
    """Two servers and cells, where offloading is worth the same to all."""
    if len(known.rooms) != 2 or len(known.data["size"]) > 16 or not known.vain:
        raise ValueError("Pairs are of two servers, and no use of the cloud.")
    if not known.alike:
        raise ValueError("Pairs are for users who lose the same when they compute.")


class _Caches:
    """Subsets of services that fit, and the best paths through pairs of them."""

    def __init__(self, known: Known) -> None:
        size = np.asarray(known.data["size"])
        every = np.arange(1 << len(size))
        bits = (every[:, None] >> np.arange(len(size))) & 1
        self.masks = every[bits @ size <= known.rooms.max()]
        self.charges = known.charges(bits[self.masks])
        self._where = np.full(len(every), -1)
        self._where[self.masks] = np.arange(len(self.masks))
        self._price = np.asarray(known.data["load_price"])
        self._first = (bits[self.masks] * self._price).sum(1)

    def paths(self, most: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(steps, subsets, subsets) each: the best that a path collects before it is at a pair,
        what it pays to get there included; and after it."""
        forward, backward = np.empty_like(most), np.zeros_like(most)
        forward[0] = -self._first[:, None] - self._first
        for t in range(1, len(most)):
            forward[t] = self._moved(forward[t - 1] + most[t - 1], back=False)
        for t in range(len(most) - 2, -1, -1):
            backward[t] = self._moved(most[t + 1] + backward[t + 1], back=True)
        return forward, backward

    def _moved(self, value: np.ndarray, back: bool) -> np.ndarray:
        """The best over the pairs that one comes from, or goes to: drop first, then load."""
        for loading in (back, not back):
            for k in range(len(self._price)):
                has = np.flatnonzero(self.masks >> k & 1)
                without = self._where[self.masks[has] ^ (1 << k)]
                source, goal = (without, has) if loading != back else (has, without)
                pay = self._price[k] if loading else 0.0
                value = value.copy()
                value[goal] = np.maximum(value[goal], value[source] - pay)
                value[:, goal] = np.maximum(value[:, goal], value[:, source] - pay)
        return value


def _even(known: Known, masks: np.ndarray) -> np.ndarray:
    """Reward (steps, all unions) of each step's slots if servers were even, base left out."""
    unions = np.unique(masks[:, None] | masks)
    out = np.full((len(known.root), 1 << len(known.data["size"])), -np.inf)
    for t, (root, service) in enumerate(zip(known.root, known.asked, strict=True)):
        total = np.zeros(len(unions))
        for s in range(len(root)):
            total += _even_slot(known, root[s], service[s], unions, t, s)
        out[t, unions] = known.unit * total
    return out


def _even_slot(
    known: Known, root: np.ndarray, service: np.ndarray, unions: np.ndarray, t: int, s: int
) -> np.ndarray:
    """QoE that offloading adds in one slot for each union, at most."""
    worth, level = known.numbers(t, s)
    squares = []
    for g in range(2):
        mine = np.flatnonzero(known.cell == g)
        mine = mine[np.argsort(root[mine])]
        on = (unions[:, None] >> service[mine]) & 1 > 0
        # the t smallest roots of those who are served: their sums, then nothing but infinity
        number = on.cumsum(1)
        sums = np.full((len(unions), len(mine) + 1), np.inf)
        sums[:, 0] = 0.0
        rows, columns = np.nonzero(on)
        sums[rows, number[rows, columns]] = np.cumsum(root[mine] * on, axis=1)[rows, columns]
        squares.append(sums**2)
    best = np.zeros(len(unions))
    second = np.arange(squares[1].shape[1])
    for first in range(squares[0].shape[1]):
        total = first + second
        servers = (total // 2) ** 2 + (total - total // 2) ** 2
        gain = worth * total - level * servers - squares[1]
        best = np.maximum(best, gain.max(1) - squares[0][:, first])
    return best


def _closely(known: Known, t: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Reward of a step's slots for pairs of caches (pairs,): exact but for rounding."""
    from . import _pairs_kernels

    slots = range(known.root.shape[1])
    numbers = np.array([known.numbers(t, s) for s in slots])
    cells = [np.flatnonzero(known.cell == g) for g in range(2)]
    most = [[_most(np.sort(known.root[t, s, c]), numbers[s, 0]) for c in cells] for s in slots]
    total = np.zeros(len(first))
    slot = (known.root[t], known.cell, known.asked[t], numbers[:, 0].copy(), numbers[:, 1].copy())
    _pairs_kernels.closely(*slot, np.array(most), first, second, total)
    return known.unit * total


def _most(root: np.ndarray, worth: float) -> int:
    """Offloaders of a cell (roots in order) beyond which giving up the largest root gains."""
    before = np.cumsum(root) - root
    beyond = root * (2 * before + root) > worth * (1 + 1e-12)
    return int(np.argmax(beyond)) if beyond.any() else len(root)
