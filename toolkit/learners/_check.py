"""The conformance suite of learners: what every learner must keep to on every problem it takes."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from toolkit import problems
from toolkit.arrays import Data, Decision
from toolkit.instances import rng_for
from toolkit.problems import HasCompletion, Problem, Space
from toolkit.problems._check.base import Bare, feasible_losses, need, row, same, verdict

from ._base import Checkpoint, Learner, load, save
from ._train import Training, fit

FEW = 6  # steps of runs that are compared bit by bit
TRIES = 64  # random decisions an instance that a trained policy is compared with
MOST = 4096  # choices that the teacher of these checks enumerates


@dataclass(frozen=True)
class Trial:
    """A learner on a small problem; trained once for all checks."""

    learner: Learner
    problem: Problem

    def run(self, steps: int, **options: Any) -> Training:
        teacher = best_choices if self.learner.taught else None
        run = Training(problem=self.problem, max_steps=steps, seed=3, teacher=teacher)
        for name, value in options.items():
            setattr(run, name, value)
        return run

    @cached_property
    def trained(self) -> tuple[Any, Training]:
        """(network, run) after `practice` steps."""
        run = self.run(self.learner.practice)
        return fit(self.learner, run), run

    @cached_property
    def data(self) -> Data:
        """The instances that it is examined on, a batch."""
        some = range(1 if self.learner.one_instance else 32)
        drawn = [self.problem.instance(i, seed=3).data for i in some]
        return {key: np.stack([data[key] for data in drawn]) for key in drawn[0]}

    def act(self, net: Any, data: Data, k: int = 1) -> Decision:
        return self.learner.act(net, self.problem, data, k)


Check = Callable[[Trial], None]


def check_learner(
    learner: Learner, on: list[str] | None = None
) -> Iterator[tuple[str, str | None]]:
    """Yields (what was examined, why it failed or None) for every problem that it takes, of those
    named in `on` or of all."""
    yield "says what it needs and refuses", verdict(says_what_it_needs, learner)
    for name in on or [name for name, _ in problems.registry.usable(lambda text: None)]:
        trial = trial_of(learner, problems.load(name, "tiny"))
        for fn in CHECKS if trial else []:
            yield f"{name}: {fn.__name__.replace('_', ' ')}", verdict(fn, trial)


def trial_of(learner: Learner, problem: Problem) -> Trial | None:
    """None where the learner refuses the problem."""
    modest = learner.modest()
    return Trial(modest, problem) if modest.refuses(problem) is None else None


def best_choices(problem: Problem, data: Data) -> tuple[Decision, np.ndarray]:
    """A teacher: the best of all choices, or of MOST random ones, for a batch of instances."""
    assert isinstance(problem, HasCompletion)
    count = len(next(iter(data.values())))
    space = problem.space(row(data, 0))
    if space.count <= MOST:
        every = space.choices(0, space.count)
    else:
        every = Space(space.discrete).sample(rng_for("teacher"), (MOST,))
    found, losses = [], []
    for i in range(count):
        loss = feasible_losses(
            problem, problem.evaluate(row(data, i), problem.complete(row(data, i), every))
        )
        found.append(row(every, np.argmin(loss)))
        losses.append(loss.min())
    return {key: np.stack([f[key] for f in found]) for key in every}, np.isfinite(losses)


def says_what_it_needs(learner: Learner) -> None:
    need(bool((type(learner).__doc__ or "").strip()), "it has no docstring for lists to show.")
    inner = problems.load("cpdrl", "tiny")
    reason = learner.refuses(Bare(n_users=inner.n_users, inner=inner))
    need(reason is None or bool(reason.strip()), "it refuses without a reason.")


def two_runs_are_equal(trial: Trial) -> None:
    """… whatever the state of the global generators, which must be left as they were."""
    import torch

    weights = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        before = _global_state()
        weights.append(_weights(fit(trial.learner, trial.run(FEW))))
        need(_global_state() == before, "a global random generator is not as it was.")
    same(weights[0], weights[1], 0, "weights of two runs")


def an_interrupted_run_goes_on_as_if_nothing_had_been(trial: Trial) -> None:
    whole = fit(trial.learner, trial.run(FEW))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint"
        first = trial.run(FEW)
        first.save_every = 0.0
        first.checkpoint = lambda net, run: _keep_half(path, trial.learner, net, run)
        fit(trial.learner, first)
        again = trial.run(FEW)
        file = Checkpoint.read(path)
        again.resume(file.head, file.weights, file.state)
        need(again.step == FEW // 2, f"it goes on at step {again.step}, not at {FEW // 2}.")
        same(_weights(fit(trial.learner, again)), _weights(whole), 0, "weights of both runs")


def a_file_brings_the_same_policy_back(trial: Trial) -> None:
    net, run = trial.trained
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint"
        save(path, trial.learner, net, run)
        learner, read, problem, head = load(path)
    need(learner == trial.learner, f"the learner comes back as {learner}.")
    need(problem == trial.problem, f"the problem comes back as {problem}.")
    need(head["steps"] == run.step, f"the file says {head['steps']} steps.")
    same(_weights(read), _weights(net), 0, "weights before and after")
    same(trial.act(read, trial.data, 4), trial.act(net, trial.data, 4), 0, "their decisions")


def decisions_have_the_shape_of_the_batch_and_stay_in_the_space(trial: Trial) -> None:
    net, _ = trial.trained
    data = trial.data
    before = {key: value.copy() for key, value in data.items()}
    for k in (1, 3, 8):
        found = trial.act(net, data, k)
        rows = len(next(iter(data.values())))
        for var in trial.problem.space(row(data, 0)).vars:
            shape = found[var.name].shape
            fits = shape[0] == rows and 1 <= shape[1] <= k and shape[2:] == var.shape
            need(fits, f"{var.name!r} has shape {shape} for {rows} instances and k = {k}.")
        for i in range(rows):
            off = trial.problem.space(row(data, i)).violations(row(found, i))
            worst = max(float(np.max(value)) for value in off.values())
            need(worst <= 1e-9, f"a decision leaves the space by {worst:g}.")
    same(dict(data), before, 0, "the data before and after")


def a_batch_is_decided_as_its_instances_are(trial: Trial) -> None:
    net, _ = trial.trained
    whole = trial.act(net, trial.data, 2)
    for i in range(min(4, len(next(iter(trial.data.values()))))):
        one = trial.act(net, {key: value[i : i + 1] for key, value in trial.data.items()}, 2)
        same(row(one, 0), row(whole, i), 1e-5, "decisions alone and in a batch")


def it_learns_to_beat_chance(trial: Trial) -> None:
    """Its first guesses are better than three of four random decisions."""
    net, run = trial.trained
    need(run.step == trial.learner.practice, f"it made {run.step} steps.")
    wins = []
    for i in range(len(next(iter(trial.data.values())))):
        data = row(trial.data, i)
        chance = trial.problem.space(data).sample(rng_for("chance", i), (TRIES,))
        ours = trial.act(net, {key: value[None] for key, value in data.items()})
        mine = _worth(trial.problem, data, row(ours, 0))[0]
        wins.append(np.mean([mine < other for other in _worth(trial.problem, data, chance)]))
    need(np.mean(wins) >= 0.75, f"it beats {np.mean(wins):.0%} of random decisions.")


def _worth(problem: Problem, data: Data, decisions: Decision) -> list[tuple[float, float]]:
    """(violation where it counts, loss) of each decision: less is better."""
    found = problem.evaluate(data, decisions)
    excess = np.where(found.feasible(), 0.0, found.violation)
    return list(zip(excess.tolist(), (problem.sign * found.objective).tolist(), strict=True))


def _keep_half(path: Path, learner: Learner, net: Any, run: Training) -> None:
    if run.step == FEW // 2:
        save(path, learner, net, run)


def _weights(net: Any) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy().copy() for name, value in net.state_dict().items()}


def _global_state() -> tuple[str, bytes]:
    import torch

    return str(np.random.get_state(legacy=False)), torch.get_rng_state().numpy().tobytes()  # noqa: NPY002


CHECKS: list[Check] = [
    two_runs_are_equal,
    an_interrupted_run_goes_on_as_if_nothing_had_been,
    a_file_brings_the_same_policy_back,
    decisions_have_the_shape_of_the_batch_and_stay_in_the_space,
    a_batch_is_decided_as_its_instances_are,
    it_learns_to_beat_chance,
]
