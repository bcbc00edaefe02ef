"""Decoding one user after the other: the rest of a choice, given what has been chosen."""

import numpy as np

from toolkit.arrays import Data
from toolkit.problems import Options, Problem, Var

from ._option_nets import OptionSets


def block(problem: Problem, data: Data) -> Var | None:
    """The only discrete block, if it holds an integer a user, all of the same number of values."""
    found = problem.space(data).discrete
    if len(found) != 1 or len(found[0].shape) != 1:
        return None
    width = np.asarray(found[0].upper - found[0].lower)
    return found[0] if width.size and (width == width.flat[0]).all() else None


def decode(
    net: OptionSets,
    options: Options,
    which: np.ndarray,
    users: int,
    rounds: int,
    noise: np.ndarray | None = None,
) -> np.ndarray:
    """Options (rows, users) of the instances `which`, in at most `rounds` rounds.

    In every round those users choose who are surest of their best option. `noise` of the shape
    (rows, users, options) is added to the scores of a user's options as it chooses.
    """
    chosen = np.full((len(which), users), -1)
    left = np.tile(np.arange(users), (len(which), 1))
    for ahead in range(min(rounds, users), 0, -1):
        scores = net.scores(options.see(which, chosen, left)).astype(float)
        now = np.argsort(-sureness(scores), axis=1, kind="stable")[:, : -(-left.shape[1] // ahead)]
        who = np.take_along_axis(left, now, 1)
        prefer = np.take_along_axis(scores, now[..., None], 1)
        if noise is not None:
            prefer = prefer + np.take_along_axis(noise, who[..., None], 1)
        np.put_along_axis(chosen, who, prefer.argmax(-1), 1)
        keep = np.ones(left.shape, bool)
        np.put_along_axis(keep, now, False, 1)
        left = left[keep].reshape(len(left), -1)
    return chosen


def sureness(scores: np.ndarray) -> np.ndarray:
    """The log-probability of every user's best option, (rows, users)."""
    top = scores.max(-1, keepdims=True)
    return np.asarray(-np.log(np.exp(scores - top).sum(-1)))
