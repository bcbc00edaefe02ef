"""Compiled networks side by side: decisions, and a training step without torch's dispatch.

`weights` and `biases` are tuples of (nets, inputs, outputs) and (nets, 1, outputs), one a layer.
"""

# mypy: ignore-errors

from math import exp, log1p, sqrt

import numpy as np

from toolkit.compiled import compiled, inlined

BETA2, EPSILON = 0.999, 1e-8  # Adam's
FAINT = 1e-15  # slopes below count as none: their squares would be denormal, which is slow
FADED = 1e-30  # means of slopes


@compiled
def logits(seen, weights, biases):
    """What every network says to the same rows, (rows, inputs) to (nets, rows, outputs)."""
    last = len(weights) - 1
    nets, outputs = weights[last].shape[0], weights[last].shape[2]
    out = np.empty((nets, seen.shape[0], outputs), np.float32)
    for k in range(nets):
        h = seen
        for layer in range(last + 1):
            h = _through(h, weights[layer][k], biases[layer][k, 0], layer < last)
        out[k] = h
    return out


@compiled
def slopes_of(seen, wanted, weights, biases, down, offsets):
    """The mean binary cross-entropy of all networks, each on rows of its own.

    `seen` is (nets, rows, inputs), `wanted` (nets, rows, outputs); `down` and `offsets`, as
    `weights` and `biases`, are filled with the slopes of each network's mean.
    """
    last, total = len(weights) - 1, 0.0
    for k in range(seen.shape[0]):
        hs = [seen[k]]
        for layer in range(last + 1):
            h = _through(hs[layer], weights[layer][k], biases[layer][k, 0], layer < last)
            hs.append(h)
        slope = hs[last + 1]
        total += _surprise(slope, wanted[k])
        for layer in range(last, -1, -1):
            np.dot(hs[layer].T, slope, down[layer][k])
            _column_sums(slope, offsets[layer][k, 0])
            if layer > 0:
                slope = np.dot(slope, weights[layer][k].T)
                _gate(slope, hs[layer])
    return total / seen.shape[0]


@compiled
def adam(parts, slopes, means, squares, rate, beta1, count):
    """Step `count` (from 1) of Adam on all parts in place, tuples of arrays of the same shapes.

    Kingma and Ba (2015), as torch.optim.Adam has it.
    """
    root = sqrt(1.0 - BETA2**count)
    pace, below = np.float32(rate * root / (1.0 - beta1**count)), np.float32(EPSILON * root)
    for part in range(len(parts)):
        where = parts[part].reshape(-1), slopes[part].reshape(-1)
        moments = means[part].reshape(-1), squares[part].reshape(-1)
        _adam(*where, *moments, pace, below, np.float32(beta1), np.float32(BETA2))


@compiled
def _adam(values, slopes, mean, square, pace, below, beta1, beta2):
    """Of one part; what is all but nothing becomes nothing."""
    one, none = np.float32(1.0), np.float32(0.0)
    faint, faded = np.float32(FAINT), np.float32(FADED)
    for i in range(values.shape[0]):
        slope = slopes[i] if abs(slopes[i]) > faint else none
        m = beta1 * mean[i] + (one - beta1) * slope
        s = beta2 * square[i] + (one - beta2) * slope * slope
        mean[i] = m if abs(m) > faded else none
        square[i] = s if s > faded else none
        values[i] -= pace * mean[i] / (np.sqrt(square[i]) + below)


@inlined
def _through(h, weight, bias, rectified):
    """A layer of one network."""
    out = np.dot(h, weight)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            x = out[i, j] + bias[j]
            out[i, j] = x if x > 0.0 or not rectified else np.float32(0.0)
    return out


@compiled
def _surprise(said, wanted):
    """The mean of -log likelihood of the wanted bits; the logits become its slopes."""
    total, size = 0.0, said.shape[0] * said.shape[1]
    for i in range(said.shape[0]):
        for j in range(said.shape[1]):
            x, y = said[i, j], wanted[i, j]
            e = exp(-abs(x))
            total += max(x, 0.0) - x * y + log1p(e)
            slope = ((1.0 if x > 0.0 else e) / (1.0 + e) - y) / size
            said[i, j] = slope if abs(slope) > FAINT else 0.0
    return total / size


@compiled
def _column_sums(slope, out):
    """The slopes of biases."""
    out[:] = 0.0
    for i in range(slope.shape[0]):
        for j in range(slope.shape[1]):
            out[j] += slope[i, j]


@compiled
def _gate(slope, h):
    """Slopes through a rectifier, in place."""
    for i in range(slope.shape[0]):
        for j in range(slope.shape[1]):
            slope[i, j] = slope[i, j] if h[i, j] > 0.0 else np.float32(0.0)
