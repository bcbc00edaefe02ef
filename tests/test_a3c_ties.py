"""Times that are alike, or differ by a unit in the last place: own tasks first makes costs jump."""

from dataclasses import replace

import numpy as np
import pytest

import toolkit
from toolkit import problems
from toolkit.instances import Instance
from toolkit.problems.a3c.problem import A3c


def tenths(seed: int) -> tuple[A3c, Instance]:
    """An episode whose times are all multiples of a tenth of a second, with detours: sums of them
    are alike or not by how they are added up."""
    rng = np.random.default_rng(seed)
    while True:
        problem = problems.load(
            "a3c",
            "tiny",
            regions=((2, 1), (1, 1), (1, 2))[rng.integers(3)],
            slots=int(rng.integers(2, 5)),
            discipline="own-first",
            forwarding=("double", "bits")[rng.integers(2)],
            density=0.9,
        )
        assert isinstance(problem, A3c)
        instance = problem.instance(seed, int(rng.integers(1 << 30)))
        if 2 <= instance.data["has"].sum() <= 6:
            break
    data = {key: np.array(value) for key, value in instance.data.items()}
    shape = data["has"].shape
    data["slot"] = np.array(rng.choice([0.1, 0.2, 0.3, 0.4]))
    data["rate"] = np.full(shape[1], 1e7)
    data["bits"] = data["has"] * 1e6 * rng.choice([1, 2, 3, 4, 5, 6], shape)
    data["cycles"] = data["has"] * 1e8 * rng.choice([1, 2, 20], shape)
    data["cpu"] = np.full(shape[1], 1e7)
    data["server_cpu"] = rng.permutation([1e9, 5e7])
    data["forward_delay"] = np.array(rng.choice([0.1, 0.2, 0.3]))
    return problem, problem.admit(replace(instance, data=data))


def test_the_proof_breaks_ties_as_the_judge_does() -> None:
    """Every decision of 250 episodes; it used to add up arrivals in another order, and proved
    decisions a fifth above the optimum."""
    for seed in range(250):
        problem, instance = tenths(seed)
        space = problem.space(instance.data)
        every = space.choices(0, space.count)
        judged = problem.evaluate(instance.data, every)
        allowed = judged.feasible()
        proved = problem.proof(instance.data).bound_each(every)[allowed]
        assert (proved <= judged.objective[allowed]).all()
        assert proved == pytest.approx(judged.objective[allowed], rel=1e-7)


def test_exact_breaks_ties_as_the_judge_does() -> None:
    for seed in range(60):
        problem, instance = tenths(seed)
        space = problem.space(instance.data)
        judged = problem.evaluate(instance.data, space.choices(0, space.count))
        best = float(np.where(judged.feasible(), judged.objective, np.inf).min())
        result = toolkit.solve(problem, instance, "exact")
        assert result.bound is not None
        assert result.bound <= best <= result.objective * (1 + 1e-12)
        assert toolkit.verify(problem, instance, result).verdict in ("proved", "bounded")


@pytest.mark.parametrize("lost", [1e-20, 1e-3])
def test_a_task_that_would_begin_just_when_an_own_one_comes_still_waits(lost: float) -> None:
    """Its time is lost in rounding, so its server seems idle; the own task delays it all the
    same, and a row that has it is no twin of one that has not."""
    problem = problems.load(
        "a3c", "tiny", regions=(1, 2), slots=3, discipline="own-first", density=0.9
    )
    assert isinstance(problem, A3c)
    data = {key: np.array(value) for key, value in problem.instance(0, 1).data.items()}
    data |= {
        "has": np.array([[0.0, 1, 1], [1, 1, 0], [1, 0, 0]]),
        "bits": 1e6 * np.array([[0, 0.125, 0.25], [0.25, 0.125, 0], [0.25, 0, 0]]),
        "cycles": 1e9 * np.array([[0, 2.4, 3], [1, lost, 0], [0.5, 0, 0]]),
        "cpu": 1e9 * np.array([0.02, 1, 0.02]),
        "rate": np.full(3, 1e6),
        "server_cpu": np.full(2, 1e9),
        "region": np.array([0.0, 1, 1]),
    }
    numbers = {"slot": 1.0, "weight_delay": 1.0, "weight_energy": 0.0, "forward_delay": 1.0}
    data |= {key: np.array(value) for key, value in numbers.items()}
    instance = problem.admit(replace(problem.instance(0, 1), data=data))
    space = problem.space(data)
    best = problem.evaluate(data, space.choices(0, space.count)).objective.min()
    part = {"device": [0.1, 3.0], "server": [0.2, 1.5], "price": [0.0] * 5}
    proof = problem.proof(instance.data)
    bound = proof.bound(proof.root(), {"parts": [{**part, "above": 99.0, "labels": 1e6}]})
    assert bound <= best
    assert toolkit.solve(problem, instance, "exact").objective == pytest.approx(best)
