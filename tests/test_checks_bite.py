"""Planted bugs: each must be caught by a check, else the conformance suite proves nothing."""

import math
import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from toolkit import problems
from toolkit.errors import UserError
from toolkit.problems import Bounded, Certificate, Evaluation, Problem, Space, Var
from toolkit.problems._check import CHECKS, check_problem
from toolkit.problems._check.base import verdict
from toolkit.problems._check.planted import planted_optima_are_optimal
from toolkit.problems.cpdrl import Cpdrl
from toolkit.problems.ddlo import Ddlo
from toolkit.problems.e2ehco import E2ehco
from toolkit.solvers import Claim, Probe, Solver
from toolkit.solvers._check import check_solver
from toolkit.solvers.enumerate import Enumerate
from toolkit.solvers.greedy import Greedy
from toolkit.solvers.random_search import RandomSearch


def caught(failures: Any, by: str) -> bool:
    """Whether a check whose name contains `by` failed."""
    return any(failure is not None and by in name for name, failure in failures)


# --- problems


class DroppedWeight(Cpdrl):
    """Energy counts once, whatever its weight."""

    def judge(self, data: Any, decision: Any) -> Evaluation:
        return super().judge({**data, "weight_energy": 0 * data["weight_energy"] + 1}, decision)


class WrongLog(Cpdrl):
    """The rate with the natural logarithm: every upload takes ln 2 of its time less."""

    def judge(self, data: Any, decision: Any) -> Evaluation:
        found = super().judge(data, decision)
        nats = super().judge({**data, "size": data["size"] * math.log(2)}, decision)
        return replace(found, objective=nats.objective)


class MovedConstraint(Cpdrl):
    """The deadline is judged a tenth later than the models and the allocation have it."""

    def judge(self, data: Any, decision: Any) -> Evaluation:
        return super().judge({**data, "deadline": data["deadline"] * 1.1}, decision)


class SumWithoutAxis(Cpdrl):
    """One sum over the whole batch instead of one for every row."""

    def judge(self, data: Any, decision: Any) -> Evaluation:
        found = super().judge(data, decision)
        return replace(found, objective=found.objective.sum() + 0 * found.objective)


class GlobalRandom(Cpdrl):
    """Draws from NumPy's global generator."""

    def sample(self, rng: Any, batch: tuple[int, ...] = ()) -> Any:
        data = super().sample(rng, batch)
        return {**data, "size": data["size"] * np.random.uniform(0.99, 1.01)}  # noqa: NPY002


class ForgetsTheDeadline(Cpdrl):
    """Completes as if all had ten times as long."""

    def complete(self, data: Any, discrete: Any) -> Any:
        return super().complete({**data, "deadline": data["deadline"] * 10}, discrete)


class EqualShares(Cpdrl):
    """A completion that is feasible, but not the best."""

    def complete(self, data: Any, discrete: Any) -> Any:
        best = super().complete(data, discrete)
        among = np.maximum(best["offload"].sum(-1, keepdims=True), 1)
        equal = best["offload"] * (data["bandwidth"][..., None] / among)
        return {**best, "bandwidth": equal}


class BoundTooHigh(Cpdrl):
    """A relaxation that claims half a percent more than it can."""

    def relaxation(self, data: Any) -> Any:
        inner = super().relaxation(data)
        honest = inner.bound

        def bound(node: Any, cutoff: float) -> Bounded:
            said = honest(node, cutoff)
            return Bounded(said.loss + 0.005 * abs(said.loss), said.candidates)

        inner.bound = bound  # type: ignore[method-assign]
        return inner


class ProofTooHigh(Cpdrl):
    """A proof that rounds to the wrong side."""

    def proof(self, data: Any, arithmetic: Any = "float") -> Any:
        inner = super().proof(data, arithmetic)
        honest = inner.bound_each
        inner.bound_each = lambda discrete: honest(discrete) * (1 + 1e-5)  # type: ignore[method-assign]
        return inner


class Overwrites(Cpdrl):
    """Writes into what it was given."""

    def judge(self, data: Any, decision: Any) -> Evaluation:
        decision["power"][...] = decision["power"].clip(0, 0.9)
        return super().judge(data, decision)


class NoDomain(Cpdrl):
    """Offloading that is not declared binary."""

    def space(self, data: Any) -> Space:
        offload, *rest = super().space(data).vars
        return Space((Var("offload", offload.shape, "binary", lower=-1.0, upper=2.0), *rest))


class OtherModel(Cpdrl):
    """A model of another instance: every task five percent smaller."""

    def pyomo(self, instance: Any, formulation: str = "lifted") -> Any:
        data = {**instance.data, "size": instance.data["size"] * 0.95}
        return super().pyomo(replace(instance, data=data), formulation)


class SpillsInRepair(Cpdrl):
    """A repair that turns offloading off where a user draws little power."""

    def repair(self, data: Any, raw: Any) -> Any:
        return super().repair(data, {**raw, "offload": raw["offload"] * (raw["power"] > 0.1)})


