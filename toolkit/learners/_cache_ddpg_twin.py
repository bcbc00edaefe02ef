"""The paper's baseline of two actors: one for caches, one for what a slot decides; one critic.

As published a transition is kept in every slot, the caches' scores in force among its actions, and
(`decode=published`) loading is charged in every slot of a step. There shares are numbers in
[-1, 1] over their signed sum, so some are negative: the published code pays for negative delays,
the judge here says that such a decision is not feasible and that who has no share waits for ever.
"""

from copy import deepcopy
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.arrays import Data, Decision
from toolkit.problems import Problem
from toolkit.problems._dynamics import Dynamics

from ._adam import Adam
from ._cache_ddpg_nets import Recurrent, Shelves
from ._cache_ddpg_settings import Settings, deviation
from ._cache_ddpg_views import Counts
from ._caching import HasCaching, precise
from ._replay import Replay
from ._train import Training

SHARP = 2.0  # shares are in proportion to exp(SHARP * score)
WORST = 10.0  # rewards below minus that count as that
LOG_EVERY = 20


class TwinNet(nn.Module):
    """Both actors and the critic of both actions, with slow copies; how actions are read."""

    def __init__(self, problem: Problem, s: Settings, published: bool) -> None:
        super().__init__()
        data = problem.instance().data
        self.published = published
        self.steps, self.slots, self.users = data["service"].shape
        self.shelves = Shelves(data["size"], data["limit"], s.first == "density")
        self.servers = self.shelves.shape[0]
        self.seen = Counts({k: v[None] for k, v in data.items()}, s.own_cache).width
        self.slot_seen = self.users * (2 + self.servers)
        small = 3 * self.users
        self.large = Recurrent(self.seen, self.shelves.bits, s.width, False, s.gains)
        self.small = Recurrent(self.slot_seen, small, s.width, False, s.gains)
        both = self.seen + self.slot_seen + self.shelves.bits + small
        self.critic = Recurrent(both, 1, s.width, False, s.gains)
        self.slow = nn.ModuleList(deepcopy(net) for net in self.fast)
        self.slow.requires_grad_(False)

    @property
    def fast(self) -> tuple[Recurrent, Recurrent, Recurrent]:
        return self.large, self.small, self.critic

    def follow(self, share: float) -> None:
        """Moves the slow copies a `share` of the way."""
        for slow, fast in zip(self.slow, self.fast, strict=True):
            torch._foreach_lerp_(
                [p.data for p in slow.parameters()], [p.data for p in fast.parameters()], share
            )

    def read(self, scores: np.ndarray, slot: Data, cache: np.ndarray, cell: np.ndarray) -> Decision:
        """Scores (rows, 3 users) as targets, cut in even parts, and wishes for shares."""
        first, band, cpu = np.moveaxis(scores.reshape(-1, 3, self.users).astype(float), 1, 0)
        target = np.floor((first + 1) / 2 * (self.servers + 1)).clip(0, self.servers)
        if self.published:
            group = np.where(target > 0, cell, -1.0)
            share = {"bandwidth": signed(band, group), "cpu": signed(cpu, target - 1)}
            return {"target": target, **share}
        held = at_target(cached(slot["service"], cache), target)
        wish = {"bandwidth": np.exp(SHARP * band), "cpu": np.exp(SHARP * cpu)}
        return {"target": target * held, **wish}


