"""What training and inference of mask policies cost; how good they are: `policy_suites.py`."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import toolkit
from toolkit import learners, problems
from toolkit.instances import Instance, rng_for
from toolkit.learners import Training, fit
from toolkit.learners._shipped import checkpoint_path


@pytest.fixture(scope="module")
def policy():
    """(learner, network) of a policy that comes with the package."""
    threadpool_limits(1)
    return learners.load(checkpoint_path("cpdrl-self-label"))[:2]


@pytest.mark.parametrize("k", [1, 8, 32])
@pytest.mark.parametrize("batch", [1, 256])
@pytest.mark.parametrize("n", [8, 16, 32, 100])
def test_inference(benchmark, policy, n, batch, k):
    """Features, network, decoding and allocation; `us` in extra_info is for one instance, `gap`
    that of the best of k on the first one."""
    learner, net = policy
    problem = problems.load("cpdrl", n_users=n)
    data = problem.sample(rng_for("inference", n), (batch,))
    decision = benchmark.pedantic(learner.act, (net, problem, data, k), rounds=20, warmup_rounds=3)
    spread = {key: value[:, None] for key, value in data.items()}
    worth = problem.evaluate(spread, decision)
    assert np.all(worth.violations["bandwidth"] <= 1e-6)
    first = {key: value[0] for key, value in data.items()}
    instance = Instance(problem.name, problem.version, first, problem.params)
    best = np.where(worth.feasible(), worth.objective, np.inf)[0].min()
    optimum = toolkit.solve(problem, instance, "exact").objective
    benchmark.extra_info["gap"] = float(best / optimum - 1)
    if benchmark.stats:
        benchmark.extra_info["us"] = 1e6 * benchmark.stats.stats.median / batch


@pytest.mark.parametrize("n", [8, 32])
def test_training_steps(benchmark, n):
    """Ten steps of self-labelling at one size, 256 instances each."""
    learner = learners.registry.build("self_label", users_low=n, users_high=n)

    def ten():
        return fit(learner, Training(problem=problems.load("cpdrl"), max_steps=10))

    benchmark.pedantic(ten, rounds=3, warmup_rounds=1)
