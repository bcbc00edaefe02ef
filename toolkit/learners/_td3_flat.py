"""TD3 on one vector, with the framework's networks and its process: a frame follows a frame."""

from copy import deepcopy
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.arrays import Data, Decision
from toolkit.instances import rng_for
from toolkit.problems import Evaluation, HasOutcome, HasRepair, Problem

from . import _td3 as td3
from ._bits import Inputs
from ._completing import block
from ._replay import Replay
from ._td3_settings import Settings
from ._train import Training

HIDDEN, FIRST = (400, 300), 3e-3  # widths; reach of the last layers' first weights
LEAST = 0.01  # share of a range that a real variable has at least, as in the published decoder
REVERT, PACE, SWING = 0.15, 0.01, 0.1  # theta, dt and sigma of the Ornstein-Uhlenbeck noise
SMOOTH = 0.5  # most that smoothing changes a coordinate
SETTLE = 3  # decisions after which a lone frame's echo is its own
LOG_EVERY = 100
SAMPLES = 256  # instances behind the unit of losses


class Actor(nn.Module):
    """Scores of every user's options, and `reals` numbers in [-1, 1]."""

    def __init__(self, inputs: int, users: int, options: int, reals: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(inputs, HIDDEN[0]), nn.ReLU(), nn.Linear(HIDDEN[0], HIDDEN[1]), nn.ReLU()
        )
        self.scores, self.reals = nn.Linear(HIDDEN[1], users * options), None
        if reals:
            self.reals = nn.Linear(HIDDEN[1], reals)
        for head in filter(None, (self.scores, self.reals)):
            for value in head.parameters():
                nn.init.uniform_(value, -FIRST, FIRST)
        self.shape = users, options

    def forward(self, state: Tensor) -> tuple[Tensor, Tensor]:
        h = self.trunk(state)
        reals = torch.tanh(self.reals(h)) if self.reals else h[:, :0]
        return self.scores(h).reshape(-1, *self.shape), reals


class Critic(nn.Module):
    """state -> 400 beside action -> 400, then 300 and 1, as published."""

    def __init__(self, inputs: int, actions: int) -> None:
        super().__init__()
        self.state, self.action = nn.Linear(inputs, HIDDEN[0]), nn.Linear(actions, HIDDEN[0])
        self.rest = nn.Sequential(nn.Linear(2 * HIDDEN[0], HIDDEN[1]), nn.ReLU())
        self.value = nn.Linear(HIDDEN[1], 1)

    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        both = torch.relu(torch.cat([self.state(state), self.action(action)], -1))
        value: Tensor = self.value(self.rest(both))
        return value


class FlatNet(nn.Module):
    """An actor, two critics and their targets, and what they see.

    The whole action is scores (users times options, and with tanh heads as published a number for
    each power and each user's share of each server, which nobody reads), then the real variables.
    """

    unit: Tensor

    def __init__(self, problem: Problem, s: Settings) -> None:
        super().__init__()
        data = {key: value[None] for key, value in problem.instance().data.items()}
        var = block(problem, data)
        assert var is not None
        users, options = var.size, int(np.asarray(var.upper - var.lower).flat[0]) + 1
        self.inputs = Inputs(problem, s.inputs)
        self.width = self.inputs.width + (3 if s.echo else 0)
        self.soft, self.echo, self.shape = s.heads == "softmax", s.echo, (users, options)
        decided = problem.space(data)
        reals = decided.size - users if s.decide == "all" else 0
        self.unread = 0 if self.soft else users + users * (options - 1)
        self.size = users * options + self.unread + reals
        self.actor = Actor(self.width, users, options, self.unread + reals)
        self.critics = nn.ModuleList(Critic(self.width, self.size) for _ in range(2))
        self.targets = nn.ModuleDict(
            {"actor": deepcopy(self.actor), "critics": deepcopy(self.critics)}
        )
        self.targets.requires_grad_(False)
        self.register_buffer("unit", torch.tensor(_unit(problem)))

    def state(self, problem: Problem, data: Data, echo: np.ndarray) -> np.ndarray:
        """What the networks see of frames, (rows, width)."""
        seen = self.inputs.see(problem, data)
        return np.concatenate([seen, echo], 1, dtype=np.float32) if self.echo else seen

    def action(self, actor: nn.Module, state: Tensor, heat: float) -> Tensor:
        """The actor's actions, (rows, size), through which slopes pass."""
        scores, reals = actor(state)
        scores = td3.straight_through(scores, heat) if self.soft else torch.tanh(scores)
        return torch.cat([scores.flatten(1), reals], -1)

    def follow(self, tau: float) -> None:
        """The targets move towards the networks."""
        with torch.no_grad():
            for name in ("actor", "critics"):
                ours = cast(nn.Module, getattr(self, name)).parameters()
                for target, source in zip(self.targets[name].parameters(), ours, strict=True):
                    target.lerp_(source, tau)


