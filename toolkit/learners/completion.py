"""Completion: a network that chooses for one user after the other, seeing what has been chosen."""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, cast, get_args

import numpy as np
import torch
from torch import nn

from toolkit.arrays import Data, Decision
from toolkit.instances import rng_for
from toolkit.problems import (
    TOLERANCE,
    HasCompletion,
    HasOptions,
    HasPolish,
    Options,
    Problem,
)

from ._base import Learner
from ._completing import block, decode, sureness
from ._masks import one_cycle
from ._mix import mixed, spans
from ._option_nets import OptionSets
from ._train import Training

GROUPS = 8  # of instances in a mixed batch, each with generator fields of its own
LOG_EVERY = 20  # steps
Labels = Literal["own", "teacher"]


@dataclass(frozen=True, kw_only=True)
class Completion(Learner):
    """Completes choices user by user, the surest first; labels are its own or a teacher's.

    The network is trained to complete random parts of good choices, and decides from nothing,
    one user a round: unlike users who choose at once, later ones see the load of those before.
    With labels="own" the good choices are the best of some random ones after the problem's own
    polish; with "teacher" those of `--teacher`. Part of the batches are instances of the run's
    problem itself, the others have sizes and fields drawn from `sizes` and `vary`.
    """

    practice: ClassVar[int] = 60

    labels: Labels = "own"
    starts: int = 4  # random choices behind a label of its own
    width: int = 48
    layers: int = 3
    rate: float = 2e-3  # the peak of Adam's
    batch: int = 64  # instances
    pool: int = 400  # batches with labels
    rounds: int = 64  # at most; more users than that choose several a round
    heat: float = 1.0  # of the guesses after the first
    hard: float = 0.7  # share of steps on those whom the network is least sure of
    blur: float = 0.1  # of that order, in log-probabilities
    mix: float = 0.25  # share of batches with other sizes and fields
    sizes: str = "n_users=6:16,n_servers=2:10"
    vary: str = (
        "bits_low+bits_high=0.3:1.2,bits_low=0.3:1,cycles_low=0.4:1,cycles_high=1:1.4,"
        "server_cpu_low=0.6:1,server_cpu_high=1:1.3,noise_density=1:10,loss_gain=0.02:1,"
        "loss_exponent=1:1.3"
    )

    def __post_init__(self) -> None:
        if self.labels not in get_args(Labels):
            raise ValueError(f"labels is {self.labels!r}; give own or teacher.")
        for name in ("starts", "width", "layers", "batch", "pool", "rounds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        for name in ("rate", "heat"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must be above 0.")
        for name in ("mix", "hard"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must be between 0 and 1.")
        if self.blur < 0:
            raise ValueError(f"blur is {self.blur:g}; it must be at least 0.")
        for name in ("sizes", "vary"):
            spans(getattr(self, name), name)

    @property
    def taught(self) -> bool:
        return self.labels == "teacher"

    def modest(self) -> Learner:
        return replace(self, batch=32, pool=20, sizes="n_users=2:6,n_servers=2:4")

    def refuses(self, problem: Problem) -> str | None:
        if not (isinstance(problem, HasCompletion) and isinstance(problem, HasOptions)):
            return "the problem does not say what options are worth beside partial choices"
        if block(problem, problem.instance().data) is None:
            return "it decides one block of integers, one a user"
        if self.labels == "own" and not isinstance(problem, HasPolish):
            return "the problem cannot polish choices: set labels=teacher"
        return None

    def build(self, problem: Problem) -> nn.Module:
        data = {key: value[None] for key, value in problem.instance().data.items()}
        users = np.arange(problem.users(data))[None]
        options = cast(HasOptions, problem).options(data)
        seen = options.see(np.zeros(1, int), np.full(users.shape, -1), users)
        return OptionSets(seen.shape[-1], self.width, self.layers)

    def train(self, net: nn.Module, run: Training) -> None:
        optimiser = torch.optim.Adam(net.parameters(), lr=self.rate)
        known: dict[int, tuple[Options, np.ndarray, np.ndarray]] = {}
        for step in run.steps(net, optimiser=optimiser):
            lap, place = divmod(step, self.pool)
            number = int(run.rng("order", lap).permutation(self.pool)[place])
            if number not in known:
                known[number] = self.labelled(run, number)
            options, labels, solved = known[number]
            if len(solved):
                for group in optimiser.param_groups:
                    group["lr"] = self.rate * one_cycle(run.progress)
                self.descend(net, optimiser, run, options, labels, solved)

    def labelled(self, run: Training, number: int) -> tuple[Options, np.ndarray, np.ndarray]:
        """(options, good choices (rows, users), the rows that have them) of a batch."""
        rng = run.rng("batch", number)
        problem, data = self.draw(run.problem, rng)
        var = block(problem, data)
        assert var is not None
        if self.labels == "teacher":
            assert run.teacher is not None
            choices, solved = run.teacher(problem, data)
            found = choices[var.name]
        else:
            found, solved = self.best_polished(problem, data, rng)
        options = cast(HasOptions, problem).options(data)
        return options, np.rint(found - var.lower).astype(np.int64), np.flatnonzero(solved)

    def draw(self, problem: Problem, rng: np.random.Generator) -> tuple[Problem, Data]:
        """Instances of one size, (batch, …), and their problem."""
        if rng.random() >= self.mix:
            return problem, problem.sample(rng, (self.batch,))
        sizes, factors = spans(self.sizes, "sizes"), spans(self.vary, "vary")
        return mixed(problem, rng, self.batch, min(GROUPS, self.batch), sizes, factors)

    def best_polished(
        self, problem: Problem, data: Data, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best of `starts` polished random choices of each instance, and who has one."""
        (var,) = problem.space(data).discrete
        rows = len(next(iter(data.values())))
        shape = (rows, self.starts, *var.shape)
        spread = {key: value[:, None] for key, value in data.items()}
        drawn = rng.integers(var.lower, np.asarray(var.upper) + 1, shape).astype(float)
        found = cast(HasPolish, problem).polish(spread, {var.name: drawn})
        worth = problem.evaluate(spread, cast(HasCompletion, problem).complete(spread, found))
        loss = np.where(worth.feasible(TOLERANCE), problem.sign * worth.objective, np.inf)
        return found[var.name][np.arange(rows), loss.argmin(1)], np.isfinite(loss.min(1))

    def descend(
        self,
        net: nn.Module,
        optimiser: torch.optim.Optimizer,
        run: Training,
        options: Options,
        labels: np.ndarray,
        solved: np.ndarray,
    ) -> None:
        """One step on the likelihood of what is left of the labels, of as many users in each."""
        labels = labels[solved]
        chosen, left = self.parts(cast(OptionSets, net), run, options, labels, solved)
        seen = torch.from_numpy(options.see(solved, chosen, left))
        wanted = torch.from_numpy(np.take_along_axis(labels, left, 1))
        scores = net(seen)
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), wanted.flatten())
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        if run.step % LOG_EVERY == 0:
            right = (scores.argmax(-1) == wanted).float()
            run.log(loss=loss.item(), users_right=right.mean().item(), users=float(left.shape[1]))

    def parts(
        self,
        net: OptionSets,
        run: Training,
        options: Options,
        labels: np.ndarray,
        solved: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """(what users have chosen, -1 where nothing, (rows, n); the users without, (rows, u)).

        In a share `hard` of the steps those without are whom the network is least sure of, as they
        will be where it decides: they are harder than users drawn at random, as in the others.
        """
        rng, (rows, users) = run.rng("parts", run.step), labels.shape
        count = rng.integers(1, users + 1)
        rank = rng.random(labels.shape)
        if rng.random() < self.hard:
            everyone = np.tile(np.arange(users), (rows, 1))
            scores = net.scores(options.see(solved, np.full(labels.shape, -1), everyone))
            rank = sureness(scores.astype(float)) + self.blur * rank
        left = np.argsort(rank, axis=1)[:, :count]
        chosen = labels.copy()
        np.put_along_axis(chosen, left, -1, 1)
        return chosen, left

    def act(self, net: nn.Module, problem: Problem, data: Data, k: int = 1) -> Decision:
        """The choice of the surest options, and k - 1 samples; completed."""
        (var,) = problem.space(data).discrete
        spread: dict[str, Any] = {key: value[:, None] for key, value in data.items()}
        rows, users = len(next(iter(data.values()))), var.size
        count = int(np.asarray(var.upper - var.lower).flat[0]) + 1
        noise = self.heat * rng_for("samples").gumbel(size=(k, users, count))
        noise[0] = 0.0
        found = decode(
            cast(OptionSets, net),
            cast(HasOptions, problem).options(data),
            np.repeat(np.arange(rows), k),
            users,
            self.rounds,
            np.tile(noise, (rows, 1, 1)) if k > 1 else None,
        )
        choice = found.reshape(rows, k, users) + np.asarray(var.lower, float)
        return cast(HasCompletion, problem).complete(spread, {var.name: choice})
