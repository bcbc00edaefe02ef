"""Generic solvers find what enumeration finds, and their bounds are bounds."""

import importlib.util
import math

import numpy as np
import pytest

from toolkit import problems, solvers
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems import Problem
from toolkit.solvers import Budget, Probe, Result, Status, Stop
from toolkit.solvers._ladder import Ladder
from toolkit.solvers.outer import _Search

GENERIC = [
    "scip",
    pytest.param(
        "gurobi",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("gurobipy") is None, reason="gurobipy is an optional extra"
        ),
    ),
]
CERTIFIED = ["conic", "outer"]


def optimum(problem: Problem, instance: Instance) -> float:
    """The least loss of all masks; +inf where none is feasible."""
    choices = problem.space(instance.data).choices(0, 2**problem.n_users)
    done = problem.evaluate(instance.data, problem.complete(instance.data, choices))
    return float(solvers.losses(problem, done).min())


def run(name: str, problem: Problem, instance: Instance, seconds=math.inf, **params) -> Result:
    solver = solvers.registry.build(name, **params)
    assert solver.refuses(problem, instance) is None
    probe = Probe(problem, instance, Budget(seconds=seconds), rng_for(0))
    return probe.certify(solver.solve(problem, instance, probe))


def drawn(count: int, seed: str):
    """Instances with deadlines that bind, users that must offload, and no feasible decision."""
    rng = rng_for(seed)
    for index in range(count):
        fields = {
            "n_users": int(rng.integers(1, 8)),
            "deadline": float(rng.choice([0.1, 0.15, 0.2, 0.3, 0.5])),
            "bandwidth": float(10 ** rng.uniform(5.2, 6.7)),
            "f_server": float(10 ** rng.uniform(9.3, 10.5)),
            "kappa": float(10 ** rng.uniform(-29, -27)),
            "weight_delay": float(10 ** rng.uniform(-1, 1)),
        }
        problem = problems.load("cpdrl", "paper", **fields)
        yield problem, problem.instance(index)


def recomputed(problem: Problem, instance: Instance, result: Result) -> float:
    """The bound of a tree, from nothing but its splits and prices, in ball arithmetic."""
    assert result.certificate is not None
    proof, nodes = problem.proof(instance.data, "arb"), result.certificate.body["nodes"]

    def walk(number: int, region) -> float:
        node = nodes[number]
        if "leaf" in node:
            return proof.bound(region, node["leaf"])
        parts = proof.split(region, node["split"])
        pairs = zip(node["children"], parts, strict=True)
        return min(walk(child, part) for child, part in pairs)

    return walk(0, proof.root())


@pytest.mark.parametrize("name", GENERIC)
@pytest.mark.parametrize("preset", ["paper", "tight", "tiny"])
@pytest.mark.parametrize("n", [3, 5, 6])
def test_global_solvers_agree_with_enumeration(name, preset, n):
    problem = problems.load("cpdrl", preset, n_users=n)
    instance = problem.instance(n)
    best, result = optimum(problem, instance), run(name, problem, instance, 60)
    assert result.objective == pytest.approx(best, rel=1e-6)
    assert result.bound == pytest.approx(best, rel=1e-4)
    assert result.bound <= best * (1 + 1e-6)
    assert result.claim == "optimal"


@pytest.mark.parametrize("name", GENERIC)
def test_a_solvers_word_is_shown_as_a_claim(name):
    """Closed by its own account, but nothing to check: not optimal, not infeasible."""
    problem = problems.load("cpdrl", "tiny")
    result = run(name, problem, problem.instance(0), 60)
    assert result.status is Status.FEASIBLE
    assert result.certificate is not None
    assert result.certificate.kind == "claim"
    assert result.certificate.body["by"].lower().startswith(name)
    assert "own objective" in result.message


@pytest.mark.parametrize("name", GENERIC)
def test_global_solvers_claim_infeasible_instances_infeasible(name):
    problem = problems.load("cpdrl", "paper-kbyte", n_users=5)
    instance = problem.instance(0)
    assert optimum(problem, instance) == math.inf
    result = run(name, problem, instance, 60)
    assert (result.claim, result.status) == ("infeasible", Status.UNKNOWN)


