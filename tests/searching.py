"""What the tests of searching solvers share: runs without a bench, and a problem unlike cpdrl."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit import problems, solvers
from toolkit.arrays import at_most
from toolkit.instances import Instance
from toolkit.problems import Evaluation, Problem, Space, Var
from toolkit.solvers import Budget, Point, Probe, Result


def solve(name: str, problem: Problem, index: int = 0, seed: int = 0, **params: Any) -> Result:
    """A run without limits but those in `params` that begin with max_."""
    limits = {k[4:]: params.pop(k) for k in list(params) if k.startswith("max_")}
    return run(name, problem, problem.instance(index), Budget(**limits), seed, **params)[0]


def run(
    name: str, problem: Problem, instance: Instance, budget: Budget, seed: int = 0, **params: Any
) -> tuple[Result, list[Point]]:
    solver, seen = solvers.registry.build(name, **params), []
    assert solver.refuses(problem, instance) is None
    probe = Probe(problem, instance, budget, np.random.default_rng(seed), seen.append)
    return probe.certify(solver.solve(problem, instance, probe)), seen


def cpdrl(preset: str = "paper", **params: Any) -> Problem:
    return problems.load("cpdrl", preset, **params)


def best_loss(problem: Problem, instance: Instance) -> float:
    """The optimum by brute force, without any solver."""
    count = 2**problem.n_users
    every = problem.space(instance.data).choices(0, count)
    found = problem.evaluate(instance.data, problem.complete(instance.data, every))  # type: ignore[attr-defined]
    return float(solvers.losses(problem, found).min())


@dataclass(frozen=True, kw_only=True)
class Toy(Problem):
    """Maximise sum_i value_i(x_i) z - z^2 / 2 over integers x, a bit y and z, at most one zero."""

    title = paper = "toy"
    sense = "max"
    presets = {"tiny": {}, "paper": {}}  # noqa: RUF012
    fields = {}  # noqa: RUF012

    n_users: int = 4

    def sample(self, rng: np.random.Generator, batch: tuple[int, ...] = ()) -> Any:
        return {"value": rng.uniform(0, 1, (*batch, self.n_users, 5))}

    def space(self, data: Any) -> Space:
        return Space(
            (
                Var("x", (self.n_users,), "integer", lower=-2.0, upper=2.0),
                Var("z", upper=9.0),
                Var("y", (), "binary"),
            )
        )

    def judge(self, data: Any, decision: Any) -> Evaluation:
        x, y, z = decision["x"], decision["y"], decision["z"]
        gain = self._gain(data, x, y)
        zeros = (np.round(x) == 0).sum(-1)
        return Evaluation(gain * z - z**2 / 2, {"zeros": at_most(zeros, 1.0)})

    def complete(self, data: Any, discrete: Any) -> Any:
        return {**discrete, "z": np.clip(self._gain(data, discrete["x"], discrete["y"]), 0, 9)}

    def _gain(self, data: Any, x: Any, y: Any) -> Any:
        index = np.broadcast_to(np.round(x).astype(int)[..., None] + 2, (*x.shape, 1))
        values = np.broadcast_to(data["value"], (*x.shape, 5))
        picked = np.take_along_axis(values, index, -1)[..., 0]
        return picked.sum(-1) - 0.5 * y * picked[..., 0]
