"""Bounds of `a3c` are bounds, its optima are those of enumeration, and the proof says so too."""

import json
import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toolkit
from toolkit import problems, solvers
from toolkit.instances import Instance
from toolkit.problems import Certificate
from toolkit.problems.a3c import _value_kernels as values
from toolkit.problems.a3c._proof_values import Way, tables
from toolkit.problems.a3c.improve import Improver
from toolkit.problems.a3c.problem import A3c
from toolkit.problems.a3c.relaxation import KnownEpisode
from toolkit.problems.a3c.tasks import Tasks
from toolkit.solvers import Budget, Probe, Result

MOST = 3**7  # decisions that are listed
DISCIPLINES, FORWARDINGS = ("fcfs", "own-first"), ("single", "bits", "double")
REGIONS = ((2, 1), (2, 2), (3, 1), (1, 1, 1), (3,))


def drawn(seed: int, discipline: str, forwarding: str, **fields: Any) -> tuple[A3c, Instance]:
    """A problem of few tasks whose queues are busy, and an instance that can be listed."""
    rng = np.random.default_rng(seed)
    while True:
        given: dict[str, Any] = {
            "regions": REGIONS[rng.integers(len(REGIONS))],
            "slots": int(rng.integers(1, 4)),
            "forward_delay": float(rng.choice([0.0, 0.0, 0.1, 0.5])),
            "server_cpu": float(rng.choice([4e8, 8e8, 2e9])),
            "density": float(rng.choice([0.6, 0.9])),
            "slot": float(rng.choice([0.3, 1.0])),  # 0.3: tasks of two slots overtake each other
            "weight_delay": float(rng.choice([0.5, 0.9])),
        }
        found = problems.load(
            "a3c", "tiny", discipline=discipline, forwarding=forwarding, **given | fields
        )
        assert isinstance(found, A3c)
        instance = found.instance(seed, int(rng.integers(1 << 30)))
        if 1 < found.space(instance.data).count <= MOST:
            return found, instance


