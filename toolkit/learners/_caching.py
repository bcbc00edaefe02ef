"""What learners of caches share: the knowledge they need, a memory of requests, and the roll-out.

A policy sees what `Dynamics.observe` shows, and of the data what an operator knows for certain:
`size` and `load_price` (services), `limit` (servers).
"""

import copy
from collections.abc import Callable
from typing import Literal, Protocol, cast, get_args, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.arrays import Data, Decision
from toolkit.instances import rng_for
from toolkit.problems import HasDynamics, Problem

Inner = Literal["exact", "ga_improved", "ga_dgl", "ga_mask"]
Slots = Callable[[Data, np.random.Generator], Decision]
Pick = Callable[[dict[str, np.ndarray]], np.ndarray]  # what is seen -> caches


@runtime_checkable
class HasCaching(HasDynamics, Protocol):
    """Decides at every step which services its servers cache, and knows what a forecast is worth.

    `observe` shows step (rows,), counts (rows, steps, services) of the requests of past steps and
    cache (rows, servers, services).
    """

    steps: int
    slot: Problem  # whose instances an inner solver solves

    def requests(self, data: Data) -> np.ndarray:
        """How often a service is asked for, (*batch, steps, services); known afterwards."""

    def caches(
        self,
        data: Data,
        popularity: np.ndarray,
        cache: np.ndarray,
        horizon: float,
        samples: int,
    ) -> np.ndarray:
        """Good caches for an expected popularity (rows, services) on so many sampled slots, where
        loading must pay within `horizon` steps; from the caches at hand."""


def refusal(problem: Problem) -> str | None:
    """Why a learner of caches cannot take a problem, or None."""
    if isinstance(problem, HasCaching):
        return None
    return "the problem has no caches of services that are decided step by step"


def check_inner(inner: str) -> None:
    """ValueError where nothing is called so."""
    if inner not in get_args(Inner):
        raise ValueError(f"inner is {inner!r}; give {', '.join(get_args(Inner))}.")


def inner_solver(problem: HasCaching, kind: str) -> Slots | None:
    """The solver of slots of that name; None: the best that the problem knows."""
    if kind == "exact":
        return None
    from toolkit.envs._inner import genetic_slots

    solve = genetic_slots(problem.slot, cast(Literal["ga_dgl", "ga_improved", "ga_mask"], kind))

    def solved(slots: Data, rng: np.random.Generator) -> Decision:
        """All slots of a step from the same numbers: an instance's do not depend on its batch."""
        seed = int(rng.integers(2**62))
        return solve(slots, [rng_for("inner", seed) for _ in range(len(slots["service"]))])

    return solved


class Memory(nn.Module):
    """From counts of requests, step after step, to a vector for each step.

    With memory a GRU (Cho and others, 2014) over all steps so far; without, two layers of what the
    last step alone has shown. Counts are taken as shares of a step's requests, times their number
    of services.
    """

    def __init__(self, services: int, width: int, memory: bool) -> None:
        super().__init__()
        self.gru = nn.GRU(services + 1, width, batch_first=True) if memory else None
        self.layers = (
            None if memory else nn.Sequential(*_layer(services + 1, width), *_layer(width, width))
        )

    def forward(self, seen: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """seen (rows, steps, services + 1) to (rows, steps, width), and the state behind them."""
        if self.gru is not None:
            found: tuple[Tensor, Tensor] = self.gru(seen, state)
            return found
        assert self.layers is not None
        return self.layers(seen), None


def _layer(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.ReLU()]


def shown(counts: np.ndarray) -> np.ndarray:
    """What a policy sees of counts (rows, steps, services) of the step before each: their shares,
    and whether there was such a step; (rows, steps, services + 1)."""
    total = counts.sum(-1, keepdims=True)
    shares = counts * counts.shape[-1] / np.maximum(total, 1)
    return np.concatenate([shares, total > 0], axis=-1)


def before(counts: np.ndarray) -> np.ndarray:
    """The counts of the step before each, none before the first."""
    return np.concatenate([np.zeros_like(counts[:, :1]), counts[:, :-1]], axis=1)


def newest(seen: dict[str, np.ndarray]) -> np.ndarray:
    """`shown` of the step to decide, (rows, 1, services + 1)."""
    step = int(seen["step"].flat[0])
    counts = seen["counts"][:, step - 1 : step] if step else 0 * seen["counts"][:, :1]
    return shown(counts)


class Forecaster(nn.Module):
    """Log-probabilities of the services in each of the coming steps."""

    def __init__(self, services: int, ahead: int, width: int, memory: bool) -> None:
        super().__init__()
        self.memory = Memory(services, width, memory)
        self.head = nn.Linear(width, ahead * services)
        self.shape = (ahead, services)

    def forward(self, seen: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(rows, steps, services + 1) to (rows, steps, ahead, services)."""
        known, state = self.memory(seen, state)
        return self.head(known).unflatten(-1, self.shape).log_softmax(-1), state


def forecasts(net: Forecaster, counts: np.ndarray) -> Tensor:
    """What is expected before each step of episodes, (rows, steps, ahead, services)."""
    seen = torch.from_numpy(shown(before(counts)).astype(np.float32))
    return cast(Tensor, net(seen)[0])


def surprise(expected: Tensor, counts: np.ndarray) -> Tensor:
    """Mean -log of the probability of a request in each of the coming steps, (ahead,), fewer where
    episodes are shorter, of `forecasts`."""
    asked = torch.from_numpy(counts.astype(np.float32))
    asked = asked / asked.sum(-1, keepdim=True)
    steps, ahead = expected.shape[1:3]
    each = [
        -(asked[:, h:] * expected[:, : steps - h, h]).sum(-1).mean()
        for h in range(min(ahead, steps))
    ]
    return torch.stack(each)


def precise(net: nn.Module) -> nn.Module:
    """The same network in float64: what it decides for a row does not hang on rows beside it."""
    return copy.deepcopy(net).double().eval()


def rolled(problem: HasCaching, data: Data, pick: Pick, inner: str) -> Decision:
    """The whole decision of a policy for a batch of instances (rows, …), one each (rows, 1, …)."""
    solver = inner_solver(problem, inner)
    play = problem.dynamics(data, inner=solver, rng=rng_for("caching", "inner"))
    with torch.no_grad():
        while play.at < play.steps:
            play.step({"cache": pick(play.observe())})
    return {name: block[:, None] for name, block in play.decision().items()}


def remembering(net: nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    """A `Memory`, or what ends in one, asked step by step."""
    state: list[Tensor | None] = [None]

    def ask(seen: np.ndarray) -> np.ndarray:
        found, state[0] = net(torch.from_numpy(np.asarray(seen, float)), state[0])
        return np.asarray(found[:, 0].numpy())

    return ask
