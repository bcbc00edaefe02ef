"""Policy gradient for caches: sequences of picks, drawn by their scores until the stop comes."""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.arrays import Data, Decision
from toolkit.problems import Problem

from . import _caching as caching
from . import _ranking_kernels as kernels
from ._base import Learner
from ._caching import Forecaster, HasCaching
from ._nets import DeepSets
from ._train import Training

LOG_EVERY = 20  # steps
MORE = 4  # times as many episodes are drawn for forecasts as are played
NEVER = -1e9  # the score of what cannot be picked
LAYERS = 2  # of the network of sets
LAST_RATE = 0.1  # of the learning rate, of its first


class Scores(nn.Module):
    """A score for each service on each server, and for the stop, of what is known of a step.

    A memory of requests becomes a forecast of the coming steps; of that and of what is cached a
    network of sets makes scores, with the same weights for all items, which have names.
    """

    names: Tensor

    def __init__(
        self, servers: int, services: int, forecaster: Forecaster, width: int, own: bool
    ) -> None:
        super().__init__()
        self.own = own  # whether it sees what is cached
        items, self.shape, self.forecaster = servers * services, (servers, services), forecaster
        names, item = torch.zeros(items + 1, servers + services + 1), torch.arange(items)
        names[item, item // services] = 1.0
        names[item, servers + item % services] = 1.0
        names[items, -1] = 1.0  # the stop
        self.register_buffer("names", names, persistent=False)
        seen = names.shape[-1] + 2 * forecaster.shape[0] + 3
        self.sets = DeepSets(seen, width, LAYERS)
        self.less = nn.Linear(2 * forecaster.shape[0], 1)

    def score(self, expected: Tensor, left: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (*lead, items + 1), and what is less for services (*lead, services) that another
        server has picked, without which servers, being alike, would pick the same.

        From expected (*lead, ahead, services), log-probabilities, the share of the steps left
        (*lead, 1), and cache (*lead, items).
        """
        lead, (servers, services) = cache.shape[:-1], self.shape
        asked = torch.cat([expected, expected.exp() * services], -2).transpose(-1, -2)
        less = nn.functional.softplus(self.less(asked)).squeeze(-1)
        asked = asked.unsqueeze(-3).expand(*lead, servers, *asked.shape[-2:])
        own = self.own * cache.reshape(*lead, servers, services)
        others = own.sum(-2, keepdim=True) - own
        items = torch.cat([asked, own.unsqueeze(-1), others.unsqueeze(-1)], -1).flatten(-3, -2)
        every = nn.functional.pad(items, (0, 0, 0, 1))
        time = left.unsqueeze(-2).expand(*every.shape[:-1], 1)
        names = self.names.expand(*lead, *self.names.shape)
        return self.sets(torch.cat([every, time, names], -1)), less


class Trail(NamedTuple):
    """What happened in episodes, the steps along the second axis."""

    cache: np.ndarray  # (rows, steps, items), before each step
    order: np.ndarray  # (rows, steps, picks)
    free: np.ndarray  # (rows, steps, picks, items + 1)
    again: np.ndarray  # of the same shape: how many servers had picked the service
    reward: np.ndarray  # (rows, steps)


@dataclass(frozen=True, kw_only=True)
class CachePg(Learner):
    """Picks services for servers one after another, by scores, until it stops; learns by REINFORCE.

    A pick is drawn from the softmax of the scores of what still fits, and of the stop (Plackett and
    Luce); what was cached and still fits stays. Each episode is played `rollouts` times, and a
    step's return is compared with that of the others (Kool and others, Buy 4 REINFORCE Samples,
    2019). Loading is free at first: its price grows over `ramp` of the training, lest the
    policy learns to keep whatever it has.
    """

    one_size: ClassVar[bool] = True
    practice: ClassVar[int] = 150

    memory: bool = True
    own_cache: bool = True  # whether it sees what is cached: that is a memory, too
    foretell: float = 1.0  # weight of the likelihood of requests, from which the memory learns
    start: float = 0.2  # share of the training that forecasts only; none where foretell is 0
    ahead: int = 2  # coming steps that are forecast
    width: int = 64  # of the memory
    breadth: int = 32  # of the scores' network
    batch: int = 8  # episodes that are played
    rollouts: int = 4  # of each
    rate: float = 2e-3  # Adam's at first; at last a tenth
    discount: float = 0.8
    entropy: float = 0.01  # bonus at first, of advantages of unit size; at last none
    ramp: float = 0.6
    inner: str = "exact"  # or ga_improved, ga_dgl, ga_mask: who solves the slots

    def __post_init__(self) -> None:
        for name in ("ahead", "width", "breadth", "batch", "rollouts"):
            if getattr(self, name) < (least := 1 + (name == "rollouts")):
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        for name in ("discount", "ramp"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name):g}; it must be between 0 and 1.")
        if not 0 <= self.start < 1:
            raise ValueError(f"start is {self.start:g}; it must be at least 0 and below 1.")
        if not (0 < self.rate < math.inf and min(self.entropy, self.foretell) >= 0):
            raise ValueError("rate must be above 0, entropy and foretell at least 0.")
        caching.check_inner(self.inner)

    def modest(self) -> Learner:
        return replace(self, batch=8, width=16)

    def refuses(self, problem: Problem) -> str | None:
        return caching.refusal(problem)

    def build(self, problem: Problem) -> nn.Module:
        data = problem.instance().data
        servers, services = data["limit"].shape[-1], data["size"].shape[-1]
        forecaster = Forecaster(services, self.ahead, self.width, self.memory)
        return Scores(servers, services, forecaster, self.breadth, self.own_cache)

    def train(self, net: nn.Module, run: Training) -> None:
        assert isinstance(net, Scores)
        optimiser = torch.optim.Adam(net.parameters(), lr=self.rate)
        for step in run.steps(net, optimiser=optimiser):
            for group in optimiser.param_groups:
                group["lr"] = self.rate * (1 + (LAST_RATE - 1) * run.progress)
            loss, values = self.loss(net, run, step)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            if step % LOG_EVERY == 0:
                run.log(**values)

    def loss(self, net: Scores, run: Training, step: int) -> tuple[Tensor, dict[str, float]]:
        """On fresh episodes: of forecasts, and after the start of what is played; and values for
        the curve."""
        problem, rng = cast(HasCaching, run.problem), run.rng("batch", step)
        drawn = run.problem.sample(rng, (self.batch * MORE,))
        counts = problem.requests(drawn)
        expected = caching.forecasts(net.forecaster, counts)
        surprise = caching.surprise(expected, counts).mean()
        values = {"surprise": surprise.item()}
        start = self.start if self.foretell else 0.0
        if run.progress < start:
            return surprise, values
        done = (run.progress - start) / (1 - start)
        told = expected.detach() if self.foretell else expected  # rewards would blur a forecast
        known = told[: self.batch].repeat_interleave(self.rollouts, 0)
        trail = self.play(net, problem, self.repeated(drawn, done), known, rng)
        gain, doubt = self.gain(net, known, trail)
        loss = self.foretell * surprise - gain - self.entropy * (1 - done) * doubt
        return loss, {**values, "entropy": doubt.item(), **_traits(trail)}

    def gain(self, net: Scores, known: Tensor, trail: Trail) -> tuple[Tensor, Tensor]:
        """What to ascend: the likelihood of what was picked, weighted; and its mean entropy."""
        chance, doubt = likelihood(net, known, trail)
        weight = torch.from_numpy(self.advantage(trail.reward).astype(np.float32))
        return (weight * chance).mean(), doubt.mean()

    def repeated(self, drawn: Data, progress: float) -> dict[str, np.ndarray]:
        """Episodes, each `rollouts` times, at the price of loading of this time."""
        data = {k: np.repeat(v[: self.batch], self.rollouts, axis=0) for k, v in drawn.items()}
        price = min(1.0, progress / self.ramp) if self.ramp else 1.0
        return {**data, "load_price": data["load_price"] * price}

    def play(
        self,
        net: Scores,
        problem: HasCaching,
        data: Data,
        known: Tensor,
        rng: np.random.Generator,
    ) -> Trail:
        """Episodes with drawn picks."""
        solver = caching.inner_solver(problem, self.inner)
        play = problem.dynamics(data, inner=solver, rng=rng)
        rows: list[tuple[np.ndarray, ...]] = []
        with torch.no_grad():
            while play.at < play.steps:
                cache = play.observe()["cache"]
                flat = cache.reshape(len(cache), -1).astype(np.float32)
                left = torch.full((len(flat), 1), 1 - play.at / play.steps)
                scores = net.score(known[:, play.at], left, torch.from_numpy(flat))
                chosen, *made = picks(data, scores, cache, rng)
                rows.append((flat, *made, play.step({"cache": chosen})))
        return Trail(*(np.stack(part, axis=1) for part in zip(*rows, strict=True)))

    def advantage(self, reward: np.ndarray) -> np.ndarray:
        """Discounted returns (rows, steps) above those of the same episode's other roll-outs, in
        units of their size."""
        value = np.array(reward)
        for t in range(reward.shape[1] - 2, -1, -1):
            value[:, t] += self.discount * value[:, t + 1]
        each = value.reshape(-1, self.rollouts, reward.shape[1])
        gain = each - each.mean(1, keepdims=True)
        return np.asarray((gain / (gain.std() + 1e-9)).reshape(reward.shape))

    def act(self, net: nn.Module, problem: Problem, data: Data, k: int = 1) -> Decision:
        """The likeliest pick each time, (rows, 1, …)."""
        assert isinstance(problem, HasCaching)
        exact = cast(Scores, caching.precise(net))
        ask = caching.remembering(exact.forecaster)

        def pick(seen: dict[str, np.ndarray]) -> np.ndarray:
            cache = seen["cache"]
            known = torch.from_numpy(ask(caching.newest(seen)))
            left = torch.full((len(cache), 1), 1 - int(seen["step"].flat[0]) / problem.steps)
            flat = torch.from_numpy(cache.reshape(len(cache), -1))
            return picks(data, exact.score(known, left.double(), flat), cache)[0]

        return caching.rolled(problem, data, pick, self.inner)


def picks(
    data: Data,
    scores: tuple[Tensor, Tensor],
    cache: np.ndarray,
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, ...]:
    """(caches, order, free, again) of a `Trail`'s step, drawn; the likeliest picks without rng."""
    score, less = (part.numpy().astype(float) for part in scores)
    rows, items = score.shape
    shape = (rows, items, items)
    noise = np.zeros(shape) if rng is None else rng.gumbel(size=shape)
    order, free, again = np.empty((rows, items), np.int64), np.empty(shape, bool), np.empty(shape)
    chosen = np.empty(cache.shape)
    rule: Any = (np.ascontiguousarray(data["size"][0]), np.ascontiguousarray(data["limit"][0]))
    kernels.picked(score, less, noise, *rule, cache, free, again, chosen, order)
    return chosen, order, free, again


def likelihood(net: Scores, known: Tensor, trail: Trail) -> tuple[Tensor, Tensor]:
    """Log-probability of each step's picks, and the sum of the entropies met; (rows, steps)."""
    most = int((trail.order >= 0).sum(-1).max())
    order = torch.from_numpy(trail.order[..., :most])
    free = torch.from_numpy(trail.free[..., :most, :])
    again = torch.from_numpy(trail.again[..., :most, :-1].astype(np.float32))
    steps = order.shape[1]
    left = (1 - torch.arange(steps) / steps).expand(len(order), -1).unsqueeze(-1)
    scores, less = net.score(known, left, torch.from_numpy(trail.cache))
    servers = again.shape[-1] // less.shape[-1]
    off = nn.functional.pad(again * less.repeat(1, 1, servers).unsqueeze(-2), (0, 1))
    chance = (scores.unsqueeze(-2) - off).masked_fill(~free, NEVER).log_softmax(-1)
    made = order >= 0
    taken = chance.gather(-1, order.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    doubt = -(chance.exp() * chance.masked_fill(~free, 0.0)).sum(-1)
    return (taken * made).sum(-1), (doubt * made).sum(-1)


def _traits(trail: Trail) -> dict[str, float]:
    """How a policy that keeps whatever it has is told: how much it changes in a step."""
    changes = np.abs(np.diff(trail.cache, axis=1)).sum(-1).mean()
    reward = trail.reward.sum(-1).mean()
    return {
        "reward": float(reward),
        "changed": float(changes),
        "picked": float((trail.order >= 0).sum(-1).mean() - 1),
    }
