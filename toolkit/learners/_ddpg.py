"""The paper's four methods: DDPG, and what CPDRL adds to it step by step.

Source: Li, Nakamura, Takase, Consistency-Preserving Deep Reinforcement Learning for Computation
Offloading and Resource Allocation in MEC Environment; equation numbers are the paper's. The
methods differ in three switches, each of which is one function or one line here:

    straight_through (15)   `bit`: the critic sees the bit that is executed, not the soft one
    masked           (16)   `mask`: resources that (11) denies a user are zero, and nobody's share
    consistent   (17)-(19)  a bonus in the reward, `inconsistency` in the actor's loss

They learn on one instance. The best decision met on the way is what the paper reports (the solver
`learn`); `act` is the policy that is left at the end.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.arrays import Data, Decision
from toolkit.problems import Problem
from toolkit.problems.cpdrl.paper_mdp import PaperMdp
from toolkit.problems.cpdrl.problem import Cpdrl

from ._adam import Adam, flushed
from ._ddpg_settings import Configured
from ._replay import Replay
from ._train import Training

LEAST = 1e-6  # of a share: an exact zero would break (11) for a user who needs the resource
SETTLE = 10  # decisions after which the noise-free policy has left the starting state


class Shares(NamedTuple):
    """An action: bits, and shares of each user's maximum; (*batch, users) each."""

    bits: Tensor
    bandwidth: Tensor
    power: Tensor
    frequency: Tensor


def bit(soft: Tensor) -> Tensor:
    """(15): 1 where `soft` is at least one half, else 0; the gradient is that of `soft` itself."""
    return (soft >= 0.5).to(soft.dtype) + (soft - soft.detach())  # an exact 0 or 1


def mask(raw: Shares) -> Shares:
    """(16): bandwidth and power times the bit, frequency times its complement."""
    bits = raw.bits
    return Shares(bits, raw.bandwidth * bits, raw.power * bits, raw.frequency * (1 - bits))


def inconsistency(raw: Shares) -> Tensor:
    """(18): what an unmasked action gives users against (11), the mean over users, (*batch).

    Its gradient turns bits towards the resources asked for. Through the resources it would starve
    those that are not in use, which get no other gradient, and Adam makes any weight large.
    """
    radio, frequency = (raw.bandwidth + raw.power).detach(), raw.frequency.detach()
    return ((1 - raw.bits) * radio + raw.bits * frequency).mean(-1)