@pytest.mark.parametrize("name", GENERIC)
def test_global_solvers_on_hard_draws(name):
    verdicts = set()
    for problem, instance in drawn(12, "hard"):
        best, result = optimum(problem, instance), run(name, problem, instance, 60)
        verdicts.add(result.claim)
        if best == math.inf:
            assert result.claim == "infeasible"
            continue
        assert result.objective == pytest.approx(best, rel=1e-4)
        assert result.bound <= best * (1 + 1e-6)
    assert verdicts == {"optimal", "infeasible"}


@pytest.mark.slow
@pytest.mark.parametrize("name", GENERIC)
@pytest.mark.parametrize("index", range(3))
def test_global_solvers_agree_with_enumeration_at_ten_users(name, index):
    problem = problems.load("cpdrl", "paper", n_users=10)
    instance = problem.instance(index)
    best, result = optimum(problem, instance), run(name, problem, instance, 120)
    assert result.objective == pytest.approx(best, rel=1e-4)
    assert result.bound == pytest.approx(best, rel=1e-4)


def test_printed_form_agrees_too():
    problem = problems.load("cpdrl", "paper", n_users=2)
    instance = problem.instance(0)
    result = run("scip", problem, instance, 60, formulation="paper", gap=1e-4)
    assert result.objective == pytest.approx(optimum(problem, instance), rel=1e-6)
    assert result.bound <= result.objective * (1 + 1e-6)


def test_scip_stops_at_its_time_limit_without_hanging():
    """Its display would fill the pipe that Pyomo reads; and a limit is not a proof."""
    problem = problems.load("cpdrl", "paper", n_users=30)
    result = run("scip", problem, problem.instance(0), 2)
    assert result.stop is Stop.TIME
    assert result.wall < 10
    assert result.claim == ""


def test_gurobi_refuses_what_its_licence_does_not_cover():
    """One sentence before the run instead of an error in it."""
    gurobipy = pytest.importorskip("gurobipy")
    problem = problems.load("cpdrl", "paper", n_users=30)
    reason = solvers.registry.build("gurobi").refuses(problem, problem.instance(0))
    try:
        with gurobipy.Env(params={"OutputFlag": 0}) as env, gurobipy.Model(env=env) as model:
            x = model.addMVar(300)
            model.addConstr(x[0] * x[0] <= 1)
            model.optimize()
    except gurobipy.GurobiError:
        assert reason is not None
        assert "licence" in reason
    else:
        assert reason is None


def test_gurobi_fits_the_licence_up_to_its_very_limit():
    """22 users make 199 variables with those that functions add; 23 make 208."""
    pytest.importorskip("gurobipy")
    problem = problems.load("cpdrl", "paper", n_users=22)
    result = run("gurobi", problem, problem.instance(0), 5)
    assert result.bound is not None


@pytest.mark.parametrize("name", CERTIFIED)
@pytest.mark.parametrize("preset", ["tiny", "paper", "tight", "paper-kbyte"])
@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_certified_solvers_agree_with_enumeration(name, preset, n):
    problem = problems.load("cpdrl", preset, n_users=n)
    instance = problem.instance(n)
    check_certified(name, problem, instance, closes=True)


@pytest.mark.parametrize("name", CERTIFIED)
def test_certified_solvers_on_hard_draws(name):
    """Outer branches, so it closes every gap; conic may leave one, its bound holds all the same."""
    statuses = [
        check_certified(name, problem, instance, closes=name == "outer")
        for problem, instance in drawn(40, "certified")
    ]
    assert set(statuses) >= {Status.OPTIMAL, Status.INFEASIBLE}


