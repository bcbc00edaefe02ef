"""What a learner is, and the files that its networks live in."""

import hashlib
import importlib.util
import io
import json
import math
import os
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from toolkit.arrays import Data, Decision
from toolkit.component import Component
from toolkit.errors import UserError
from toolkit.problems import Problem

if TYPE_CHECKING:
    from torch import nn

    from ._train import Training

FORMAT = 2  # of the files; raise it when they change
UNSIGNED = 1  # the format before: its heads do not tell what the other parts must be
PARTS = ("weights.pt", "state.pt")
KINDS: dict[str, type] = {  # of what a head must hold
    "learner": str,
    "params": dict,
    "problem": str,
    "problem_params": dict,
    "version": int,
    "seed": int,
    "steps": int,
    "seconds": float,
    "curve": list,
}


@dataclass(frozen=True, kw_only=True)
class Learner(Component, ABC):
    """A way to learn to decide. Hyper-parameters are fields; what is learnt is a module.

    The first line of its docstring is what lists show.
    """

    requires: ClassVar[tuple[str, ...]] = ()  # packages that an optional extra brings
    one_instance: ClassVar[bool] = False  # it knows instance 0 of its seed and no other
    streams: ClassVar[bool] = False  # it takes frame after frame: rows of data serve too
    one_size: ClassVar[bool] = False  # it decides as many variables as it was trained on
    practice: ClassVar[int] = 400  # steps after which it is better than chance on `tiny`

    @property
    def taught(self) -> bool:
        """Whether it needs labels: the run's teacher."""
        return False

    def missing(self) -> str | None:
        """The package that must be installed first, or None."""
        absent = [name for name in self.requires if importlib.util.find_spec(name) is None]
        return absent[0] if absent else None

    def refuses(self, problem: Problem) -> str | None:
        """Why it cannot learn the problem, or None."""
        return None

    def modest(self) -> "Learner":
        """The same with settings that take `practice` steps in seconds; for conformance tests."""
        return self

    @abstractmethod
    def build(self, problem: Problem) -> "nn.Module":
        """An untrained network; its weights are drawn from torch's current generator."""

    @abstractmethod
    def train(self, net: "nn.Module", run: "Training") -> None:
        """Trains in place, for step in run.steps(net, …)."""

    def tries(self, net: "nn.Module") -> int:
        """How many decisions it wants judged where nobody says how many."""
        return 1

    @abstractmethod
    def act(self, net: "nn.Module", problem: Problem, data: Data, k: int = 1) -> Decision:
        """k decisions for each of a batch of instances, (*batch, k, *shape), the best guess first.

        Whole decisions in NumPy float64; `k` may be less where the learner has no more to say.
        """


def save(path: Path, learner: Learner, net: "nn.Module", run: "Training") -> None:
    """Writes a checkpoint: a JSON head, the weights, and what training needs to go on.

    Whatever kills the process, the file is the old one or the new one.
    """
    head = {
        "learner": learner.name,
        "params": learner.params,
        "problem": run.problem.name,
        "problem_params": run.problem.params,
        "version": run.problem.version,
        **run.head(),
    }
    try:
        write(path, head, net.state_dict(), run.state())
    except OSError as error:
        raise UserError(
            f"Cannot write {str(path)!r} ({error.strerror}); name a file that can be written."
        ) from None


def write(path: Path, head: dict[str, Any], weights: Any, state: Any) -> None:
    """The file: the head also says the format, and the SHA-256 of every other part."""
    parts = dict(zip(PARTS, map(_packed, (weights, state)), strict=True))
    said = {**head, "format": FORMAT, "sha256": {name: _sha(part) for name, part in parts.items()}}
    scratch = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("head.json", json.dumps(said, indent=1))
        for name, part in parts.items():
            archive.writestr(name, part)
    os.replace(scratch, path)


def _packed(content: Any) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def _sha(part: bytes) -> str:
    return hashlib.sha256(part).hexdigest()


