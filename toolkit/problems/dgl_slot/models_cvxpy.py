"""The convex model of given targets."""

from typing import Any

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._knowledge import ConvexModel

from .costs import LN2, noise_is_fixed
from .tables import tables


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
