"""Compiled inference of `_option_nets.OptionSets`: an instance stays in the cache throughout."""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled


@compiled
def option_sets(seen, enter, own, users, options, score, direct):
    """Scores (rows, n, options) of features (rows, n, options, features).

    `enter` and `score` are (weights, bias), the others but `direct` tuples of such pairs, one a
    layer, `direct` is weights alone; all as torch has them, (outputs, inputs).
    """
    rows, n, m, features = seen.shape
    width = len(enter[1])
    out = np.empty((rows, n, m), np.float32)
    h, more = np.empty((n * m, width), np.float32), np.empty((n * m, width), np.float32)
    by_option, by_user = (
        np.empty((m, 2 * width), np.float32),
        np.empty((n, 2 * width), np.float32),
    )
    for r in range(rows):
        flat = seen[r].reshape(n * m, features)
        h[:] = 0.0
        np.dot(flat, enter[0].T, more)
        _add_positive(
            h, more, np.zeros((m, width), np.float32), np.zeros((n, width), np.float32), enter[1]
        )
        for layer in range(len(own)):
            np.dot(h, own[layer][0].T, more)
            _pool(h, by_option, by_user)
            bias = own[layer][1] + users[layer][1] + options[layer][1]
            _add_positive(
                h,
                more,
                np.dot(by_option, users[layer][0].T),
                np.dot(by_user, options[layer][0].T),
                bias,
            )
        found = np.dot(h, score[0][0]) + np.dot(flat, direct[0])
        out[r] = found.reshape(n, m) + score[1][0]
    return out


@compiled
def _add_positive(h, more, each_option, each_user, bias):
    """h + relu(more + what options share + what users share + bias), in place."""
    n, m = each_user.shape[0], each_option.shape[0]
    for i in range(n):
        for o in range(m):
            row = i * m + o
            for j in range(h.shape[1]):
                x = more[row, j] + each_option[o, j] + each_user[i, j] + bias[j]
                h[row, j] += x if x > 0.0 else np.float32(0.0)


@compiled
def _pool(h, by_option, by_user):
    """[mean, maximum] of every option over the users, and of every user over the options."""
    n, m, width = by_user.shape[0], by_option.shape[0], h.shape[1]
    for total in (by_option, by_user):
        total[:, :width] = 0.0
        total[:, width:] = -np.inf
    for i in range(n):
        for o in range(m):
            row = i * m + o
            for j in range(width):
                x = h[row, j]
                by_option[o, j] += x
                by_user[i, j] += x
                by_option[o, width + j] = max(by_option[o, width + j], x)
                by_user[i, width + j] = max(by_user[i, width + j], x)
    by_option[:, :width] /= np.float32(n)
    by_user[:, :width] /= np.float32(m)
