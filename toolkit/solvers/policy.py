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
    """A trained policy, policy[checkpoint=FILE]: its k best guesses, judged.

    Its seconds are those of inference: loading is off the clock (a warm-up does it), and what
    training has cost stands in its message.
    """

    backends: ClassVar[tuple[str, ...]] = ("torch",)

    checkpoint: str = ""
    k: int = 1  # decisions to judge

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k is {self.k}; it must be at least 1.")

    def inputs(self) -> tuple[Path, ...]:
        return (Path(self.checkpoint),) if self.checkpoint else ()

    @property
    def training_seconds(self) -> float:
        """What training has cost before the first decision."""
        return float(_load(self.checkpoint)[3]["seconds"])

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not self.checkpoint:
            return "no checkpoint is named: policy[checkpoint=FILE]"
        learner, _, trained, _ = _load(self.checkpoint)
        if trained.name != problem.name:
            return f"it was trained on {trained.name!r}"
        if learner.one_instance and trained.n_users != problem.n_users:
            return f"it was trained on {trained.n_users} users and takes no other number"
        return None

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        learner, net, _, head = _load(self.checkpoint)
        batch = {key: value[None] for key, value in instance.data.items()}
        decision = learner.act(net, problem, batch, int(min(self.k, probe.room)))
        probe.offer({name: block[0] for name, block in decision.items()})
        cost = f"training took {head['seconds']:.1f} s ({head['steps']} steps of {learner.name})"
        return Claim(stop=probe.stop, message=cost)


def _load(checkpoint: str) -> Any:
    """(learner, network, problem, head) of the file as it is now."""
    path = Path(checkpoint)
    if not path.is_file():
        raise UserError(f"There is no checkpoint {checkpoint!r}; train one with the verb train.")
    return _load_once(checkpoint, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _load_once(checkpoint: str, changed: int) -> Any:
    import torch

    from toolkit import learners

    torch.set_num_threads(1)  # as every run of the bench
    return learners.load(Path(checkpoint))
