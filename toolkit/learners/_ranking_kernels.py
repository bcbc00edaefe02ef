"""Sequences of picks: what is largest of what fits, again and again, until the stop comes."""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled


@compiled
def picked(scores, less, noise, size, limit, start, free, again, cache, order):
    """Fills cache (rows, servers, services) and order (rows, picks) for scores (rows, servers x
    services + 1), of which the last is the stop's.

    less (rows, services) is taken off the scores of a service for each server that has picked it,
    noise (rows, picks, items) is added at each pick; start is what is cached, size (services,),
    limit (servers,). order names what was picked, the stop the last; -1 behind it. free (rows,
    picks, items) says what was free to be picked: what fits, and the stop; again, of the same
    shape, how many servers had picked the service. What of `start` still fits then stays.
    """
    rows, items = scores.shape
    stop, services = items - 1, size.size
    count = np.zeros(services)
    for r in range(rows):
        cache[r], order[r], free[r], again[r] = 0.0, -1, False, 0.0
        count[:] = 0.0
        room, at = limit.copy(), 0
        while True:
            best, top = -np.inf, stop
            for i in range(items):
                value = scores[r, i] + noise[r, at, i]
                if i < stop:
                    m, k = i // services, i % services
                    if cache[r, m, k] > 0.5 or size[k] > room[m]:
                        continue
                    again[r, at, i] = count[k]
                    value -= less[r, k] * count[k]
                free[r, at, i] = True
                if value > best:
                    best, top = value, i
            order[r, at] = top
            if top == stop:
                break
            at += 1
            m, k = top // services, top % services
            cache[r, m, k] = 1.0
            count[k] += 1.0
            room[m] -= size[k]
        for i in np.argsort(-scores[r, :stop]):
            m, k = i // services, i % services
            if start[r, m, k] > 0.5 and cache[r, m, k] < 0.5 and size[k] <= room[m]:
                cache[r, m, k] = 1.0
                room[m] -= size[k]
