"""Actors and critics with a memory of the steps before, and the rows that they learn from."""

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.problems.dgl.dynamics import fitting

from ._replay import Replay

LEAKY, LAST = 2**0.5, 5 / 3  # gains of the published initialisation


class Recurrent(nn.Module):
    """Linear, leaky ReLU, LSTM, linear, leaky ReLU, linear: (rows, steps, inputs) to (…, outputs).

    The memory starts at zero in the first of the steps. Without `memory` there is no LSTM.
    """

    def __init__(self, inputs: int, outputs: int, width: int, memory: bool, gains: bool) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.cell = nn.LSTM(width, width, batch_first=True) if memory else None
        self.middle = nn.Linear(width, max(width // 2, 1))
        self.leave = nn.Linear(max(width // 2, 1), outputs)
        if gains:
            with torch.no_grad():
                for layer, gain in ((self.enter, LEAKY), (self.middle, LEAKY), (self.leave, LAST)):
                    layer.weight.mul_(gain)

    def forward(self, seen: Tensor) -> Tensor:
        h = nn.functional.leaky_relu(self.enter(seen))
        return self._leave(h if self.cell is None else self.cell(h)[0])

    def last(self, seen: Tensor, other: Tensor) -> Tensor:
        """What `forward` would say of each step if it alone were `other`, those before it `seen`.

        Slopes go to `other` only.
        """
        h = nn.functional.leaky_relu(self.enter(other))
        if self.cell is None:
            return self._leave(h)
        with torch.no_grad():
            before = self._states(nn.functional.leaky_relu(self.enter(seen[:, :-1])))
        found = self._next(h.flatten(0, 1), before)[0]
        return self._leave(found.view_as(h))

    def _states(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs and cells before every step and behind the last, (rows * (steps + 1), width)."""
        zero = h.new_zeros(len(h), self.middle.in_features)
        states = [(zero, zero)]
        for step in h.unbind(1):
            states.append(self._next(step, states[-1]))
        out, kept = (torch.stack(part, 1).flatten(0, 1) for part in zip(*states, strict=True))
        return out, kept

    def _next(self, h: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """One step of the LSTM, rows of it."""
        assert self.cell is not None
        found: tuple[Tensor, Tensor] = torch.lstm_cell(h, state, *self.cell.parameters())
        return found

    def _leave(self, h: Tensor) -> Tensor:
        out: Tensor = self.leave(nn.functional.leaky_relu(self.middle(h)))
        return out


class Pair(nn.Module):
    """An actor (steps seen to scores in [-1, 1]), a critic, and their slow copies."""

    def __init__(self, seen: int, scores: int, width: int, memory: bool, gains: bool) -> None:
        super().__init__()
        self.actor = Recurrent(seen, scores, width, memory, gains)
        self.critic = Recurrent(seen + scores, 1, width, memory, gains)
        self.slow_actor, self.slow_critic = deepcopy(self.actor), deepcopy(self.critic)
        for slow in (self.slow_actor, self.slow_critic):
            slow.requires_grad_(False)

    def scores(self, seen: Tensor) -> Tensor:
        return torch.tanh(self.actor(seen))

    def follow(self, share: float) -> None:
        """Moves the slow copies a `share` of the way."""
        for slow, fast in ((self.slow_actor, self.actor), (self.slow_critic, self.critic)):
            ours, theirs = ([p.data for p in net.parameters()] for net in (slow, fast))
            torch._foreach_lerp_(ours, theirs, share)


class Shelves(nn.Module):
    """How scores in [-1, 1], (…, servers * services), become caches that fit."""

    size: Tensor
    limit: Tensor

    def __init__(self, size: np.ndarray, limit: np.ndarray, density: bool) -> None:
        super().__init__()
        self.shape, self.bits = (len(limit), len(size)), len(limit) * len(size)
        self._density = density
        self.register_buffer("size", torch.tensor(size))
        self.register_buffer("limit", torch.tensor(limit))

    def caches(self, scores: np.ndarray) -> np.ndarray:
        """What is scored above 0, the largest first, while it fits: flat as the scores are.

        The published rule where all fits. With `density` a score counts by byte.
        """
        wish, size = scores.reshape(-1, *self.shape).astype(float), self.size.numpy()
        wish = wish * (size.min() / size) if self._density else wish
        room = {"size": size[None], "limit": self.limit.numpy()[None]}
        return np.asarray(fitting(room, 0.5 + wish / 2)).reshape(scores.shape)

    def judged(self, scores: Tensor, bits: bool) -> Tensor:
        """What the critic sees of scores: the bits that they become, with the scores' slopes."""
        if not bits:
            return scores
        hard = torch.from_numpy(self.caches(scores.detach().numpy())).to(scores.dtype)
        return hard + (scores - scores.detach())


class Episodes:
    """The last episodes, whole: what was seen, done and paid in every step."""

    def __init__(self, size: int, steps: int, seen: int, done: int) -> None:
        self._widths, self.steps = (seen, done, 1), steps
        self._rows = Replay(1, size, [steps * width for width in self._widths])

    def __len__(self) -> int:
        return len(self._rows)

    def extend(self, *parts: np.ndarray) -> None:
        """Keeps episodes: seen (rows, steps, width), done, and paid (rows, steps, 1)."""
        self._rows.extend(*(part.reshape(len(part), -1) for part in parts))

    def windows(self, count: int, length: int) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Stretches of steps at random: seen, done and paid (count, length, width) of them; seen
        and done a step later, the last step's own again at the end; 1 where a step is the last."""
        length = min(length, self.steps)
        first = torch.randint(self.steps - length + 1, (count, 1))
        at = first + torch.arange(length + 1)
        over = (at[:, 1:] == self.steps).float()[..., None]
        here, later = [], []
        for part, width in zip(self._rows.sample(count), self._widths, strict=True):
            whole = part[0].view(count, self.steps, width)
            places = at.clamp(max=self.steps - 1)[..., None].expand(-1, -1, width)
            found = whole.gather(1, places)
            here.append(found[:, :-1])
            later.append(found[:, 1:])
        return here, later, over

    def state_dict(self) -> dict[str, Any]:
        return self._rows.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._rows.load_state_dict(state)
