"""Why an instance has no feasible decision, in words: which users, and what they lack."""

import numpy as np

from toolkit.arrays import Data

from ._kernels import EDGE

SHOWN = 8  # users named one by one


def why_infeasible(data: Data) -> str | None:
    """Which users must offload and what they need in vain; None where they fit.

    More offloaders only hurt (each gets less of the server, hence less time to upload), so those
    who must offload decide it. The words explain; the proof is the certificate's.
    """
    deadline, total = float(data["deadline"]), float(data["bandwidth"])
    work = data["size"] * data["cycles"]
    forced = np.flatnonzero(work > deadline * data["f_max"] * EDGE)
    if not len(forced):
        return None
    start = (
        f"{_users(forced)} cannot compute within {deadline:g} s locally "
        f"({_range(work[forced] / data['f_max'][forced])} s) and must offload"
    )
    room = deadline - work[forced] * len(forced) / float(data["f_server"])
    if np.any(room <= 0):
        return f"{start}; then the server is too slow for {_users(forced[room <= 0])}."
    efficiency = np.log2(1 + data["p_max"] * data["gain"][forced] / data["noise"])
    need = float(np.sum(data["size"][forced] / (efficiency * room)))
    if need <= total:
        return None
    return f"{start}; at full power they need {need:.6g} Hz of bandwidth, there are {total:.6g}."


def _users(index: np.ndarray) -> str:
    names = ", ".join(str(i) for i in index[:SHOWN])
    more = f" and {len(index) - SHOWN} more" if len(index) > SHOWN else ""
    return f"{'user' if len(index) == 1 else 'users'} {names}{more}"


def _range(values: np.ndarray) -> str:
    low, high = f"{values.min():.3g}", f"{values.max():.3g}"
    return low if low == high else f"{low} to {high}"