class LosesAFrame(Cpdrl):
    """Episodes that end a frame early."""

    def episode(self, rng: Any, frames: int, batch: Any = ()) -> Any:
        return super().episode(rng, frames - 1, batch)


PROBLEMS = [
    (DroppedWeight, "every number of the data matters"),
    (WrongLog, "pyomo models agree"),
    (MovedConstraint, "nothing beats completion"),
    (SumWithoutAxis, "a batch is worth what its rows are"),
    (GlobalRandom, "instances depend on the seed alone"),
    (ForgetsTheDeadline, "nothing beats completion"),
    (EqualShares, "nothing beats completion"),
    (BoundTooHigh, "relaxation and proof stay below"),
    (ProofTooHigh, "each choice is bounded below"),
    (Overwrites, "evaluation does not touch its inputs"),
    (NoDomain, "nothing beats completion"),
    (OtherModel, "pyomo models agree"),
    (LosesAFrame, "an episode is its frames"),
    (SpillsInRepair, "repair keeps the choice"),
]


@pytest.mark.parametrize(("bug", "by"), PROBLEMS, ids=lambda v: getattr(v, "__name__", None))
def test_a_bug_in_a_problem_is_caught(bug: type[Problem], by: str) -> None:
    """The check that is named must be the one that sees it, and must pass without the bug."""
    assert caught(check_problem(bug(n_users=4)), by)


# --- planted optima


class PlantsTheFirst(Ddlo):
    """Calls it optimal that nobody offloads."""

    def plant(self, rng: Any) -> Any:
        data, best, certificate = super().plant(rng)
        return data, {name: 0 * value for name, value in best.items()}, certificate


class PlantsWithoutProof(Ddlo):
    """An optimum, and a price that proves little of it."""

    def plant(self, rng: Any) -> Any:
        data, best, _ = super().plant(rng)
        leaf = {"leaf": {"nu": 0.0, "theta": 0.0}}
        return data, best, Certificate("tree", {"nodes": [leaf]})


class PlantsTooMuch(Ddlo):
    """Rates that the uplink does not have."""

    def plant(self, rng: Any) -> Any:
        data, best, certificate = super().plant(rng)
        return data, {**best, "uplink": 1.5 * best["uplink"]}, certificate


class PlantsByChance(Ddlo):
    """Data of NumPy's global generator."""

    def plant(self, rng: Any) -> Any:
        return super().plant(np.random.default_rng(np.random.randint(2**31)))  # noqa: NPY002


class PlantsNothing(Ddlo):
    """No data suit it."""

    def plant(self, rng: Any) -> Any:
        raise UserError("set other values.")


class SaysSo(Ddlo):
    """Nobody offloads; the certificate says that this is best, and the proof repeats it."""

    def plant(self, rng: Any) -> Any:
        data, best, _ = super().plant(rng)
        local = {name: 0 * value for name, value in best.items()}
        leaf = {"leaf": {"word": float(self.judge(data, local).objective)}}
        return data, local, Certificate("tree", {"nodes": [leaf]})

    def proof(self, data: Any, arithmetic: Any = "float") -> Any:
        inner = super().proof(data, arithmetic)
        inner.bound = lambda region, prices: prices["word"]  # type: ignore[method-assign]
        return inner


class IdleServersAreFast(E2ehco):
    """Forgets that a server that nobody asks for must be too slow to be asked for."""

    def plant(self, rng: Any) -> Any:
        data, best, certificate = super().plant(rng)
        cpus = np.maximum(data["server_cpu"], self.server_cpu_high)
        return {**data, "server_cpu": cpus}, best, certificate


PLANTS: list[tuple[type[Problem], str]] = [
    (PlantsTheFirst, "which is no proof. Choose the optimum first"),
    (PlantsWithoutProof, "which is no proof."),
    (PlantsTooMuch, "its decision violates uplink by 5.0e-01."),
    (PlantsByChance, "the same seed plants different data."),
    (PlantsNothing, "plant makes no instance of any preset: set other values."),
    (SaysSo, "another one"),
    (IdleServersAreFast, "which is no proof."),
]


@pytest.mark.parametrize(("bug", "said"), PLANTS, ids=lambda v: getattr(v, "__name__", None))
def test_a_lie_about_a_planted_optimum_is_caught(bug: type[Problem], said: str) -> None:
    text = verdict(planted_optima_are_optimal, bug(**bug.presets["tiny"]))
    assert text is not None
    assert said in text


def test_planted_optima_that_are_true_pass() -> None:
    assert planted_optima_are_optimal in CHECKS
    for name in ("ddlo", "e2ehco"):
        assert verdict(planted_optima_are_optimal, problems.load(name, "tiny")) is None


# --- solvers


