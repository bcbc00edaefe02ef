"""Actors and critics of queues: what a2c and a3c share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.arrays import Data, Decision
from toolkit.problems import Problem

from ._base import Learner
from ._queue_learner import QueueLearner, features
from ._queue_nets import ActorCritic, precise, tensors
from ._queue_play import QuickView
from ._queue_views import HEADS, Pick, Seen, View, followed


class Trail(NamedTuple):
    """What happened in a batch of episodes, steps along the first axis, rows along the second."""

    seen: Seen
    mode: np.ndarray  # (steps, rows, entities)
    reward: np.ndarray  # (steps, rows)
    end: Seen  # what is to decide next, (1, rows, …)


@dataclass(frozen=True, kw_only=True)
class ActorCriticLearner(QueueLearner):
    """Settings that actors and critics share."""

    heads: str = "task"  # or slot: the article's, all devices of a slot at once
    residual: float | None = None  # times ΔΦ in the scores of modes; None: 15 for task, 0 for slot
    batch: int = 64  # episodes that are played side by side
    entropy: float = 0.02  # its bonus at first, of advantages of unit size; 0 at last
    foresight: bool = True  # whether the critic is told what will come; the actor never is

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.heads not in HEADS:
            raise ValueError(f"heads is {self.heads!r}; give {' or '.join(HEADS)}.")
        self._at_least(1, "batch")
        self._at_least(0, "entropy", *(["residual"] if self.residual is not None else []))

    def refuses(self, problem: Problem) -> str | None:
        return self._refused(problem, self.heads)

    def modest(self) -> Learner:
        return replace(self, batch=16, width=16)

    def build(self, problem: Problem) -> nn.Module:
        usual = 15.0 if self.heads == "task" else 0.0
        residual = usual if self.residual is None else self.residual
        return ActorCritic(
            features(problem, self.heads), self.width, self.heads == "slot", residual
        )

    def act(self, net: nn.Module, problem: Problem, data: Data, k: int = 1) -> Decision:
        """The likeliest mode each time, (rows, 1, …)."""
        return followed(View(problem, data, self.heads, modes=self.modes), self.picks(net))

    def picks(self, net: nn.Module) -> Pick:
        """The likeliest modes of what a view shows."""
        exact = cast(ActorCritic, precise(net))

        def pick(view: View) -> np.ndarray:
            with torch.no_grad():
                found = exact.logits(*tensors(view.see(), torch.float64))
            return np.asarray(found.argmax(-1).numpy())

        return pick

    def begin(self, problem: Problem, rng: np.random.Generator) -> View:
        """New episodes to learn from."""
        drawn = self.drawn(problem, self.batch, rng)
        if self.heads == "task" and self.reward == "cost" and (drawn["forwarding"] != 1).all():
            return QuickView(problem, drawn, self.foresight, self.modes)
        return View(problem, drawn, self.heads, self.reward, modes=self.modes, tell=self.foresight)

    def losses(
        self, net: ActorCritic, view: View, trail: Trail, trace: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(of the actor, of the critic, the entropy) of a trail: means over all steps of all rows,
        those without a task too, so that a trail's end in which few have any counts for little."""
        seen, active = trail.seen, torch.from_numpy(trail.seen.active)
        some = active.any(-1)
        share = float(some.float().mean())
        ahead = self.ahead(view, seen.slot)
        value = net.value(torch.from_numpy(seen.x), torch.from_numpy(seen.later), ahead)
        with torch.no_grad():
            last = self.ahead(view, trail.end.slot)
            x, told = (torch.from_numpy(part) for part in (trail.end.x, trail.end.later))
            beyond = net.value(x, told, last) * torch.from_numpy(trail.end.active.any(-1))
        worth = torch.cat([value.detach() * some, beyond]).numpy()
        slot = np.concatenate([seen.slot, trail.end.slot])
        gain = torch.from_numpy(advantages(trail.reward, worth, slot, self.discount, trace))
        wrong = (gain + value.detach() - value)[some] / (1.0 + ahead[some])
        size = gain[some].std(correction=0) + 1e-3
        chance = net.logits(*tensors(seen)).log_softmax(-1)
        taken = chance.gather(-1, torch.from_numpy(trail.mode).unsqueeze(-1)).squeeze(-1)
        doubt = -(chance.exp() * chance.clamp(min=-1e4)).sum(-1)[active].mean()
        actor = -((taken * active).sum(-1) * gain)[some].mean() / size
        return share * actor, share * wrong.square().mean(), share * doubt


def advantages(
    reward: np.ndarray, value: np.ndarray, slot: np.ndarray, discount: float, trace: float
) -> np.ndarray:
    """Generalised advantages (steps, rows) (Schulman and others, 2016) of rewards (steps, rows),
    values and slots (steps + 1, rows); discounts by slot, traces by step. With trace=1 these are
    n-step returns less the value."""
    out, run = np.empty_like(reward, dtype=np.float32), np.zeros(reward.shape[1])
    factor = discount ** np.diff(slot, axis=0)
    for t in range(len(reward) - 1, -1, -1):
        run = reward[t] + factor[t] * (value[t + 1] + trace * run) - value[t]
        out[t] = run
    return out


def play(net: ActorCritic, view: View, steps: int, rng: np.random.Generator) -> Trail:
    """At most so many steps with drawn modes."""
    if isinstance(view, QuickView):
        found, mode, reward = view.advance(net, steps, rng)
        whole, end = (Seen(*(part[where] for part in found)) for where in (np.s_[:-1], np.s_[-1:]))
        return Trail(whole, mode, reward, end)
    rows: list[tuple[Seen, np.ndarray, np.ndarray]] = []
    with torch.no_grad():
        while not view.over and len(rows) < steps:
            seen = view.see()
            logits = net.logits(*tensors(seen)).numpy()
            mode = (logits + rng.gumbel(size=logits.shape)).argmax(-1)
            rows.append((seen, mode, view.step(mode)))
    every, modes, paid = zip(*rows, strict=True)
    return Trail(stacked(every), np.stack(modes), np.stack(paid), stacked([view.see()]))


def stacked(every: Sequence[Seen]) -> Seen:
    return Seen(*(np.stack(part) for part in zip(*every, strict=True)))