def listed(problem: A3c, instance: Instance) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The loss of every decision, inf where it is not allowed."""
    space = problem.space(instance.data)
    every = space.choices(0, space.count)
    judged = problem.evaluate(instance.data, every)
    return np.where(judged.feasible(), judged.objective, np.inf), every


@pytest.mark.parametrize("discipline", DISCIPLINES)
@pytest.mark.parametrize("forwarding", FORWARDINGS)
@pytest.mark.parametrize("seeds", [range(16), pytest.param(range(16, 40), marks=pytest.mark.slow)])
def test_bounds_optima_and_proofs_agree_with_enumeration(
    seeds: range, discipline: str, forwarding: str
) -> None:
    """240 instances in all: no bound is above the optimum, none of the decisions below it; what
    the proof makes of the prices is what the solver said, and in the end the gap is closed."""
    for seed in seeds:
        problem, instance = drawn(seed, discipline, forwarding)
        data = instance.data
        best, proof = float(listed(problem, instance)[0].min()), problem.proof(data)
        relaxation, nodes = KnownEpisode(data), [0]
        while nodes:
            node = nodes.pop()
            said = relaxation.bound(node, np.inf)
            assert said.candidates is not None
            judged = problem.evaluate(data, said.candidates)
            assert judged.feasible().all()
            assert said.loss <= best <= float(judged.objective[0]) * (1 + 1e-12)
            prices = json.loads(json.dumps(relaxation.prices(node)))
            assert said.loss - 1e-11 * best <= proof.bound(proof.root(), prices) <= best
            how, nodes = relaxation.branch(node, np.inf)
            assert len(proof.split(proof.root(), how)) == 1
        assert said.loss == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("discipline", DISCIPLINES)
@pytest.mark.parametrize("forwarding", FORWARDINGS)
def test_the_proof_judges_every_decision_as_the_problem_does(
    discipline: str, forwarding: str
) -> None:
    for seed in range(100, 110):
        problem, instance = drawn(seed, discipline, forwarding)
        losses, every = listed(problem, instance)
        proved = problem.proof(instance.data).bound_each(every)
        assert (proved <= losses).all()
        np.testing.assert_allclose(proved, losses, rtol=1e-12)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    discipline=st.sampled_from(DISCIPLINES),
    forwarding=st.sampled_from(FORWARDINGS),
    step=st.floats(0.02, 2.0),
    top=st.floats(0.0, 3.0),
)
def test_any_prices_and_grids_give_a_bound(
    seed: int, discipline: str, forwarding: str, step: float, top: float
) -> None:
    """A certificate can be wrong only by being weak."""
    problem, instance = drawn(seed, discipline, forwarding)
    data = instance.data
    whole, rng = Tasks.of(data), np.random.default_rng(seed)
    homes = sorted(set(whole.home.tolist()))
    counts = [int((whole.home == r).sum()) for r in homes]
    counts = counts if forwarding == "single" else [len(whole)]
    parts = [
        {
            "device": [0.3 * step, 2 * top],
            "server": [step, top],
            "price": rng.uniform(-0.5, 2.0, count).tolist(),
        }
        for count in counts
    ]
    proof = problem.proof(data)
    assert proof.bound(proof.root(), {"parts": parts}) <= listed(problem, instance)[0].min()


@settings(deadline=None, max_examples=40, derandomize=True)
@given(seed=st.integers(0, 10_000), above=st.floats(0.5, 1.5), labels=st.integers(1, 50))
def test_any_number_of_labels_gives_a_bound(seed: int, above: float, labels: int) -> None:
    """Even with a cutoff above the optimum, and with labels dropped."""
    problem, instance = drawn(seed, "fcfs", "double", regions=(2, 2), forward_delay=0.0, slot=1.0)
    best = float(listed(problem, instance)[0].min())
    part = {"device": [0.1, 3.0], "server": [0.2, 1.5], "above": above * best, "labels": labels}
    proof = problem.proof(instance.data)
    assert proof.bound(proof.root(), {"parts": [part]}) <= best


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    discipline=st.sampled_from(DISCIPLINES),
    forwarding=st.sampled_from(FORWARDINGS),
    above=st.floats(0.5, 1.5),
    labels=st.integers(1, 50),
)
def test_any_decisions_followed_at_any_prices_give_a_bound(
    seed: int, discipline: str, forwarding: str, above: float, labels: int
) -> None:
    """At prices that are about right, or all wrong; exact where no decision is dropped."""
    problem, instance = drawn(seed, discipline, forwarding)
    best, rng = float(listed(problem, instance)[0].min()), np.random.default_rng(seed)
    whole = Tasks.of(instance.data)
    homes = range(whole.servers) if forwarding == "single" else ()
    groups = [whole.home == r for r in homes if (whole.home == r).any()] or [whole.home >= 0]
    grid = {"device": [0.1, 3.0], "server": [0.2, 1.5]}
    proof = problem.proof(instance.data)
    for most in (labels, 10_000):
        parts = [
            {**grid, "price": rng.uniform(0, 2, int(g.sum())).tolist(), "labels": most}
            | {"above": above * best if most == labels else 10 * best}
            for g in groups
        ]
        found = proof.bound(proof.root(), {"parts": parts})
        assert found <= best
    assert found == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("labels", [-1, 0, 0.5, math.nan, -math.inf])
def test_less_than_one_label_proves_nothing(labels: float) -> None:
    """A tester forged a bound 13 % above an optimum with -1."""
    problem, instance = drawn(3, "fcfs", "double", regions=(2, 1), forward_delay=0.0, slot=1.0)
    part = {"device": [0.1, 3.0], "server": [0.2, 1.5], "above": math.inf, "labels": labels}
    proof = problem.proof(instance.data)
    with pytest.raises(ValueError, match="counted from 1"):
        proof.bound(proof.root(), {"parts": [part]})


def test_an_episode_without_tasks_is_enumerated() -> None:
    problem = problems.load("a3c", "tiny", density=0.0)
    instance = problem.instance()
    result = toolkit.solve(problem, instance, "enumerate")
    assert result.objective == 0
    assert toolkit.verify(problem, instance, result).verdict == "proved"


@pytest.mark.parametrize("index", [4, 10, 11])
def test_a_bound_of_one_order_is_none_of_own_first(index: int) -> None:
    """One slot of eight tasks, where the optimum of own tasks first is 0.6 to 1.2 % below that of
    first come, first served: a short own task overtakes a long one of the other region."""
    problem = problems.load("a3c", "clean", discipline="fcfs", density=1.0, slots=1)
    data = dict(problem.instance(index).data)
    own_first = {**data, "own_first": np.array(1.0)}
    fcfs, other = (
        float(problem.evaluate(d, every_of(problem, d)).objective.min()) for d in (data, own_first)
    )
    bound = best_bound(data)
    assert bound == pytest.approx(fcfs, rel=1e-8)
    assert other < 0.995 * bound
    assert best_bound(own_first) <= other


def best_bound(data: Any) -> float:
    """With all effort."""
    relaxation, nodes, best = KnownEpisode(data), [0], -np.inf
    while nodes:
        best = relaxation.bound(nodes[0], np.inf).loss
        nodes = relaxation.branch(nodes[0], np.inf)[1]
    return best


def every_of(problem: A3c, data: Any) -> dict[str, np.ndarray]:
    space = problem.space(data)
    return dict(space.choices(0, space.count))


def test_values_are_below_the_cost_of_every_continuation() -> None:
    """At any times when two queues are free, on the grid or off it, not only where one begins."""
    rng = np.random.default_rng(4)
    at = np.sort(rng.uniform(0, 1.5, 6))
    modes = np.zeros((6, 3, 6))
    modes[:, :, values.BASE] = rng.uniform(0, 0.4, (6, 3))
    modes[:, 1, values.FIRST] = modes[:, 2, values.SECOND] = 0.7
    size = rng.uniform(0.1, 0.6, 6)
    modes[:, 1, values.ADD_FIRST], modes[:, 2, values.ADD_SECOND] = size, 1.3 * size
    table = np.zeros((7, 12, 12))
    values.plane(modes, np.zeros(6), at, 0.17, True, 0, 6, table)
    from toolkit.problems.a3c._walk_kernels import at_pair

    digits = np.stack(np.unravel_index(np.arange(3**6), (3,) * 6), axis=1)
    for _ in range(200):
        x, y = rng.uniform(0, 3.5, 2)
        cost, free = np.zeros(len(digits)), np.tile([x, y], (len(digits), 1))
        for k in range(6):
            free = np.maximum(free, at[k])
            chosen = modes[k, digits[:, k]]
            cost += chosen[:, values.BASE] + 0.7 * np.select(
                [digits[:, k] == 1, digits[:, k] == 2], (free - at[k]).T, 0.0
            )
            free = free + chosen[:, values.ADD_FIRST : values.ADD_SECOND + 1]
        assert at_pair(table[0], x, y, at[0], 0.17) <= cost.min() + 1e-12


def test_values_of_solver_and_proof_are_the_same() -> None:
    """Two codes, one definition: else bounds would not be reproduced."""
    rng = np.random.default_rng(2)
    at, size = np.sort(rng.uniform(0, 4, 20)), rng.uniform(0.1, 0.5, 20)
    own = rng.uniform(size=20) < 0.5
    modes = np.zeros((20, 2, 6))
    modes[:, 1, values.BASE], modes[:, 1, values.FIRST] = rng.uniform(-0.6, 0.1, 20), 0.5
    modes[:, 1, values.ADD_FIRST] = size
    modes[:, 1, values.ADD_SECOND] = modes[:, 1, values.SIZE] = own * size
    most = np.maximum.accumulate(np.where(own, 0.0, size))
    table = np.zeros((21, 25, 25))
    values.plane(modes, most, at, 0.07, True, 12, 20, table)  # in two goes, the last rows first
    values.plane(modes, most, at, 0.07, True, 0, 12, table)
    ways = [
        [Way(0.0), Way(m[1, 0], (0.5, 0.0), (s, s * first), s * first)]
        for m, s, first in zip(modes, size, own, strict=True)
    ]
    np.testing.assert_allclose(tables(ways, at, most, 0.07, 25), table, atol=1e-12)


def test_local_search_counts_what_the_judge_counts() -> None:
    """All disciplines and forwardings, on a whole episode; and it only ever gains."""
    for discipline in DISCIPLINES:
        for forwarding in FORWARDINGS:
            problem = problems.load(
                "a3c", "clean", discipline=discipline, forwarding=forwarding, slots=6
            )
            data = problem.instance(1).data
            tasks = Tasks.of(data)
            search = Improver(tasks)
            start = tasks.home + 1
            better = search.kick(search.descend(start), np.random.default_rng(0), 3)
            for modes in (start, better):
                judged = problem.evaluate(data, {"target": tasks.target(modes)})
                assert judged.feasible()
                assert search.cost(modes) == pytest.approx(float(judged.objective), rel=1e-12)
            assert search.cost(better) < search.cost(start)


def solved(problem: A3c, instance: Instance, **params: Any) -> Result:
    solver = solvers.registry.build("exact", **params)
    probe = Probe(problem, instance, Budget(), np.random.default_rng(0))
    return probe.certify(solver.solve(problem, instance, probe))


def test_a_whole_episode_first_come_first_served_is_proved() -> None:
    """30 slots at density 0.5; verify re-proves it, and refutes what is said beyond."""
    problem = problems.load("a3c", "clean", discipline="fcfs", density=0.5)
    instance = problem.instance(0)
    result = solved(problem, instance)
    assert result.status == "optimal"
    assert result.gap is not None
    assert result.gap < 1e-8
    assert result.certificate is not None
    assert toolkit.verify(problem, instance, result).verdict == "proved"
    body = json.loads(json.dumps(dict(result.certificate.body)))
    body["nodes"][-1]["leaf"]["parts"][0]["above"] *= 0.999
    weaker = replace(result, certificate=Certificate("tree", body))
    assert toolkit.verify(problem, instance, weaker).verdict == "refuted"
    body["nodes"][-1]["leaf"]["parts"][0]["above"] *= 1.01
    proof = problem.proof(instance.data)
    assert proof.bound(proof.root(), body["nodes"][-1]["leaf"]) <= result.objective


def test_sixty_tasks_of_own_first_are_known_to_half_a_percent() -> None:
    problem = problems.load("a3c", "clean", density=0.9, slots=8)
    instance = problem.instance(0)
    result = solved(problem, instance)
    assert len(Tasks.of(instance.data)) > 50
    assert result.gap is not None
    assert result.gap < 0.005


def test_work_ends_with_the_time_and_has_a_decision_and_a_bound() -> None:
    """A tester's `exact` was killed on `large` without either."""
    problem = problems.load("a3c", "large")
    relaxation, nodes = KnownEpisode(problem.instance(0).data), [0]
    relaxation.watch(lambda: 0.0)
    begun, bounds = time.process_time(), []
    while nodes:
        said = relaxation.bound(nodes[0], np.inf)
        assert said.candidates is not None
        bounds.append(said.loss)
        nodes = relaxation.branch(nodes[0], np.inf)[1]
    assert time.process_time() - begun < 2
    judged = problem.evaluate(problem.instance(0).data, said.candidates)
    assert 0 < bounds[0] == bounds[-1] <= judged.objective[0]


