"""DDPG that decides the caches of every large step; an inner solver does the slots.

Source: Liu, Zhang, Zhang, Yuan, DGL-DDPG, IEEE TWC 23(10), 2024, and its published code, whose
networks these are. There the memory is one step long and set to zero at every call, the critic
never learns (its loss is detached) and the noise is gone before learning begins; here these are
settings, `preset=as-published`, and the defaults are what the method says.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.arrays import Data, Decision
from toolkit.instances import rng_for
from toolkit.problems import Problem

from ._adam import Adam, flushed
from ._cache_ddpg_nets import Episodes, Pair, Shelves
from ._cache_ddpg_settings import Configured, Settings, deviation
from ._cache_ddpg_views import view_of
from ._caching import HasCaching, inner_solver, precise
from ._train import Training

LOG_EVERY = 20


class Played(NamedTuple):
    """A step of episodes side by side: seen (rows, width), the action, and paid (rows, 1)."""

    seen: np.ndarray
    action: np.ndarray
    paid: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Family(Configured):
    """Learners of one actor, which decides caches; an inner solver decides slots."""

    recurrent: ClassVar[bool] = True

    inner: str | None = None
    sees: str | None = None

    def build(self, problem: Problem) -> nn.Module:
        return CacheNet(problem, self.settings, self.recurrent)

    def train(self, net: nn.Module, run: Training) -> None:
        with flushed():
            train(cast(CacheNet, net), run, self.settings)

    def act(self, net: nn.Module, problem: Problem, data: Data, k: int = 1) -> Decision:
        """The decision without noise, (rows, 1, …)."""
        whole = act(cast(CacheNet, net), problem, data, self.settings)
        return {name: value[:, None] for name, value in whole.items()}


class CacheNet(nn.Module):
    """The networks, and how their scores become caches."""

    def __init__(self, problem: Problem, s: Settings, recurrent: bool) -> None:
        super().__init__()
        data = problem.instance().data
        self.steps = len(data["service"])
        self.shelves = Shelves(data["size"], data["limit"], s.first == "density")
        self.seen = view_of(s, {k: v[None] for k, v in data.items()}).width
        self.nets = Pair(self.seen, self.shelves.bits, s.width, recurrent, s.gains)


class Stage:
    """Episodes of a batch of instances at one step, and what was seen of them so far."""

    def __init__(self, problem: Problem, data: Data, s: Settings, rng: np.random.Generator) -> None:
        caching = cast(HasCaching, problem)
        self.dynamics = caching.dynamics(data, inner=inner_solver(caching, s.inner), rng=rng)
        self._view, self._memory = view_of(s, data), s.memory
        self._seen: list[np.ndarray] = []

    @property
    def over(self) -> bool:
        return self.dynamics.at == self.dynamics.steps

    def look(self) -> Tensor:
        """What is seen of the last steps, that at hand the last, (rows, steps, width)."""
        self._seen.append(self._view.see(self.dynamics))
        return torch.from_numpy(np.stack(self._seen[-self._memory :], 1, dtype=np.float32))

    def step(self, net: CacheNet, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Caches what scores say: these bits, and what was paid, (rows, …)."""
        bits = net.shelves.caches(scores)
        return bits, self.dynamics.step({"cache": bits.reshape(-1, *net.shelves.shape)})


def act(net: CacheNet, problem: Problem, data: Data, s: Settings) -> Decision:
    """The decision without noise, (rows, …)."""
    stage, actor = Stage(problem, data, s, rng_for("caching", "inner")), precise(net.nets.actor)
    while not stage.over:
        with torch.no_grad():
            scores = torch.tanh(actor(stage.look().double()))[:, -1]
        stage.step(net, scores.numpy())
    return stage.dynamics.decision()


def train(net: CacheNet, run: Training, s: Settings) -> None:
    """Every step plays `lanes` fresh episodes; the networks learn between their large steps."""
    nets = net.nets
    actor = Adam(nets.actor.parameters(), s.actor_rate)
    critic = Adam(nets.critic.parameters(), s.critic_rate)
    memory = Episodes(s.episodes, net.steps, net.seen, net.shelves.bits)
    for step in run.steps(net, actor=actor, critic=critic, memory=memory):
        data = run.problem.sample(run.rng("episodes", step), (s.lanes,))
        stage, played = Stage(run.problem, data, s, run.rng("inner", step)), list[Played]()
        loss = float("nan")
        while not stage.over:
            total = step * net.steps + stage.dynamics.at
            played.append(_explored(net, stage, s, deviation(s, total, run.progress)))
            if len(memory) and total >= s.start and total % s.every == 0:
                for _ in range(s.iterations):
                    loss = _learn(net, memory, s, actor, critic)
        memory.extend(*(np.stack(part, 1) for part in zip(*played, strict=True)))
        if step % LOG_EVERY == 0:
            paid = float(np.mean([p.paid for p in played])) * net.steps
            run.log(reward=paid, loss=loss)


def _explored(net: CacheNet, stage: Stage, s: Settings, deviation: float) -> Played:
    """One step of all episodes, with noise on the scores."""
    seen = stage.look()
    with torch.no_grad():
        scores = net.nets.scores(seen)[:, -1]
    noisy = (scores + deviation * torch.randn_like(scores)).clamp(-1, 1).numpy()
    bits, paid = stage.step(net, noisy)
    action = bits if s.judged == "bits" else noisy
    return Played(seen[:, -1].numpy(), action, paid[:, None])


def _learn(net: CacheNet, memory: Episodes, s: Settings, actor: Adam, critic: Adam) -> float:
    """The critic towards reward and slow copies, unless it is frozen; the actor up the critic."""
    nets, bits = net.nets, s.judged == "bits"
    here, later, over = memory.windows(max(1, s.batch // s.memory), s.memory)
    seen, done, paid = here
    with torch.no_grad():
        ahead = net.shelves.judged(torch.tanh(nets.slow_actor(later[0])), bits)
        before = torch.cat([later[0], later[1]], -1)
        future = nets.slow_critic.last(before, torch.cat([later[0], ahead], -1))
        aim = paid + s.gamma * future * (1 - over if s.ends else 1.0)
    both = torch.cat([seen, done], -1)
    error = (nets.critic(both) - aim).square().mean()
    if not s.frozen:
        critic.descend(error)
    raw = nets.actor(seen)
    action = net.shelves.judged(torch.tanh(raw), bits)
    gain = nets.critic.last(both, torch.cat([seen, action], -1)).mean()
    actor.descend(s.calm * raw.square().mean() - gain)
    nets.follow(s.tau)
    return float(error.item())
