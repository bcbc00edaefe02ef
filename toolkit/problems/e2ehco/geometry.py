"""Where users and servers are: walks or traces, servers amid them."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from toolkit.instances import rng_for
from toolkit.instances.mobility import Walks, cached_traces, walks

if TYPE_CHECKING:
    from .problem import E2ehco

# k-means of the traces of 26 people at KAIST, clipped to the region, in the order of x
SITES = np.array([(-583, -284), (-415, 993), (-111, 466), (1265, -373), (1275, 1028)], float)
RANKS = (4, 3, 1, 2, 0)  # of the servers' CPUs in the order of x, repeated beyond five
EPISODE = 100  # positions of the published episode of 3,000 s
SAMPLE, STARTS = 4000, 8  # positions that k-means takes, and its starts


def server_cpus(problem: "E2ehco", servers: int) -> np.ndarray:
    """(servers,), Hz: evenly spread from the least to the largest, in a fixed disorder."""
    part = np.resize(RANKS, servers) / (len(RANKS) - 1)
    low, high = problem.server_cpu_low, problem.server_cpu_high
    return np.asarray(low + (high - low) * part)


def single_steps(
    problem: "E2ehco", rng: np.random.Generator, batch: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Positions (*batch, users, 2) at a time of one walk each, and sites that broadcast."""
    if problem.geometry == "published":
        path, site = _published(problem, rng, batch)
        when = rng.integers(path.shape[-3], size=batch)[..., None, None, None]
        return np.take_along_axis(path, when, axis=-3)[..., 0, :, :], site
    path = _walks(problem).positions(rng, problem.n_users, 1, batch)
    return path[..., 0, :, :], sites(problem.n_servers)


def episode(
    problem: "E2ehco", rng: np.random.Generator, frames: int, batch: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Positions (*batch, frames, users, 2) along one walk each, every one held for some frames;
    and sites that broadcast."""
    steps = -(-frames // problem.held)
    if problem.geometry == "published":
        path, site = _published(problem, rng, batch, steps)
    else:
        path = _walks(problem).positions(rng, problem.n_users, steps, batch)
        site = sites(problem.n_servers)
    return np.repeat(path, problem.held, axis=-3)[..., :frames, :, :], site[..., None, :, :]


@cache
def sites(servers: int) -> np.ndarray:
    """(servers, 2): k-means of where people walk, in the order of x; with traces and without.

    The default, five, are those of the recipe; for others a Levy walk's positions are taken.
    """
    if servers == len(SITES):
        return SITES
    points = walks("levy").positions(rng_for("e2ehco sites", servers), 1, 1, (SAMPLE,))
    return _means(points.reshape(-1, 2), servers)


def _walks(problem: "E2ehco") -> Walks:
    return walks(problem.mobility, problem.traces, problem.part)


def _means(points: np.ndarray, count: int) -> np.ndarray:
    """The best of a few k-means, (count, 2), in the order of x."""
    from scipy.cluster.vq import kmeans2, vq

    best, least = points[:count], np.inf
    for seed in range(STARTS):
        found = kmeans2(points, count, iter=30, minit="++", seed=seed, missing="warn")[0]
        spread = float((vq(points, found)[1] ** 2).sum())
        if spread < least:
            best, least = found, spread
    return np.asarray(best[np.argsort(best[:, 0])])


def _published(
    problem: "E2ehco", rng: np.random.Generator, batch: tuple[int, ...], steps: int = EPISODE
) -> tuple[np.ndarray, np.ndarray]:
    """Paths (*batch, steps, users, 2) and sites (*batch, servers, 2) as in the published code.

    User i follows trace i from its first row, and server m stands at the mean of all samples of
    the m-th group of round(N / M) traces. Without traces walks take their place.
    """
    users, servers = problem.n_users, problem.n_servers
    group = max(1, round(users / servers))
    if problem.traces:
        paths = cached_traces(problem.traces).paths
        own = [paths[i % len(paths)] for i in range(max(users, servers * group))]
        path = np.stack([p[np.arange(steps).clip(max=len(p) - 1)] for p in own[:users]], axis=1)
        groups = [own[m * group : (m + 1) * group] for m in range(servers)]
        site = np.array([np.concatenate(parts).mean(axis=0) for parts in groups])
        return np.broadcast_to(path, (*batch, *path.shape)), site
    path = _walks(problem).positions(rng, users, max(steps, EPISODE), batch)
    centre = path.mean(axis=-3)  # of every user
    members = np.arange(servers * group).reshape(servers, group) % users
    return path[..., :steps, :, :], centre[..., members, :].mean(axis=-2)
