"""Why nobody can have so many users at the servers: multipliers found by a linear program.

With everybody's least bandwidth at the smallest counts k1 of a region, the program spreads users
over options so that bandwidths and counts are exceeded by as small a part t as possible. Where
t > 0 its duals eta >= 0 (of bandwidths) and theta (of counts) prove the region empty:

    sum_i min(0 if local, eta_m need_im - theta_m) + sum_m min(theta_m k1_m, theta_m k2_m)
        > sum_m eta_m B_m.
"""

import numpy as np

from toolkit.arrays import Data
from toolkit.problems._proof import Prices

CLEAR = 1e-9  # a smaller t may be rounding


def empty_prices(
    k1: np.ndarray, k2: np.ndarray, allowed: np.ndarray, tables: np.ndarray, data: Data
) -> Prices | None:
    """Prices that prove a tightened region empty, or None where the program finds it is not."""
    needs = least_needs(k1, tables, float(data["deadline"])) / np.asarray(data["bandwidth"])
    return _over_at_its_server(k1, allowed, needs, data) or _spread(k1, k2, allowed, needs, data)


def least_needs(k: np.ndarray, tables: np.ndarray, deadline: float) -> np.ndarray:
    """The least bandwidth of every user at every server with k offloaders, (users, servers)."""
    room = deadline - tables[:, 5] * np.maximum(k, 1)[:, None]
    need = tables[:, 6] / (tables[:, 8] * np.where(room > 0, room, 1.0))
    return np.asarray(np.where(room > 0, need, np.inf).T)


def _over_at_its_server(
    k1: np.ndarray, allowed: np.ndarray, needs: np.ndarray, data: Data
) -> Prices | None:
    """Of a server for which those who have no other option are too many already."""
    total = np.asarray(data["bandwidth"])
    forced = allowed[:, 1:] & (allowed.sum(1, keepdims=True) == 1)
    over = np.where(forced, needs, 0.0).sum(0) > 1 + CLEAR
    if not over.any():
        return None
    eta = np.where(np.arange(len(k1)) == np.argmax(over), 1.0 / total, 0.0)
    return _prices(eta, np.zeros(len(k1)))


def _spread(
    k1: np.ndarray, k2: np.ndarray, allowed: np.ndarray, needs: np.ndarray, data: Data
) -> Prices | None:
    """Of the linear program: variables are users' options, row by row, and t."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, hstack, vstack

    who, option = np.nonzero(
        allowed & np.column_stack([np.ones(len(needs), bool), np.isfinite(needs)])
    )
    servers, many = len(k1), len(who)
    away, column = np.flatnonzero(option > 0), np.arange(many)
    server, flat = option[away] - 1, np.ones(len(away))
    used = csr_array((needs[who[away], server], (server, away)), (servers, many))
    count = csr_array((flat, (server, away)), (servers, many))
    slack = csr_array(-np.ones((servers, 1)))
    users = len(allowed)
    found = linprog(
        np.append(np.zeros(many), 1.0),
        A_ub=vstack(
            [hstack([used, slack]), hstack([count, users * slack]), hstack([-count, users * slack])]
        ).tocsr(),
        b_ub=np.concatenate([np.ones(servers), k2, -k1]),
        A_eq=hstack(
            [csr_array((np.ones(many), (who, column)), (users, many)), csr_array((users, 1))]
        ).tocsr(),
        b_eq=np.ones(users),
        method="highs",
    )
    if found.status != 0 or not found.fun > CLEAR:
        return None
    price = -np.asarray(found.ineqlin.marginals)
    theta = price[2 * servers :] - price[servers : 2 * servers]
    return _prices(price[:servers] / np.asarray(data["bandwidth"]), theta)


def _prices(eta: np.ndarray, theta: np.ndarray) -> Prices:
    return {"infeasible": True, "eta": np.maximum(eta, 0.0).tolist(), "theta": theta.tolist()}