def _unit(problem: Problem) -> float:
    """The mean loss of the lowest choices (all local)."""
    data = problem.sample(rng_for("unit", problem.name), (SAMPLES,))
    (var,) = problem.space(data).discrete
    whole = td3.completed(problem, data, np.zeros((SAMPLES, *var.shape)))
    return float(np.abs(td3.losses(problem, problem.evaluate(data, whole))).mean()) or 1.0


class Walk:
    """Frames side by side, each lane an episode of its own; the echo of what was decided last.

    With rows of a run's own (`Training.frames`) these, in order. The frame after an episode's last
    is the first of the next: for learning it is the frame that follows, as any other.
    """

    def __init__(self, run: Training, net: FlatNet, s: Settings) -> None:
        self._run, self._net, self._s = run, net, s
        self._lap, self._drawn = -1, {}  # type: tuple[int, dict[str, np.ndarray]]
        self.echo = np.zeros((s.frames, 3))
        self.noise = np.zeros((s.frames, 1))

    def frames(self, step: int) -> Data:
        run, s = self._run, self._s
        if run.frames is not None:
            total = len(next(iter(run.frames.values())))
            places = np.arange(step * s.frames, (step + 1) * s.frames) % total
            return {key: value[places] for key, value in run.frames.items()}
        lap, place = divmod(step, s.horizon)
        if lap != self._lap:
            rng = run.rng("episodes", lap)
            self._lap, self._drawn = lap, run.problem.episode(rng, s.horizon, (s.frames,))
        return {key: value[:, place] for key, value in self._drawn.items()}

    def state(self, step: int) -> np.ndarray:
        """What is seen at a step; at an episode's first the echo is that of all local."""
        data = self.frames(step)
        if self._net.echo and step % self._s.horizon == 0:
            self.echo = first_echo(self._run.problem, data)
        return self._net.state(self._run.problem, data, self.echo)

    def swing(self) -> np.ndarray:
        """The next of the Ornstein-Uhlenbeck noise, one number a lane; never reset."""
        fresh = torch.randn(self.noise.shape).numpy()
        self.noise = self.noise - REVERT * PACE * self.noise + SWING * np.sqrt(PACE) * fresh
        return self.noise

    def state_dict(self) -> dict[str, Any]:
        return {"echo": torch.from_numpy(self.echo), "noise": torch.from_numpy(self.noise)}

    def load_state_dict(self, kept: dict[str, Any]) -> None:
        self.echo, self.noise = kept["echo"].numpy().copy(), kept["noise"].numpy().copy()


def first_echo(problem: Problem, data: Data) -> np.ndarray:
    """What all local brings."""
    count = len(next(iter(data.values())))
    (var,) = problem.space(data).discrete
    return _echo(problem, data, td3.completed(problem, data, np.zeros((count, *var.shape))))


def _echo(problem: Problem, data: Data, whole: Decision) -> np.ndarray:
    """Sums of delay and energy over the users, and the cost, (rows, 3)."""
    sums = np.asarray(cast(HasOutcome, problem).outcome(data, whole)).sum(-2)
    return np.concatenate([sums, td3.losses(problem, problem.evaluate(data, whole))[:, None]], 1)


def train(net: FlatNet, run: Training, s: Settings) -> None:
    """A decision in every lane, a step of learning, as published."""
    walk = Walk(run, net, s)
    memory = Replay(1, s.memory, [net.width, net.size, 1, net.width])
    actor = torch.optim.Adam(net.actor.parameters(), lr=s.rate)
    critic = torch.optim.Adam(net.critics.parameters(), lr=s.rate)
    paid, error = [], 0.0
    for step in run.steps(net, actor=actor, critic=critic, memory=memory, walk=walk):
        data, state = walk.frames(step), walk.state(step)
        action = _explored(net, walk, state, s, run.progress)
        whole = decided(net, run.problem, data, action, s)
        found = run.problem.evaluate(data, whole)
        reward = _reward(net, run.problem, found, s)
        if run.decided:
            run.decided(step * s.frames, whole, len(action))
        walk.echo = _echo(run.problem, data, whole) if net.echo else walk.echo
        memory.extend(state, action, reward, walk.state(step + 1))
        error = learn(net, actor, critic, memory, step, s)
        paid.append(float(np.mean(td3.losses(run.problem, found))))
        if (step + 1) % LOG_EVERY == 0:
            run.log(loss=float(np.mean(paid)), critic_loss=error)
            paid = []