def by_a_hair(share: float, index: int) -> tuple[Problem, Instance]:
    """Users that must offload have `share` of the bandwidth that they need at full power."""
    fields = {"n_users": 3, "deadline": 0.12, "weight_delay": 0.03}
    problem = problems.load("cpdrl", "paper", **fields)
    drawn = problem.instance(index)
    data = dict(drawn.data)
    work = data["size"] * data["cycles"]
    forced = work / data["f_max"] > data["deadline"]
    assert 1 < forced.sum() < 3
    room = (data["deadline"] - work * forced.sum() / data["f_server"])[forced]
    rate = np.log2(1 + data["p_max"] * data["gain"][forced] / data["noise"])
    data["bandwidth"] = share * (data["size"][forced] / rate / room).sum()
    return problem, Instance("cpdrl", problem.version, data, problem.params, "hair")


@pytest.mark.parametrize("name", CERTIFIED)
@pytest.mark.parametrize("hair", [3e-7, 1e-9, 1e-12, 1e-15])
def test_what_is_infeasible_by_a_hair_is_neither_an_error_nor_for_ever(name, hair):
    """No price clears the bandwidth then, at none are the users' shares few enough."""
    for index in (0, 2, 4):
        result = run(name, *by_a_hair(1 - hair, index), 5)
        assert result.stop is Stop.FINISHED
        assert result.status is Status.INFEASIBLE or (hair < 1e-14 and result.bound is not None)


@pytest.mark.parametrize("hair", [3e-7, 1e-9, 1e-12])
def test_what_is_feasible_by_a_hair_is_solved(hair):
    problem, instance = by_a_hair(1 + hair, 0)
    result = run("outer", problem, instance, 5)
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(optimum(problem, instance), rel=1e-6)


def check_certified(name, problem, instance, closes) -> Status:
    best, result = optimum(problem, instance), run(name, problem, instance, 60)
    assert result.certificate is not None
    assert result.certificate.kind == "tree"
    again = recomputed(problem, instance, result)
    if best == math.inf:
        assert result.status is Status.INFEASIBLE
        assert again == math.inf
        return result.status
    assert result.bound <= best * (1 + 1e-12)
    assert again == pytest.approx(result.bound, rel=1e-9)
    if closes:
        assert result.status is Status.OPTIMAL
        assert result.objective == pytest.approx(best, rel=1e-6)
    return result.status


@pytest.fixture
def gapped():
    """Four users whose best relaxation is 18 % below the optimum: two of them are half in."""
    problem = problems.load(
        "cpdrl",
        "paper",
        n_users=4,
        deadline=0.3,
        bandwidth=611678.3172580523,
        f_server=2853834039.45281,
        kappa=9.136757339850215e-28,
        weight_delay=0.21026830484181325,
    )
    return problem, problem.instance(0)


def test_conic_leaves_an_integrality_gap_open_and_says_so(gapped):
    result = run("conic", *gapped, 60)
    assert result.status is Status.FEASIBLE
    assert result.gap > 0.1
    assert result.claim == ""
    assert recomputed(*gapped, result) == pytest.approx(result.bound, rel=1e-9)


def test_outer_closes_an_integrality_gap_by_branching(gapped):
    result = run("outer", *gapped, 60)
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(optimum(*gapped), rel=1e-9)
    splits = [node["split"] for node in result.certificate.body["nodes"] if "split" in node]
    assert any("user" in split for split in splits)
    assert recomputed(*gapped, result) == pytest.approx(result.bound, rel=1e-9)


def test_outer_finds_the_best_choice_by_its_integer_masters(gapped, monkeypatch):
    """With the roundings of linear masters thrown away, HiGHS alone finds the optimum."""
    offer, integer, inside = Ladder.offer, _Search._integer, []

    def only_inside(self, discrete):
        if inside:
            offer(self, discrete)

    def marked(self, linear):
        inside.append(linear)
        integer(self, linear)
        inside.clear()

    monkeypatch.setattr(Ladder, "offer", only_inside)
    monkeypatch.setattr(_Search, "_integer", marked)
    result = run("outer", *gapped, 60)
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(optimum(*gapped), rel=1e-9)