@dataclass(frozen=True, kw_only=True)
class LiesAboutTheBound(Greedy):
    """Calls its best value proven, found by looking at a few choices."""

    def solve(self, problem: Problem, instance: Any, probe: Probe) -> Claim:
        claim = Greedy.solve(self, problem, instance, probe)
        probe.bound(problem.sign * probe.loss, Certificate("enumeration", {"count": 2}))
        return claim


@dataclass(frozen=True, kw_only=True)
class LiesInTheTree(Greedy):
    """Calls its best value proven by a tree whose one leaf proves next to nothing."""

    def solve(self, problem: Problem, instance: Any, probe: Probe) -> Claim:
        claim = Greedy.solve(self, problem, instance, probe)
        relaxation = problem.relaxation(instance.data)  # type: ignore[attr-defined]
        leaf = {"leaf": relaxation.prices(relaxation.root())}
        probe.bound(problem.sign * probe.loss, Certificate("tree", {"nodes": [leaf]}))
        return claim


@dataclass(frozen=True, kw_only=True)
class BoundAboveTheOptimum(Solver):
    """Bounds the whole problem by its one choice."""

    def solve(self, problem: Problem, instance: Any, probe: Probe) -> Claim:
        low = {v.name: np.full(v.shape, 0.0) for v in problem.space(instance.data).discrete}
        probe.offer(problem.complete(instance.data, low))  # type: ignore[attr-defined]
        probe.bound(problem.sign * probe.loss, Certificate("claim", {"by": "itself"}))
        return Claim()


@dataclass(frozen=True, kw_only=True)
class ScoresItself(Enumerate):
    """Writes a better figure into the books."""

    def solve(self, problem: Problem, instance: Any, probe: Probe) -> Claim:
        claim = Enumerate.solve(self, problem, instance, probe)
        best = probe._best
        if best is not None:
            probe._best = replace(best, objective=best.objective * 0.99)
        return claim


@dataclass(frozen=True, kw_only=True)
class UsesTheGlobalGenerator(RandomSearch):
    """Ignores the generator that it was handed."""

    def solve(self, problem: Problem, instance: Any, probe: Probe) -> Claim:
        probe.rng = np.random.default_rng(random.getrandbits(32))
        return RandomSearch.solve(self, problem, instance, probe)


@dataclass(frozen=True, kw_only=True)
class NeverLooksAtTheClock(RandomSearch):
    """Goes on after its time is over."""

    def solve(self, problem: Problem, instance: Any, probe: Probe) -> Claim:
        while probe.budget.seconds < 1 and probe.wall < 1.2:
            RandomSearch.solve(self, problem, instance, probe)
        return Claim()


@dataclass(frozen=True, kw_only=True)
class CallsEverythingInfeasible(Solver):
    """Gives up at once and says that there is nothing to find."""

    def solve(self, problem: Problem, instance: Any, probe: Probe) -> Claim:
        probe.bound(problem.sign * math.inf, Certificate("tree", {"nodes": [{"leaf": {}}]}))
        return Claim(verdict="infeasible")


@dataclass(frozen=True, kw_only=True)
class RefusesSilently(Solver):
    """Takes nothing and does not say why."""

    def refuses(self, problem: Problem, instance: Any) -> str | None:
        return ""

    def solve(self, problem: Problem, instance: Any, probe: Probe) -> Claim:
        return Claim()


@dataclass(frozen=True, kw_only=True)
class ChangesTheData(RandomSearch):
    """Makes the instance easier before it solves it."""

    def solve(self, problem: Problem, instance: Any, probe: Probe) -> Claim:
        deadline = instance.data["deadline"]
        deadline.setflags(write=True)
        deadline *= 2
        return RandomSearch.solve(self, problem, instance, probe)


SOLVERS: list[tuple[type[Solver], str]] = [
    (LiesAboutTheBound, "a certificate holds what it promises"),
    (LiesInTheTree, "a certificate holds what it promises"),
    (BoundAboveTheOptimum, "no bound is above the optimum"),
    (ScoresItself, "the result is what the formula says"),
    (UsesTheGlobalGenerator, "the same seed gives the same result"),
    (NeverLooksAtTheClock, "a budget of seconds is kept"),
    (CallsEverythingInfeasible, "an infeasible instance is never called solved"),
    (RefusesSilently, "says what it needs and refuses"),
    (ChangesTheData, "the data are not touched"),
]


@pytest.mark.parametrize(("bug", "by"), SOLVERS, ids=lambda v: getattr(v, "__name__", None))
def test_a_bug_in_a_solver_is_caught(bug: type[Solver], by: str) -> None:
    """The check that is named must be the one that sees it."""
    assert caught(check_solver(bug()), by)


def test_without_a_bug_nothing_is_caught() -> None:
    """A suite that always fails would catch every bug too."""
    failures = [f for f in check_solver(Enumerate()) if f[1] is not None]
    failures += [f for f in check_problem(problems.load("cpdrl", "tiny")) if f[1] is not None]
    assert failures == []