def learn(
    net: FlatNet,
    actor: torch.optim.Optimizer,
    critic: torch.optim.Optimizer,
    memory: Replay,
    step: int,
    s: Settings,
) -> float:
    """Both critics at every step, the actor and the targets' actor at every `delay`-th."""
    state, action, reward, later = (part[0] for part in memory.sample(s.batch))
    aim = reward
    if s.gamma:
        with torch.no_grad():
            ahead = _smoothed(net, later, s)
            critics = cast(nn.ModuleList, net.targets["critics"])
            values = [target(later, ahead) for target in critics]
            aim = reward + s.gamma * torch.minimum(*values)
    error = td3.regression(list(net.critics), state, action, aim)
    td3.descend(critic, error)
    if (step + 1) % s.delay == 0:  # an integer, counted where it is asked
        gain: Tensor = net.critics[0](state, net.action(net.actor, state, s.heat))
        td3.descend(actor, -gain.mean())
    net.follow(s.tau)
    return error.item() / 2


def _smoothed(net: FlatNet, state: Tensor, s: Settings) -> Tensor:
    """The target's action, its coordinates blurred; scores of a softmax are blurred by drawing."""
    action = net.action(net.targets["actor"], state, s.heat)
    scores = net.shape[0] * net.shape[1] if net.soft else 0
    blur = (torch.randn_like(action) * s.smoothing).clamp(-SMOOTH, SMOOTH)
    blur[:, :scores] = 0.0
    return (action + blur).clamp(-1.0, 1.0)


def _explored(
    net: FlatNet, walk: Walk, state: np.ndarray, s: Settings, progress: float
) -> np.ndarray:
    """Executed actions: servers drawn and at times random, the rest blurred; or as published."""
    with torch.no_grad():
        scores, reals = net.actor(torch.from_numpy(state))
    if not net.soft:
        action = torch.cat([torch.tanh(scores).flatten(1), reals], -1).numpy()
        return np.asarray(np.clip(action + walk.swing(), 0.0, 1.0))
    explore = td3.along(s.explore, td3.LEAST_EXPLORE * s.explore, progress)
    chosen = np.eye(net.shape[1])[td3.drawn(scores.numpy(), explore)]
    noisy = reals + s.noise * torch.randn_like(reals)
    return np.concatenate([chosen.reshape(len(state), -1), noisy.clamp(-1, 1).numpy()], 1)


def decided(
    net: FlatNet, problem: Problem, data: Data, action: np.ndarray, s: Settings
) -> Decision:
    """The whole decision of executed actions (rows, size)."""
    users, options = net.shape
    scores = action[:, : users * options].reshape(-1, users, options)
    choice = scores.argmax(-1)  # the first of equal ones, as published
    if s.decide == "server":
        return td3.completed(problem, data, choice)
    space, at = problem.space(data), users * options
    raw: dict[str, np.ndarray] = {}
    for var in space.vars:
        if var.discrete:
            raw[var.name] = choice + np.asarray(var.lower, float)
            continue
        share = np.maximum((action[:, at : at + var.size].reshape(-1, *var.shape) + 1) / 2, LEAST)
        raw[var.name] = var.lower + share * (var.upper - var.lower)
        at += var.size
    return cast(HasRepair, problem).repair(data, raw)


def _reward(net: FlatNet, problem: Problem, found: Evaluation, s: Settings) -> np.ndarray:
    """(rows, 1): 1 / loss, or less the loss in units of all local's, which counts up to WORST."""
    loss = td3.losses(problem, found)[:, None]
    if s.reward == "inverse":
        return 1.0 / loss
    return -np.clip(loss / float(net.unit), -td3.WORST, td3.WORST)


def act(net: FlatNet, problem: Problem, data: Data, s: Settings) -> Decision:
    """The decision without noise, (rows, 1, …); an echo is what the network itself brings."""
    echo = first_echo(problem, data) if net.echo else np.zeros((0, 3))
    for _ in range(SETTLE if net.echo else 1):
        state = torch.from_numpy(net.state(problem, data, echo))
        with torch.no_grad():
            scores, reals = net.actor(state)
        flat = torch.cat([scores.flatten(1), reals], -1).numpy()
        if not net.soft:
            flat = np.clip(np.tanh(flat), 0.0, 1.0)
        whole = decided(net, problem, data, flat, s)
        echo = _echo(problem, data, whole) if net.echo else echo
    return {name: np.asarray(value, float)[:, None] for name, value in whole.items()}
