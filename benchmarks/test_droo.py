"""DROO: what a mode's time allocation costs, and how long the exact methods take."""

import time

import numpy as np
import pytest
from scipy.special import lambertw

from toolkit import problems
from toolkit.problems.droo.problem import coefficients
from toolkit.solvers import Status


def published_bisection(one, mode):
    """Charge and slots of one mode as the paper's code has them: bisection to 0.005 bit/s."""
    on = mode > 0.5
    local, snr, rate = one["local"][~on].sum(), one["snr"][on], one["rate"][on]
    low, high = 0.0, 1e9
    while high - low > 0.005:
        v = (low + high) / 2
        q = -lambertw(-np.exp(-1 - v / rate)).real
        slot = snr / (1 / q - 1)
        a = 1 / (1 + slot.sum())
        if local * a ** (-2 / 3) / 3 + (rate * snr * q).sum() > v:
            low = v
        else:
            high = v
    return a, a * slot


@pytest.mark.parametrize("n", [10, 30])
def test_complete(benchmark, n):
    """`microseconds` a mode at batch 1024, and `ratio`: the published bisection's over ours."""
    problem = problems.load("droo", n_users=n)
    data = problem.instance(0).data
    modes = np.random.default_rng(0).integers(0, 2, (1024, n)).astype(float)
    benchmark.pedantic(problem.complete, (data, {"offload": modes}), rounds=20, warmup_rounds=2)
    ours = benchmark.stats["median"] / len(modes)
    one, begun = coefficients(data), time.perf_counter()
    with np.errstate(all="ignore"):
        charges = [published_bisection(one, mode)[0] for mode in modes[:50]]
    theirs = (time.perf_counter() - begun) / 50
    np.testing.assert_allclose(
        charges, problem.complete(data, {"offload": modes[:50]})["charge"], rtol=1e-5
    )
    benchmark.extra_info.update(microseconds=1e6 * ours, ratio=theirs / ours)


@pytest.mark.parametrize("continuous", [False, True], ids=["two-weights", "any-weights"])
@pytest.mark.parametrize("n", [10, 100, 1000, 10_000])
def test_exact(solved, n, continuous):
    problem = problems.load("droo", "scaled", n_users=n, continuous_weights=continuous)
    assert solved("exact", problem, problem.instance(0), gap=1e-6).gap <= 1e-6


def test_enumerate(solved):
    problem = problems.load("droo", n_users=15)
    assert solved("enumerate", problem, problem.instance(0)).status is Status.OPTIMAL
