"""Compiled inference of `_nets.DeepSets`: an instance stays in the cache from input to score."""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled


@compiled
def deep_sets(seen, enter, own, shared, score, direct):
    """Scores (rows, n) of features (rows, n, features).

    `enter` and `score` are (weights, bias), `own` and `shared` tuples of such pairs, one a layer,
    `direct` is weights alone; all as torch has them, (outputs, inputs).
    """
    rows, n = seen.shape[:2]
    out = np.empty((rows, n), np.float32)
    h, more = (np.zeros((n, len(enter[1])), np.float32), np.empty((n, len(enter[1])), np.float32))
    for r in range(rows):
        h[:] = 0.0
        np.dot(seen[r], enter[0].T, more)
        _add_positive(h, more, enter[1])
        for layer in range(len(own)):
            np.dot(h, own[layer][0].T, more)
            pooled = np.dot(shared[layer][0], _pooled(h)) + (own[layer][1] + shared[layer][1])
            _add_positive(h, more, pooled)
        out[r] = np.dot(h, score[0][0]) + np.dot(seen[r], direct[0]) + score[1][0]
    return out


@compiled
def _add_positive(h, more, bias):
    """h + relu(more + bias), in place."""
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            x = more[i, j] + bias[j]
            h[i, j] += x if x > 0.0 else np.float32(0.0)  # unlike max, one vector instruction


@compiled
def _pooled(h):
    """[mean, maximum] over the elements."""
    n, width = h.shape
    out = np.empty(2 * width, np.float32)
    total, most = out[:width], out[width:]
    total[:], most[:] = h[0], h[0]
    for i in range(1, n):
        for j in range(width):
            total[j] += h[i, j]
            most[j] = h[i, j] if h[i, j] > most[j] else most[j]
    total /= np.float32(n)
    return out