@pytest.mark.parametrize("name", CERTIFIED)
def test_large_instances_need_few_relaxations(name):
    """Prices of two cardinalities serve all between: far fewer pieces than n + 1."""
    problem = problems.load("cpdrl", "large", n_users=150)
    result = run(name, problem, problem.instance(0), 60)
    assert result.status is Status.OPTIMAL
    assert len(result.certificate.body["nodes"]) < 60
    assert recomputed(problem, problem.instance(0), result) == pytest.approx(result.bound, rel=1e-9)


@pytest.mark.parametrize("name", CERTIFIED)
def test_a_bound_is_there_when_time_runs_out(name):
    """What is done is kept: prices of the outermost pieces already bound everything."""
    problem = problems.load("cpdrl", "large", n_users=300)
    result = run(name, problem, problem.instance(0), 1e-3)
    assert result.stop is Stop.TIME
    assert result.bound is not None
    assert result.certificate.kind == "tree"
    assert result.bound < run("exact", problem, problem.instance(0)).objective


def test_outer_proves_twenty_users_in_seconds():
    problem = problems.load("cpdrl", "paper", n_users=20)
    for index in range(3):
        result = run("outer", problem, problem.instance(index), 30)
        assert result.gap <= 1e-6
        assert result.seconds < 10


def test_conic_never_believes_the_conic_solver(monkeypatch):
    """Clarabel was seen to report -inf as optimal; garbage duals must give a valid bound too."""
    problem = problems.load("cpdrl", "tiny")
    instance = problem.instance(0)
    best = optimum(problem, instance)
    import cvxpy as cp

    def nonsense(self, **_):
        for constraint in self.constraints:
            constraint.save_dual_value(np.full(constraint.shape, np.nan))

    monkeypatch.setattr(cp.Problem, "solve", nonsense)
    result = run("conic", problem, instance, 60)
    assert -math.inf < result.bound <= best
    assert result.status is Status.UNKNOWN  # nothing was rounded, nothing is claimed


def test_conic_survives_a_solver_that_gives_up(monkeypatch):
    import cvxpy as cp

    def fails(self, **_):
        raise cp.SolverError("no")

    monkeypatch.setattr(cp.Problem, "solve", fails)
    problem = problems.load("cpdrl", "tiny")
    result = run("conic", problem, problem.instance(0), 60)
    assert -math.inf < result.bound <= optimum(problem, problem.instance(0))


def test_conic_names_the_solvers_it_could_use():
    problem = problems.load("cpdrl", "tiny")
    with pytest.raises(UserError, match="CLARABEL"):
        run("conic", problem, problem.instance(0), solver="NOPE")


def test_conic_refuses_what_cvxpy_has_no_memory_for():
    problem = problems.load("cpdrl", "large", n_users=3000)
    reason = solvers.registry.build("conic").refuses(problem, problem.instance(0))
    assert reason is not None
    assert "3000" in reason


class Bare(Problem):
    """A problem that knows nothing beyond its formula."""

    title = paper = "bare"
    sense = "min"
    presets: dict = {}  # noqa: RUF012
    fields: dict = {}  # noqa: RUF012
    n_users: int = 1

    def sample(self, rng, batch=()):
        return {}

    def space(self, data):
        raise NotImplementedError

    def judge(self, data, decision):
        raise NotImplementedError


@pytest.mark.parametrize("name", ["scip", "gurobi", "conic", "outer"])
def test_solvers_refuse_problems_without_what_they_need(name):
    reason = solvers.registry.build(name).refuses(Bare(n_users=1), Instance("bare", 0, {}))
    assert reason is not None
    assert reason.startswith("the problem has no")


@pytest.mark.parametrize("name", ["scip", "gurobi", "conic", "outer"])
def test_gaps_that_make_no_sense_are_refused(name):
    with pytest.raises(UserError, match="gap is -1"):
        solvers.registry.build(name, gap=-1.0)


@pytest.mark.parametrize("name", GENERIC)
def test_unknown_formulations_are_a_sentence(name):
    problem = problems.load("cpdrl", "tiny")
    with pytest.raises(UserError, match="did you mean 'paper'"):
        run(name, problem, problem.instance(0), formulation="papr")
