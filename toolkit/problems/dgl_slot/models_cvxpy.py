"""Convex models: of given targets, and the relaxation that mixes them."""

from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._knowledge import ConicPiece, ConvexModel, Pieces
from toolkit.problems._proof import How, Prices

from .costs import LN2, noise_is_fixed
from .tables import form, tables


def allocation(data: Data, target: np.ndarray) -> ConvexModel:
    """max QoE over the shares of given targets: inverses of shares, or of concave rates."""
    import cvxpy as cp

    choice = np.rint(np.asarray(target)).astype(np.int64)
    table, cell = tables(data), np.asarray(data["cell"], int)
    busy = np.flatnonzero(choice)
    hit = table.reach[busy, choice[busy] - 1]
    at = busy[hit]
    band, cpu = (cp.Variable(max(len(who), 1), nonneg=True) for who in (busy, at))
    rules = [band <= 1, cpu <= 1]
    rules += [cp.sum(band[cell[busy] == g]) <= 1 for g in np.unique(cell[busy])]
    rules += [cp.sum(cpu[choice[at] == m]) <= 1 for m in np.unique(choice[at])]
    weights = float(data["weight_delay"] + data["weight_energy"])
    quality = len(choice) * weights - np.delete(table.local, busy).sum()
    quality = quality - table.detour[busy[~hit]].sum()
    if len(busy):
        quality = quality - _sending(data, busy, band)
    if len(at):
        quality = quality - float(table.level) * cp.sum(cp.inv_pos(cpu))

    def read() -> Decision:
        out = {"target": choice.astype(float)}
        for name, who, share in (("bandwidth", busy, band), ("cpu", at, cpu)):
            out[name] = np.zeros(len(choice))
            out[name][who] = share.value[: len(who)]
        return out

    return ConvexModel(cp.Problem(cp.Maximize(quality), rules), read)


def _sending(data: Data, busy: np.ndarray, band: Any) -> Any:
    """What sending loses the offloaders."""
    import cvxpy as cp

    square = tables(data).root[busy] ** 2
    if noise_is_fixed(data):
        return square @ cp.inv_pos(band)
    snr = np.expm1(data["efficiency"][busy] * LN2)
    # b ln(1 + snr / b) is b ln((b + snr) / b), over what a whole band has
    rate = cp.multiply(-1 / np.log1p(snr), cp.rel_entr(band, band + snr))
    return square @ cp.inv_pos(rate)


RIVALS = 8  # users whose second option is tried, the least decided first


def relaxed(data: Data) -> Pieces[ConicPiece]:
    """One relaxation of the whole: every user a mixture of its options, loads squared.

    At its optimum twice a resource's load is the price of its load. Noise is that of the whole
    band: where it is less the prices are a guess, and no less valid.
    """
    import cvxpy as cp

    table = form(data)
    users, options = table.cost.shape
    mixture = cp.Variable((users, options), nonneg=True)
    load = cp.Variable(table.weight.shape[1])
    touching = (table.resource[..., None] == np.arange(table.weight.shape[1])).any(-2)
    by = (touching * table.weight[:, None, :]).reshape(users * options, -1)
    carried = by.T @ cp.reshape(mixture, users * options, order="C")
    keep = np.where(table.spare, 0.0, 1.0)
    rules = [cp.sum(mixture, axis=1) == 1, load == carried, mixture <= keep]
    loss = cp.sum(cp.multiply(table.cost, mixture)) + cp.sum_squares(load)
    model = cp.Problem(cp.Minimize(loss), rules)

    def prices() -> Prices:
        """Of what was solved; else none."""
        found = np.zeros(load.shape) if load.value is None else 2.0 * load.value
        return _prices(np.nan_to_num(found, posinf=0.0, neginf=0.0))

    def candidates() -> Decision | None:
        return None if mixture.value is None else {"target": _rounded(mixture.value)}

    def cut(m: int) -> How:
        raise ValueError("The space is not cut.")

    def between(*ends: Any) -> Prices:
        raise ValueError("There is one piece only.")

    piece, empty = ConicPiece(model, prices, candidates), _prices(np.zeros(load.shape))
    return Pieces((0, 0), (0, 0), empty, cut, lambda _: piece, between)


def _prices(load: np.ndarray) -> Prices:
    return {"load": load.tolist(), "count": [0.0] * len(load)}


def _rounded(mixture: np.ndarray) -> np.ndarray:
    """Every user's largest option; and the same but for one undecided user, (rows, users)."""
    order = np.argsort(-mixture, axis=1, kind="stable")
    first, second = order[:, 0], order[:, 1]
    lead = np.take_along_axis(mixture, order[:, :2], axis=1) @ (1.0, -1.0)
    rivals = np.argsort(lead, kind="stable")[:RIVALS]
    rows = np.repeat(first[None], 1 + len(rivals), axis=0)
    rows[1 + np.arange(len(rivals)), rivals] = second[rivals]
    return rows.astype(float)