def signed(value: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Values over the signed sum of their group (rows, users), as published; -1: in none."""
    out = np.zeros_like(value)
    for g in np.unique(group[group >= 0]):
        here = group == g
        total = (value * here).sum(-1, keepdims=True)
        out += here * value / np.where(total == 0, 1.0, total)
    return out


def cached(service: np.ndarray, cache: np.ndarray) -> np.ndarray:
    """Which servers have what users ask for, (rows, servers, users)."""
    return np.take_along_axis(cache, service[:, None].astype(np.int64), -1)


def at_target(known: np.ndarray, target: np.ndarray) -> np.ndarray:
    """1 where a user's target has its service, (rows, users)."""
    wide = np.concatenate([np.zeros_like(known[:, :1]), known], 1)
    return np.take_along_axis(wide, target[:, None].astype(np.int64), 1)[:, 0]


class Taken(NamedTuple):
    """A slot of episodes side by side: what both actors saw and did, (rows, width), and the pay."""

    seen: np.ndarray
    action: np.ndarray
    paid: np.ndarray


class Play:
    """Episodes of a batch of instances, slot by slot."""

    def __init__(self, net: TwinNet, problem: Problem, data: Data, s: Settings) -> None:
        self._net, self._data, self._view = net, data, Counts(data, s.own_cache)
        self.dynamics: Dynamics = cast(HasCaching, problem).dynamics(data, scale="slot")
        self._large = np.zeros(0)  # the scores of the step at hand
        self._seen = np.zeros(0)

    @property
    def over(self) -> bool:
        return self.dynamics.at == self.dynamics.steps

    def begin(self, choose: nn.Module, noise: float) -> None:
        """Scores caches, when a large step begins."""
        if self.dynamics.at % self._net.slots == 0:
            self._seen = self._view.see(self.dynamics)
            self._large = scored(choose, self._seen, noise)

    def slot(self, choose: nn.Module, noise: float, charge: bool) -> Taken:
        """Decides a slot; with `charge` loading is paid for again in those after the first."""
        net, seen = self._net, self.dynamics.observe()
        before, first = seen["cache"], self.dynamics.at % net.slots == 0
        if first:
            bits = net.shelves.caches(self._large).reshape(-1, *net.shelves.shape)
            price = self._data["load_price"][:, None, :] * np.maximum(bits - before, 0)
            self._cache, self._charge = bits, price.sum((-2, -1))
        known = cached(seen["service"], self._cache)
        sight = _sight(seen, known, net.shelves.shape[1])
        small = scored(choose, sight, noise)
        raw = net.read(small, seen, self._cache, self._data["cell"])
        action = {"cache": self._cache, **raw}
        paid = self.dynamics.step(action if net.published else self.dynamics.consistent(action))
        paid = paid - self._charge if charge and not first else paid
        both = np.concatenate([self._seen, sight], 1)
        return Taken(both, np.concatenate([self._large, small], 1), paid[:, None])


def _sight(seen: Data, known: np.ndarray, services: int) -> np.ndarray:
    """What the actor of slots sees, (rows, width): services, links, and who has them cached."""
    parts = [seen["service"] / services, seen["efficiency"] / 20, *np.moveaxis(known, 1, 0)]
    return np.concatenate(parts, 1)


def scored(net: nn.Module, seen: np.ndarray, noise: float) -> np.ndarray:
    """An actor's scores, with noise where it is above 0; in the network's own precision."""
    kind = next(net.parameters()).dtype
    with torch.no_grad():
        scores = torch.tanh(net(torch.from_numpy(seen).to(kind)))
        if noise:
            scores = (scores + noise * torch.randn_like(scores)).clamp(-1, 1)
    return scores.numpy()


def act(net: TwinNet, problem: Problem, data: Data, s: Settings) -> Decision:
    """The decision without noise, (rows, …)."""
    play, large, small = Play(net, problem, data, s), precise(net.large), precise(net.small)
    while not play.over:
        play.begin(large, 0.0)
        play.slot(small, 0.0, charge=False)
    return play.dynamics.decision()


def train(net: TwinNet, run: Training, s: Settings) -> None:
    """Every step plays `lanes` fresh episodes; the networks learn between their slots."""
    actors = Adam([*net.large.parameters(), *net.small.parameters()], s.actor_rate)
    critic = Adam(net.critic.parameters(), s.critic_rate)
    seen, done = net.seen + net.slot_seen, net.shelves.bits + 3 * net.users
    memory = Replay(1, s.episodes * net.steps, (seen, done, 1, seen, 1))
    for step in run.steps(net, actors=actors, critic=critic, memory=memory):
        data = run.problem.sample(run.rng("episodes", step), (s.lanes,))
        play, loss, taken = Play(net, run.problem, data, s), float("nan"), list[Taken]()
        while not play.over:
            total = (step * net.steps * net.slots + play.dynamics.at) / net.slots
            noise = deviation(s, total, run.progress)
            play.begin(net.large, noise)
            taken.append(play.slot(net.small, noise, charge=net.published))
            if len(memory) and total >= s.start and play.dynamics.at % (s.every * net.slots) == 0:
                for _ in range(s.iterations):
                    loss = _learn(net, memory, s, actors, critic)
        _keep(memory, taken)
        if step % LOG_EVERY == 0:
            run.log(reward=float(np.sum([t.paid.mean() for t in taken])), loss=loss)


def _keep(memory: Replay, taken: list[Taken]) -> None:
    """Transitions of an episode; the last slot has no next."""
    for here, later in zip(taken, [*taken[1:], taken[-1]], strict=True):
        over = np.full_like(here.paid, here is later)
        memory.extend(here.seen, here.action, here.paid.clip(-WORST), later.seen, over)


def _learn(net: TwinNet, memory: Replay, s: Settings, actors: Adam, critic: Adam) -> float:
    """The critic towards reward and slow copies; both actors up the critic."""
    seen, done, paid, later, over = (part[0] for part in memory.sample(s.batch))
    large, small, slow = net.slow
    gamma = s.gamma ** (1 / net.slots) if not net.published else s.gamma
    with torch.no_grad():
        ahead, _ = _both(net, large, small, later, s)
        future = slow(torch.cat([later, ahead], -1))
        aim = paid + gamma * future * (1 - over if s.ends else 1.0)
    held = done
    if s.judged == "bits":
        bits = net.shelves.judged(done[:, : net.shelves.bits], True)
        held = torch.cat([bits, done[:, net.shelves.bits :]], -1)
    error = (net.critic(torch.cat([seen, held], -1)) - aim).square().mean()
    if not s.frozen:
        critic.descend(error)
    action, raw = _both(net, net.large, net.small, seen, s)
    gain = net.critic(torch.cat([seen, action], -1)).mean()
    actors.descend(s.calm * raw.square().mean() - gain)
    net.follow(s.tau)
    return float(error.item())


def _both(
    net: TwinNet, large: nn.Module, small: nn.Module, seen: Tensor, s: Settings
) -> tuple[Tensor, Tensor]:
    """Both actors' actions as the critic sees them, and their scores before tanh."""
    raw = large(seen[:, : net.seen]), small(seen[:, net.seen :])
    caches = net.shelves.judged(torch.tanh(raw[0]), s.judged == "bits")
    return torch.cat([caches, torch.tanh(raw[1])], -1), torch.cat(raw, -1)
