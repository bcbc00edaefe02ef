"""A trained learner as a solver among the others."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import Problem

from ._base import Claim, Solver
from ._probe import Probe


@dataclass(frozen=True, kw_only=True)
class Policy(Solver):
    """A trained policy: policy[checkpoint=FILE], its k best guesses judged.

    Loading is off the clock of the bench (a warm-up does it); training is never on it.
    """

    backends: ClassVar[tuple[str, ...]] = ("torch",)

    checkpoint: str = ""
    k: int = 1  # decisions to judge

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k is {self.k}; it must be at least 1.")

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not self.checkpoint:
            return "no checkpoint is named: policy[checkpoint=FILE]"
        _, _, trained, _ = _load(self.checkpoint)
        if trained.name != problem.name:
            return f"it was trained on {trained.name!r}"
        return None

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        learner, net, _, _ = _load(self.checkpoint)
        batch = {key: value[None] for key, value in instance.data.items()}
        decision = learner.act(net, problem, batch, self.k)
        probe.offer({name: block[0] for name, block in decision.items()})
        return Claim(stop=probe.stop)


def _load(checkpoint: str) -> Any:
    path = Path(checkpoint)
    if not path.is_file():
        raise UserError(f"There is no checkpoint {checkpoint!r}; train one with the verb train.")
    return _load_once(checkpoint, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _load_once(checkpoint: str, changed: int) -> Any:
    from toolkit import learners

    return learners.load(Path(checkpoint))
