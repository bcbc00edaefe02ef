"""`evaluate`: in blocks or at once, by the short way or the long one, the same to the last bit."""

import math
from typing import Protocol

import numpy as np
import pytest
import torch

from toolkit import problems
from toolkit.arrays import array_namespace
from toolkit.instances import rng_for
from toolkit.problems import Evaluation, Problem, _blocks, _knowledge
from toolkit.problems._known import Known
from toolkit.solvers._probe import rank, ranks

CUT = [name for name in problems.registry.names() if problems.registry.find(name).at_once]
SHAPES = [((), (7,)), ((5,), (5,)), ((4, 1), (4, 3)), ((3,), (8, 3)), ((1,), (6,))]


def drawn(problem: Problem, lead: tuple, rows: tuple) -> tuple[dict, dict]:
    """Data, and decisions of which some violate bounds or are not whole."""
    rng = rng_for("blocks", problem.name, str(lead), str(rows))
    data = problem.sample(rng, lead)
    found = {}
    for var in problem.space(data).vars:
        width = np.asarray(var.upper) - np.asarray(var.lower)
        whole = np.asarray(var.lower) + width * rng.uniform(-0.02, 1.02, (*rows, *var.shape))
        found[var.name] = np.rint(whole) if var.discrete and rng.random() < 0.7 else whole
    return data, found


def numbers(said: Evaluation) -> dict[str, np.ndarray]:
    return {"objective": said.objective, **said.violations, **said.terms}


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize(("lead", "rows"), SHAPES)
def test_a_batch_in_blocks_is_worth_the_same(name, lead, rows, monkeypatch):
    problem = problems.load(name, "tiny")
    data, decision = drawn(problem, lead, rows)
    parts = list(_blocks.blocks(problem, problem.space(data), data, decision))
    assert len(parts) == 1
    whole = numbers(problem.evaluate(data, decision))
    monkeypatch.setattr(type(problem), "at_once", problem.space(data).size)
    parts = list(_blocks.blocks(problem, problem.space(data), data, decision))
    assert len(parts) == rows[0]
    for key, value in numbers(problem.evaluate(data, decision)).items():
        assert value.shape == whole[key].shape == rows
        np.testing.assert_array_equal(value, whole[key], err_msg=key)


def test_who_prepares_tables_for_a_batch_judges_it_at_once():
    problem = problems.load("a3c", "tiny")
    data = problem.instance(0).data
    rows = np.zeros((200_000 // data["has"].size, *data["has"].shape))
    assert len(list(_blocks.blocks(problem, problem.space(data), data, {"target": rows}))) == 1


@pytest.mark.parametrize("name", problems.registry.names())
def test_the_short_way_to_violations_says_what_the_long_one_does(name):
    """NumPy's doubles inside of all bounds are seen at once; torch's never are."""
    problem = problems.load(name, "tiny")
    data = problem.instance(0).data
    space = problem.space(data)
    slow = problem.space({k: torch.tensor(v) for k, v in data.items()})
    rng = rng_for("inside", name)
    for trial in range(12):
        point = space.sample(rng, (3,))
        var = space.vars[trial % len(space.vars)]
        spoilt = point[var.name].reshape(-1)
        spoilt[trial % spoilt.size] += (0, 0, 1e-9, -0.3, np.nan, 100)[trial // 2]
        found = space.violations(point)
        expected = slow.violations({k: torch.tensor(v) for k, v in point.items()})
        for key, value in expected.items():
            np.testing.assert_array_equal(found[key], value.numpy(), err_msg=key)
        for key, value in space.rounded(point).items():
            discrete = space[key].discrete
            np.testing.assert_array_equal(value, np.round(point[key]) if discrete else point[key])


def test_snapping_moves_by_a_tolerance_only():
    space = problems.load("cpdrl", "tiny").space(problems.load("cpdrl", "tiny").instance(0).data)
    point = space.sample(rng_for("snap"))
    assert all(np.array_equal(space.snap(point)[key], value) for key, value in point.items())
    near, far = ({**point, "offload": np.array([1 - e, 0, -e, 1 + e])} for e in (1e-7, 1e-3))
    assert space.snap(near)["offload"].tolist() == [1, 0, 0, 1]
    assert np.array_equal(space.snap(far)["offload"], far["offload"])


def test_the_namespace_is_the_arrays_own():
    assert array_namespace(np.zeros(2)) is array_namespace(np.float64(1))
    assert "torch" in array_namespace(torch.zeros(2)).__name__


PROTOCOLS = [p for p in vars(_knowledge).values() if isinstance(p, Known)]


@pytest.mark.parametrize("name", problems.registry.names())
def test_what_a_problem_knows_is_what_its_protocols_say(name):
    problem = problems.load(name, "tiny")
    assert len(PROTOCOLS) >= 20
    for known in PROTOCOLS:
        said = type(Protocol).__instancecheck__(known, problem)
        assert [isinstance(problem, known) for _ in range(2)] == [said, said], known.__name__


def test_knowledge_is_of_a_type():
    class Cat:
        def polish(self): ...

    class Dog(Cat):
        polish = None

    assert isinstance(Cat(), _knowledge.HasPolish)
    assert not isinstance(Dog(), _knowledge.HasPolish)
    assert isinstance(Cat(), _knowledge.HasPolish)


@pytest.mark.parametrize("name", ["cpdrl", "droo"])
def test_the_rank_of_one_is_the_rank_of_a_row(name):
    problem = problems.load(name, "tiny")
    values = [1.5, -2.0, 0.0, math.nan, math.inf, -math.inf]
    pairs = [(o, v) for o in values for v in (0.0, 5e-7, 1e-6, 2e-6, 3.0, math.nan, math.inf)]
    objective, violation = np.array(pairs).T
    said = Evaluation(objective, {"x": violation})
    every = zip(*ranks(problem, said), strict=True)
    for pair, row in zip(pairs, every, strict=True):
        assert rank(problem, *pair) == tuple(row), pair