class Stack(nn.Module):
    """Independent multilayer perceptrons side by side: (replicas, rows, in) to (…, out)."""

    def __init__(self, replicas: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.layers: list[tuple[nn.Parameter, nn.Parameter]] = []  # a ParameterList is slow
        for depth, (a, b) in enumerate(pairwise(sizes)):  # drawn as nn.Linear draws
            weight, bias = (
                nn.Parameter(nn.init.uniform_(torch.empty(shape), -(a**-0.5), a**-0.5))
                for shape in ((replicas, a, b), (replicas, 1, b))
            )
            self.register_parameter(f"weight{depth}", weight)
            self.register_parameter(f"bias{depth}", bias)
            self.layers.append((weight, bias))

    def forward(self, x: Tensor) -> Tensor:
        for depth, (weight, bias) in enumerate(self.layers):
            x = torch.baddbmm(bias, torch.relu(x) if depth else x, weight)
        return x


class Agent(nn.Module):
    """Actor (state to logits), critic (state and action to value), and their slow copies."""

    def __init__(self, users: int, width: tuple[int, ...], replicas: int = 1) -> None:
        super().__init__()
        self.replicas = replicas
        state, action = 2 * users, 4 * users
        self.actor = Stack(replicas, (state, *width, action))
        self.critic = Stack(replicas, (state + action, *width, 1))
        self.slow_actor, self.slow_critic = deepcopy(self.actor), deepcopy(self.critic)

    def follow(self, share: float) -> None:
        """Moves the slow copies a `share` of the way."""
        for slow, fast in ((self.slow_actor, self.actor), (self.slow_critic, self.critic)):
            ours, theirs = ([p.data for p in net.parameters()] for net in (slow, fast))
            torch._foreach_lerp_(ours, theirs, share)

    def logits(self, state: Tensor) -> Tensor:
        """Of one state a row, (rows, 2 users), the rows dealt out to the replicas in order."""
        answer: Tensor = self.actor(state.reshape(self.replicas, -1, state.shape[-1]))
        return answer.flatten(0, 1)


@dataclass(frozen=True, kw_only=True)
class Family(Configured):
    """What the four methods share."""

    one_instance: ClassVar[bool] = True
    straight_through: ClassVar[bool] = False
    masked: ClassVar[bool] = False
    consistent: ClassVar[bool] = False

    def refuses(self, problem: Problem) -> str | None:
        if isinstance(problem, Cpdrl):
            return None
        return "its actions are those of cpdrl: a bit, bandwidth, power and frequency of every user"

    def modest(self) -> "Family":
        return replace(self, batch=4)  # so that a few steps are enough to learn from

    def build(self, problem: Problem, replicas: int = 1) -> Agent:
        return Agent(problem.n_users, self.settings.width, replicas)

    def train(self, net: nn.Module, run: Training) -> None:
        """Learns on instance 0 of the run's seed."""
        one = run.problem.instance(0, run.seed).data
        self.explore(net, run, {key: value[None] for key, value in one.items()}, _ignore)

    def explore(
        self, net: nn.Module, run: Training, data: Data, execute: Callable[[Decision], object]
    ) -> None:
        """Learns on the instances of `data`, each replica on its own, from nothing but results.

        Every decision that it tries, (replicas, *shape), goes to `execute`.
        """
        walk = Walk(self, net, run, data)
        with flushed():
            for step in run.steps(net, **walk.parts):
                execute(walk.step(step))
                walk.update()
                if (step + 1) % self.settings.episode == 0:
                    run.log(**walk.episode())

    def act(self, net: nn.Module, problem: Problem, data: Data, k: int = 1) -> Decision:
        """The noise-free policy's decision, one whatever k, once it has settled."""
        assert isinstance(net, Agent)
        mdp = self.mdp(problem, data)
        outcome = mdp.start()
        for _ in range(SETTLE):
            with torch.no_grad():
                state = _state(outcome)
                action = self.action(
                    net.logits(state.flatten(0, -2)).reshape(*state.shape[:-1], -1)
                )
            decision = mdp.decision(torch.stack(action, -2).double().numpy())
            outcome = mdp.outcome(decision)
        return {name: block[..., None, :] for name, block in decision.items()}

    def mdp(self, problem: Problem, data: Data) -> PaperMdp:
        """The process with this method's reward."""
        assert isinstance(problem, Cpdrl)
        s = self.settings
        bonus = s.bonus if self.consistent else 0.0
        clip, letter = s.clip or math.inf, s.reward == "letter"
        return PaperMdp(problem, data, clip, letter, bonus, s.bandwidth)

    def raw(self, logits: Tensor) -> Shares:
        """What the network says, from (*batch, 4 users); (15)."""
        shares = Shares(*torch.sigmoid(logits).clamp_min(LEAST).chunk(4, -1))
        if least := self.settings.least_power:
            shares = shares._replace(power=torch.exp(math.log(least) * (1 - shares.power)))
        return shares._replace(bits=bit(shares.bits)) if self.straight_through else shares

    def action(self, logits: Tensor) -> Shares:
        """What is done, and what the critic is told is done; (16)."""
        raw = self.raw(logits)
        return mask(raw) if self.masked else raw


class Walk:
    """One run of learning on one instance: DDPG, in the words of Lillicrap et al. (2016)."""

    def __init__(self, learner: Family, net: nn.Module, run: Training, data: Data) -> None:
        assert isinstance(net, Agent)
        self.learner, self.net, self.s = learner, net, learner.settings
        self.mdp = learner.mdp(run.problem, data)
        self.last = max(min(run.max_steps, self.s.steps) - 1, 1)
        users, replicas = data["size"].shape[-1], net.replicas
        self.widths = [2 * users, 4 * users, 1, 2 * users]  # state, action, reward, next state
        self.replay = Replay(replicas, self.s.buffer, self.widths)
        self.actor = Adam(net.actor.parameters(), self.s.actor_rate)
        self.critic = Adam(net.critic.parameters(), self.s.critic_rate)
        self.loud = _noise(users, self.s.bit_noise, self.s.noise)
        self.quiet = _noise(users, self.s.bit_noise_end, self.s.noise_end)
        self.state = self.first = _state(self.mdp.start())
        self.rewards: list[float] = []  # of this episode, the mean of the replicas
        self.losses: list[float] = []

    @property
    def parts(self) -> dict[str, Any]:
        return {"actor": self.actor, "critic": self.critic, "replay": self.replay, "walk": self}

    def state_dict(self) -> dict[str, Any]:
        return {"state": self.state, "rewards": self.rewards, "losses": self.losses}

    def load_state_dict(self, kept: dict[str, Any]) -> None:
        self.state, self.rewards, self.losses = kept["state"], kept["rewards"], kept["losses"]

    def step(self, number: int) -> Decision:
        """Decides with noise, sees what comes of it, and remembers."""
        if number % self.s.episode == 0:
            self.state = self.first
        sigma = torch.lerp(self.loud, self.quiet, min(number / self.last, 1.0))
        with torch.no_grad():
            logits = self.net.logits(self.state)
            logits = logits + sigma * torch.randn(logits.shape)
            action = torch.stack(self.learner.action(logits), -2).double().numpy()
        decision = self.mdp.decision(action)
        outcome = self.mdp.outcome(decision)
        reward = self.mdp.reward(action, decision, outcome)
        after = _state(outcome)
        self.replay.add(self.state, action.reshape(len(action), -1), reward[:, None], after)
        self.state = after
        self.rewards.append(float(reward.mean()))
        return decision

    def update(self) -> None:
        """One step of Adam for the critic, then one for the actor; the slow copies follow."""
        if len(self.replay) < self.s.batch:
            return
        state, action, reward, after = self.replay.sample(self.s.batch)
        error = self.value(state, action) - self.target(reward, after)
        loss = error.square().mean((1, 2))  # of each replica; a sum keeps them apart
        self.critic.descend(loss.sum())
        self.actor.descend(self.actor_loss(state).sum())
        self.losses.append(loss.mean().item())
        if self.s.gamma:
            self.net.follow(self.s.tau_soft)

    def value(self, state: Tensor, *action: Tensor) -> Tensor:
        """Q(s, a)."""
        value: Tensor = self.net.critic(torch.cat([state, *action], -1))
        return value

    def target(self, reward: Tensor, after: Tensor) -> Tensor:
        """r + gamma Q'(s', mu'(s'))."""
        if not self.s.gamma:
            return reward
        with torch.no_grad():
            action = self.learner.action(self.net.slow_actor(after))
            later: Tensor = self.net.slow_critic(torch.cat([after, *action], -1))
        return reward + self.s.gamma * later

    def actor_loss(self, state: Tensor) -> Tensor:
        """(19): less the critic's value, plus the weighted inconsistency (18), (replicas,)."""
        raw = self.learner.raw(self.net.actor(state))
        action = mask(raw) if self.learner.masked else raw
        loss = -self.value(state, *action).mean((1, 2))
        if self.learner.consistent and self.s.penalty:
            loss = loss + self.s.penalty * inconsistency(raw).mean(-1)
        return loss

    def episode(self) -> dict[str, float]:
        """Reward, and the critic's loss, of the episode that ends."""
        losses = self.losses or [0.0]
        point = {
            "reward": float(np.mean(self.rewards)),
            "critic_loss": float(np.mean(losses)),
            "critic_loss_variance": float(np.var(losses)),
        }
        self.rewards, self.losses = [], []
        return point


def _ignore(decision: Decision) -> None:
    """Nobody keeps the decisions that an amortised run tries."""


def _state(outcome: np.ndarray) -> Tensor:
    """(*batch, users, 2) as a network takes it, (*batch, 2 users)."""
    return torch.from_numpy(outcome.astype(np.float32)).flatten(-2)


def _noise(users: int, bits: float, rest: float) -> Tensor:
    """Standard deviations of the noise on the logits, (4 users,)."""
    return torch.tensor([bits, rest, rest, rest]).repeat_interleave(users)
