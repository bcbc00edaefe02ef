"""Caches for slots that are expected: by marginal gains, then improved."""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled
from toolkit.problems.dgl_slot._count_kernels import gain_of_caches

from ._greedy_kernels import gain_of_targets

PASSES = 3  # over all changes of one bit and all exchanges on a server
HAIR = 1e-9


@compiled
def decoded(service, root, local, cell, level, size, limit, price, counted, start, out):
    """Fills out (rows, servers, services) with caches for sample slots (rows, samples, users).

    From nothing by marginal gains, and from what is cached; both polished, the better one: so a
    forecast that has hardly changed changes caches only where that pays.

    The value of caches is the mean gain of the samples less price (rows, services) for what is
    not in `start` (rows, servers, services). Whatever else of `start` still fits is kept. `counted`
    says that all users of a slot have the same `local`: then six counters value it.
    """
    rows, samples, users = service.shape
    order = np.empty((samples, users), np.int64)
    for r in range(rows):
        for s in range(samples):
            order[s] = np.argsort(root[r, s])
        slots = (service[r], root[r], local[r], cell, order, level[r])
        _add(slots, size, limit, price[r], counted, start[r], out[r])
        best = _improve(slots, size, limit, price[r], counted, start[r], out[r])
        if np.all(_fits(size, limit, start[r])):
            other = start[r].copy()
            if _improve(slots, size, limit, price[r], counted, start[r], other) > best:
                out[r] = other
        _keep(service[r], size, limit, start[r], out[r])


@compiled
def _value(slots, price, counted, start, cache):
    """Mean gain of the samples less what loading costs."""
    service, root, local, cell, order, level = slots
    total = 0.0
    if counted:
        total = gain_of_caches(service, root, local[:, 0], cell, order, level, cache)
    else:
        total = gain_of_targets(service, root, local, cell, level, cache)
    paid = 0.0
    for m in range(cache.shape[0]):
        for k in range(cache.shape[1]):
            if cache[m, k] > 0.5 and start[m, k] < 0.5:
                paid += price[k]
    return total / service.shape[0] - paid


@compiled
def _add(slots, size, limit, price, counted, start, cache):
    """What gains most for its size, again and again; gains are looked at anew only where an older
    figure, mostly larger, is the largest."""
    servers, services = cache.shape
    cache[:] = 0.0
    room, now, taken = limit.copy(), 0.0, 0
    gain = np.full((servers, services), np.inf)
    seen = np.full((servers, services), -1)
    while True:
        best, bm, bk = 0.0, -1, -1
        for m in range(servers):
            for k in range(services):
                if cache[m, k] < 0.5 and size[k] <= room[m] and gain[m, k] / size[k] > best:
                    best, bm, bk = gain[m, k] / size[k], m, k
        if bm < 0:
            return
        cache[bm, bk] = 1.0
        if seen[bm, bk] == taken:
            now += gain[bm, bk]
            taken += 1
            room[bm] -= size[bk]
            continue
        gain[bm, bk] = _value(slots, price, counted, start, cache) - now
        seen[bm, bk] = taken
        cache[bm, bk] = 0.0


@compiled
def _fits(size, limit, cache):
    """Whether each server has room for its cache."""
    out = np.empty(limit.size, np.bool_)
    for m in range(limit.size):
        out[m] = np.sum(size * cache[m]) <= limit[m]
    return out


@compiled
def _improve(slots, size, limit, price, counted, start, cache):
    """Polishes, pass after pass; the value that is reached."""
    for _ in range(PASSES):
        if not _polish(slots, size, limit, price, counted, start, cache):
            break
    return _value(slots, price, counted, start, cache)


@compiled
def _polish(slots, size, limit, price, counted, start, cache):
    """One pass of changes that help; whether any did."""
    servers, services = cache.shape
    now, better = _value(slots, price, counted, start, cache), False
    for m in range(servers):
        for k in range(services):
            for other in range(k, services):  # other == k: the bit alone, else an exchange
                if other > k and cache[m, k] == cache[m, other]:
                    continue
                _flip(cache, m, k, other)
                if np.sum(size * cache[m]) <= limit[m]:
                    value = _value(slots, price, counted, start, cache)
                    if value > now + HAIR:
                        now, better = value, True
                        continue
                _flip(cache, m, k, other)
    return better


@compiled
def _flip(cache, m, k, other):
    cache[m, k] = 1.0 - cache[m, k]
    if other != k:
        cache[m, other] = 1.0 - cache[m, other]


@compiled
def _keep(service, size, limit, start, cache):
    """Keeps of `start` what still fits, the most asked for first."""
    servers, services = cache.shape
    count = np.zeros(services)
    for k in service.ravel():
        count[k] += 1.0
    for m in range(servers):
        room = limit[m] - np.sum(size * cache[m])
        for k in np.argsort(-count):
            if start[m, k] > 0.5 and cache[m, k] < 0.5 and size[k] <= room:
                cache[m, k] = 1.0
                room -= size[k]
