"""What learners of offload masks share: instances to train on, decoding, and whole decisions."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from toolkit import problems
from toolkit.arrays import Data, Decision
from toolkit.problems import HasCompletion, HasFeatures, Problem, Var

from ._base import Learner
from ._mix import spans
from ._nets import DeepSets
from ._train import Training

GROUPS = 8  # of instances in a batch, each with generator fields of its own
LOG_EVERY = 20  # steps
SURE = 4  # users beside log2(k) whose bits the k likeliest masks may flip
VARY = "bandwidth=0.05:4,f_server=0.25:4,deadline=0.4:1,weight_delay=0.03:1"
START, END, WARM = 0.1, 0.01, 0.1  # first and last learning rate over the peak; share of rising


class HasFeatureViews(Protocol):
    """Can show a policy less than all it knows: what learning is worth without that help."""

    feature_views: ClassVar[tuple[str, ...]]

    def features(self, data: Data, view: str) -> np.ndarray:
        """As `HasFeatures.features`, of one of `feature_views`."""


@dataclass(frozen=True, kw_only=True)
class MaskLearner(Learner):
    """A network that scores every user of an instance; `complete` decides all but the mask.

    It trains on instances of users_low to users_high users (log-uniform, one number a batch) of
    the run's problem, in which the generator fields of `vary` are multiplied by log-uniform
    factors: "field=low:high,field=low:high". The default leaves out what the problem lacks.
    """

    practice: ClassVar[int] = 60

    width: int = 64
    layers: int = 3
    rate: float = 2e-3  # the peak of Adam's
    batch: int = 128  # instances
    stress: float = 10.0  # what an instance counts whose likeliest mask is not yet right
    users_low: int = 4
    users_high: int = 100
    see: str = ""  # which of the problem's `feature_views`; by default `features` as they are
    vary: str = VARY

    def __post_init__(self) -> None:
        for name in ("width", "layers", "rate", "stress", "users_low"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must be above 0.")
        if self.batch < GROUPS:
            raise ValueError(f"batch is {self.batch}; it must be at least {GROUPS}.")
        if self.users_high < self.users_low:
            raise ValueError("users_high is below users_low; swap them.")
        self.factors()

    def modest(self) -> Learner:
        return replace(self, batch=32, users_low=2, users_high=8)

    def refuses(self, problem: Problem) -> str | None:
        if not isinstance(problem, HasCompletion):
            return "the problem has no completion of discrete choices"
        if block(problem, problem.instance().data) is None:
            return "it decides one bit a user, and the discrete part is another: ddlo and droo fit"
        if not isinstance(problem, HasFeatures):
            return "the problem has no features of users that a policy could see"
        views = getattr(problem, "feature_views", ())
        if self.see and self.see not in views:
            return f"the problem has no view {self.see!r} of its features, only {', '.join(views)}"
        for name in self.varied(problem):
            if not isinstance(problem.params.get(name), float):
                return f"the problem has no number {name!r} to vary: set vary to what it has"
        return None

    def build(self, problem: Problem) -> nn.Module:
        seen = self.features(problem, problem.instance().data)
        return DeepSets(seen.shape[-1], self.width, self.layers)

    def factors(self) -> dict[str, tuple[float, float]]:
        """Field -> (low, high) of `vary`; ValueError where it cannot be read."""
        return spans(self.vary, "vary")

    def varied(self, problem: Problem) -> dict[str, tuple[float, float]]:
        """`factors` of this problem's fields."""
        every = self.factors()
        if self.vary != VARY:
            return every
        return {
            name: span
            for name, span in every.items()
            if isinstance(problem.params.get(name), float)
        }

    def draw(self, run: Training, number: int) -> tuple[Problem, Data]:
        """Batch `number` of the run: instances of one size, (batch, …), and their problem.

        What the generator's fields do to an instance is in its data, so one problem serves all.
        """
        rng = run.rng("batch", number)
        low, high = math.log(self.users_low), math.log(self.users_high + 1)
        users = min(int(math.exp(rng.uniform(low, high))), self.users_high)
        sizes = np.diff(np.linspace(0, self.batch, GROUPS + 1).astype(int))
        drawn = []
        for size in sizes:
            fields = {**run.problem.params, "n_users": users}
            for name, (least, most) in self.varied(run.problem).items():
                fields[name] *= math.exp(rng.uniform(math.log(least), math.log(most)))
            problem = problems.load(run.problem.name, **fields)
            drawn.append(problem.sample(rng, (int(size),)))
        return problem, {key: np.concatenate([part[key] for part in drawn]) for key in drawn[0]}

    def act(self, net: nn.Module, problem: Problem, data: Data, k: int = 1) -> Decision:
        """The best guesses of the network, completed."""
        seen = self.features(problem, data)
        lead = seen.shape[:-2]
        scores = self.score(net, seen.reshape(-1, *seen.shape[-2:]))
        masks = guesses(scores, k)
        return completed(problem, data, masks.reshape(*lead, *masks.shape[-2:]))

    def features(self, problem: Problem, data: Data) -> np.ndarray:
        """What the policy sees of every user, (*batch, n, features)."""
        if self.see:
            return cast(HasFeatureViews, problem).features(data, self.see)
        return cast(HasFeatures, problem).features(data)

    def score(self, net: nn.Module, seen: np.ndarray) -> np.ndarray:
        """The log-odds that each user offloads, (rows, n)."""
        assert isinstance(net, DeepSets)
        return net.scores(seen)

    def optimiser(self, net: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(net.parameters(), lr=self.rate)

    def descend(
        self,
        net: nn.Module,
        optimiser: torch.optim.Optimizer,
        run: Training,
        seen: np.ndarray,
        labels: np.ndarray,
    ) -> None:
        """One step on the likelihood of the labels, both with a leading axis of instances."""
        for group in optimiser.param_groups:
            group["lr"] = self.rate * one_cycle(run.progress)
        scores, wanted = net(torch.from_numpy(seen)), torch.from_numpy(labels.astype(np.float32))
        right = ((scores > 0) == (wanted > 0.5)).all(-1)
        loss = (_surprise(scores, wanted) * torch.where(right, 1.0, self.stress)).mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        if run.step % LOG_EVERY == 0:
            run.log(
                loss=loss.item(),
                whole_masks_right=right.float().mean().item(),
                users=float(seen.shape[-2]),
                **_degeneration(scores > 0),
            )


def _surprise(scores: Tensor, wanted: Tensor) -> Tensor:
    """-log of the probability of the wanted mask, (rows,)."""
    each = nn.functional.binary_cross_entropy_with_logits(scores, wanted, reduction="none")
    return each.sum(-1)


def _degeneration(masks: Tensor) -> dict[str, float]:
    """How a policy that has learnt nothing is told: shares of masks that are all-local,
    all-offload, and different from each other."""
    return {
        "all_local": (~masks).all(-1).float().mean().item(),
        "all_offload": masks.all(-1).float().mean().item(),
        "distinct_masks": len(torch.unique(masks, dim=0)) / len(masks),
    }


def one_cycle(progress: float) -> float:
    """The learning rate as a share of its peak: up for a tenth of the run, then down by cosine.

    After Smith and Topin, Super-Convergence (2018).
    """
    if progress < WARM:
        return START + (1 - START) * progress / WARM
    done = (progress - WARM) / (1 - WARM)
    return END + (1 - END) * (1 + math.cos(math.pi * done)) / 2


def block(problem: Problem, data: Data) -> Var | None:
    """The only discrete block of a problem, if it holds one binary a user."""
    found = problem.space(data).discrete
    fits = len(found) == 1 and found[0].kind == "binary" and len(found[0].shape) == 1
    return found[0] if fits else None


def completed(problem: Problem, data: Data, masks: np.ndarray) -> Decision:
    """Whole decisions for several masks of each of a batch of instances, (*batch, k, n)."""
    (var,) = problem.space(data).discrete
    axis = masks.ndim - 2
    where = (slice(None),) * axis + (None,)
    spread = {key: value[where] for key, value in data.items()}
    return cast(HasCompletion, problem).complete(spread, {var.name: masks})


def best_of(problem: Problem, data: Data, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best of several masks of each instance, (rows, k, n) to (rows, n), and who has one."""
    spread = {key: value[:, None] for key, value in data.items()}
    worth = problem.evaluate(spread, completed(problem, data, masks))
    loss = np.where(worth.feasible(), problem.sign * worth.objective, np.inf)
    best = np.argmin(loss, axis=-1)
    return masks[np.arange(len(masks)), best], np.isfinite(loss.min(axis=-1))


def guesses(scores: np.ndarray, k: int) -> np.ndarray:
    """At most k masks for each row of scores, (rows, n) to (rows, k, n), the likeliest first.

    From k = 4 a quarter are cuts by score alone, and one is nobody's: it needs no common resource.
    """
    if k < 4:
        return likeliest(scores, k)
    cuts, nobody = k // 4, np.zeros((len(scores), 1, scores.shape[1]))
    return np.concatenate([likeliest(scores, k - cuts - 1), prefixes(scores, cuts), nobody], axis=1)


def likeliest(scores: np.ndarray, k: int) -> np.ndarray:
    """The k most probable masks under independent log-odds; fewer where there are fewer.

    A flip of users costs the sum of their |score|, so the best flips are among the most
    uncertain: all subsets of the log2(k) + SURE most uncertain users are compared.
    """
    n = scores.shape[-1]
    first = scores > 0
    if k <= 1:
        return first[:, None].astype(float)
    width = min(n, k.bit_length() + SURE)
    doubt = np.abs(scores)
    unsure = np.argsort(doubt, axis=-1, kind="stable")[:, :width]
    subsets = (np.arange(2**width)[:, None] >> np.arange(width)) & 1
    with np.errstate(invalid="ignore"):  # a network that has diverged is told where it is kept
        price = np.take_along_axis(doubt, unsure, -1).astype(float) @ subsets.T.astype(float)
    k = min(k, 2**width)
    cheap = np.argpartition(price, k - 1, axis=-1)[:, :k] if k < 2**width else np.argsort(price)
    order = np.argsort(np.take_along_axis(price, cheap, -1), axis=-1, kind="stable")
    flips = subsets[np.take_along_axis(cheap, order, -1)].astype(bool)
    masks = np.repeat(first[:, None], k, axis=1)
    where = np.broadcast_to(unsure[:, None], flips.shape)
    np.put_along_axis(masks, where, np.take_along_axis(masks, where, -1) ^ flips, -1)
    return masks.astype(float)


def prefixes(scores: np.ndarray, k: int) -> np.ndarray:
    """Masks of the users of largest score, (rows, k, n), of other sizes than the likeliest mask.

    Order-preserving (Huang, Bi and Zhang, DROO, 2020), at distances 1, 2, 3, 5, 8, … to either
    side, so that few masks reach far where the scores are off by a constant; fewer than k where
    the next would be everybody or nobody again.
    """
    n = scores.shape[-1]
    rank = np.argsort(np.argsort(-scores, axis=-1, kind="stable"), axis=-1)
    sizes = np.clip((scores > 0).sum(-1, keepdims=True) + _distances(k, n), 0, n)
    masks: np.ndarray = rank[:, None] < sizes[..., None]
    return masks.astype(float)


def _distances(k: int, most: int) -> np.ndarray:
    """1, -1, 2, -2, 3, -3, 5, -5, 8 …: the first k, to where `most` is reached."""
    found: list[int] = []
    near, far = 1, 2
    while len(found) < k and (not found or -found[-1] < most):
        found += [near, -near]
        near, far = far, near + far
    return np.array(found[:k], dtype=int)