def test_local_search_is_within_a_thousandth_of_own_first_optima() -> None:
    """Up to nine tasks in each of 36 instances, all of whose decisions are listed."""
    problem = problems.load("a3c", "clean", regions=(4, 2), slots=2, density=0.75, server_cpu=2e9)
    assert isinstance(problem, A3c)
    above = []
    for index in range(60):
        data = problem.instance(index).data
        if not 1 < problem.space(data).count <= 3**9:
            continue
        search = Improver(Tasks.of(data))
        found = search.kick(search.start, np.random.default_rng(0), 20)
        best = float(problem.evaluate(data, every_of(problem, data)).objective.min())
        above.append(search.cost(found) / best - 1)
    assert len(above) == 36
    assert min(above) > -1e-12
    assert max(above) <= 1e-3


def test_what_is_no_certificate_is_refused() -> None:
    problem = problems.load("a3c", "tiny")
    proof = problem.proof(problem.instance(0).data)
    grid = {"device": [0.1, 1.0], "server": [0.1, 1.0], "price": [0.0] * 8}
    searched = {**grid, "above": 1.0, "labels": 10}
    unpriced = {key: searched[key] for key in ("device", "server", "above", "labels")}
    for part, said in (
        ({**grid, "price": [0.0]}, "one price"),
        ({**grid, "price": [1e308] * 8}, "one price"),
        (unpriced, "one order"),  # there are detours
        ({**grid, "device": [0.0, 1.0]}, "a step above 0"),
        ({**grid, "device": [1e308, 1.0]}, "a step above 0"),
        ({**grid, "device": [1e-9, 1.0]}, "cannot be made"),
        ({**grid, "server": [1e-12, 0.0]}, "cannot be made"),  # a task moves over all its steps
        ({**grid, "server": [0.1, math.inf]}, "cannot be made"),
        ({**grid, "server": [math.nan, 1.0]}, "cannot be made"),
        ({**searched, "labels": 0}, "counted from 1"),
        ({**searched, "above": math.nan}, "is a number"),
    ):
        with pytest.raises(ValueError, match=said):
            proof.bound(proof.root(), {"parts": [part]})
    with pytest.raises(ValueError, match="tried again"):
        proof.split(proof.root(), {"user": 0})


def test_an_episode_without_tasks_costs_nothing() -> None:
    problem = problems.load("a3c", "tiny", density=0.0)
    result = solved(problem, problem.instance(0))
    assert result.status == "optimal"
    assert result.objective == 0.0
