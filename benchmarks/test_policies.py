"""What training and inference of mask policies cost, and how far from `exact` they end up."""

import numpy as np
import pytest
from conftest import solve

from toolkit import learners, problems, solvers
from toolkit.bench._training import Labels
from toolkit.instances import rng_for
from toolkit.learners import Training, fit


@pytest.fixture(scope="module")
def policy():
    """(learner, network) after a short training: inference costs the same after a long one."""
    learner = learners.registry.build("self_label", batch=64, users_high=32)
    return learner, fit(learner, Training(problem=problems.load("cpdrl"), max_steps=100))


@pytest.mark.parametrize("k", [1, 8, 32])
@pytest.mark.parametrize("batch", [1, 256])
@pytest.mark.parametrize("n", [8, 16, 32, 100])
def test_inference(benchmark, policy, n, batch, k):
    """Features, network, decoding and allocation; `us` in extra_info is for one instance."""
    learner, net = policy
    problem = problems.load("cpdrl", n_users=n)
    data = problem.sample(rng_for("inference", n), (batch,))
    decision = benchmark.pedantic(learner.act, (net, problem, data, k), rounds=20, warmup_rounds=3)
    spread = {key: value[:, None] for key, value in data.items()}
    assert np.all(problem.evaluate(spread, decision).violations["bandwidth"] <= 1e-6)
    if benchmark.stats:
        benchmark.extra_info["us"] = 1e6 * benchmark.stats.stats.median / batch


@pytest.mark.parametrize("n", [8, 32])
def test_training_steps(benchmark, n):
    """Ten steps of self-labelling at one size, 256 instances each."""
    learner = learners.registry.build("self_label", users_low=n, users_high=n)

    def ten():
        return fit(learner, Training(problem=problems.load("cpdrl"), max_steps=10))

    benchmark.pedantic(ten, rounds=3, warmup_rounds=1)


SHIFTS = {
    "paper": {},
    "bandwidth / 10": {"bandwidth": 5e5},
    "bandwidth, f_server x 4": {"bandwidth": 2e7, "f_server": 6e10},
    "1300 bit a kb": {"bits_per_kb": 1300.0},
}


@pytest.fixture(scope="module", params=["imitate", "self_label"])
def trained(request):
    """A default policy after 90 seconds (a few steps where benchmarks are disabled)."""
    quick = not request.config.getoption("benchmark_enable")
    learner = learners.registry.build(request.param, **({"batch": 32} if quick else {}))
    budget = {"max_steps": 5} if quick else {"seconds": 90.0}
    teacher = Labels(solvers.registry.build("exact")) if learner.taught else None
    run = Training(problem=problems.load("cpdrl"), teacher=teacher, **budget)
    return learner, fit(learner, run), 10 if quick else 500


@pytest.mark.parametrize("n", [4, 8, 16, 32, 100])
@pytest.mark.parametrize("shift", SHIFTS)
def test_gap_to_exact(benchmark, trained, shift, n):
    """Mean gaps on unseen instances, in extra_info: of the best of k guesses, of the set that
    the features are built around, and of all-local where feasible. `of_local`: over that."""
    learner, net, count = trained
    problem = problems.load("cpdrl", n_users=n, **SHIFTS[shift])
    cases = [problem.instance(i, seed=777) for i in range(count)]
    data = {key: np.stack([case.data[key] for case in cases]) for key in cases[0].data}
    exact = solvers.registry.build("exact")
    best = np.array([solve(exact, problem, case).objective for case in cases])

    def gaps(decision):
        worth = problem.evaluate({key: v[:, None] for key, v in data.items()}, decision)
        return np.where(worth.feasible(), worth.objective, np.inf).min(-1) / best - 1

    def of(masks):
        spread = {key: v[:, None] for key, v in data.items()}
        return gaps(problem.complete(spread, {"offload": masks[:, None]}))

    local = of(np.zeros_like(data["size"]))
    able = np.isfinite(local)
    benchmark.extra_info["all-local"] = float(local[able].mean())
    benchmark.extra_info["context"] = float(of((problem.features(data)[..., 1] > 0) * 1.0).mean())
    for k in (1, 8, 32):
        found = gaps(learner.act(net, problem, data, k))
        benchmark.extra_info[f"k={k}"] = float(found.mean())
        benchmark.extra_info[f"k={k} of_local"] = float(found[able].mean() / local[able].mean())
        benchmark.extra_info[f"k={k} optimal"] = float((found < 1e-9).mean())
        assert (found > -1e-9).all()
    benchmark.pedantic(learner.act, (net, problem, data, 1), rounds=3, warmup_rounds=1)