@dataclass(frozen=True)
class Checkpoint:
    """A file of `save`, read."""

    path: Path
    head: dict[str, Any]
    weights: dict[str, Any]
    state: dict[str, Any]  # what training needs to go on

    @classmethod
    def read(cls, path: Path) -> "Checkpoint":
        """UserError where the file is absent, damaged or of another format."""
        import torch

        head = head_of(path)
        with _archive(path) as archive:
            weights, state = (
                torch.load(io.BytesIO(archive.read(part)), weights_only=True) for part in PARTS
            )
        if damage := _weight_damage(weights):
            raise UserError(f"{str(path)!r} is damaged: {damage}; train it again.")
        return cls(path, head, weights, state)

    def rebuild(self) -> tuple[Learner, Problem]:
        """The learner and the problem that the head names."""
        from toolkit import problems
        from toolkit.learners import registry

        head = self.head
        problem = problems.load(head["problem"], **head["problem_params"])
        if problem.version != head["version"]:
            raise UserError(
                f"{str(self.path)!r} was trained on version {head['version']} of "
                f"{problem.name!r}, this toolkit has version {problem.version}; train it again."
            )
        return registry.build(head["learner"], **head["params"]), problem


def head_of(path: Path) -> dict[str, Any]:
    """The head of a checkpoint of which every byte is as it was written; without torch.

    UserError where the file is absent, damaged or of another format.
    """
    with _archive(path) as archive:
        head: dict[str, Any] = json.loads(archive.read("head.json"))
        torn = archive.testzip()
        there = [] if torn else sorted(set(PARTS) & set(archive.namelist()))
        found = {part: _sha(archive.read(part)) for part in there}
    _admit(path, head)
    torn_part = f"its {torn} is torn" if torn else None
    if damage := _head_damage(head) or torn_part or _altered(head, found):
        raise UserError(f"{str(path)!r} is damaged: {damage}; train it again.")
    return head


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive that a checkpoint is; whatever reading it raises is one sentence."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        raise UserError(
            f"Cannot read the checkpoint {str(path)!r}: {error.strerror or error}."
        ) from None
    except Exception as error:
        raise UserError(
            f"{str(path)!r} is damaged or no checkpoint ({type(error).__name__}); train it again."
        ) from None


def load(path: Path) -> tuple[Learner, "nn.Module", Problem, dict[str, Any]]:
    """(learner, network, problem, head) of a checkpoint; UserError where it does not fit."""
    import torch

    file = Checkpoint.read(path)
    learner, problem = file.rebuild()
    with torch.random.fork_rng(devices=[]):
        net = learner.build(problem)
    try:
        net.load_state_dict(file.weights)
    except RuntimeError as error:
        raise UserError(
            f"The weights in {str(path)!r} do not fit the learner {learner.name!r}; "
            f"train it again ({str(error).splitlines()[0]})."
        ) from None
    return learner, net.eval(), problem, file.head


def _admit(path: Path, head: Any) -> None:
    """Refuses a head that another version wrote."""
    if not isinstance(head, dict) or head.get("format") not in (FORMAT, UNSIGNED):
        found = head.get("format") if isinstance(head, dict) else None
        raise UserError(
            f"{str(path)!r} has format {found!r}, this toolkit reads {FORMAT}; train it again."
        )


def _altered(head: dict[str, Any], found: dict[str, str]) -> str | None:
    """Which part is not the one that the head was written for, or None."""
    if head["format"] == UNSIGNED:
        return None
    said = head.get("sha256")
    for part in PARTS:
        if not isinstance(said, dict) or part not in found or said.get(part) != found[part]:
            return f"its {part} is not the one that it was written with"
    return None


def _head_damage(head: dict[str, Any]) -> str | None:
    """What is wrong with a head of the right format, or None."""
    for key, kind in KINDS.items():
        if key not in head:
            return f"its head lacks {key!r}"
        value = head[key]
        kinds = (int, float) if kind is float else kind
        if not isinstance(value, kinds) or isinstance(value, bool):
            return f"{key} in its head is no {kind.__name__}"
    for key in ("steps", "seconds"):
        if not 0 <= head[key] < math.inf:
            return f"{key} in its head is {head[key]}"
    if not all(isinstance(point, dict) for point in head["curve"]):
        return "curve in its head is no list of points"
    return None


def _weight_damage(weights: Any) -> str | None:
    """What is wrong with weights, whatever they are for, or None."""
    import torch

    if not isinstance(weights, dict) or not all(map(torch.is_tensor, weights.values())):
        return "its weights are no tensors by name"
    for name, value in weights.items():
        if not bool(torch.isfinite(value).all()):
            return f"its weights {name!r} are not finite"
    return None
