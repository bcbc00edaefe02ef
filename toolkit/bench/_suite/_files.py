"""A suite on the disk: a TOML file to be read by people, beside it an NPZ file with the numbers."""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

import toolkit.instances
from toolkit.bench._store import Reference
from toolkit.errors import UserError, unknown
from toolkit.instances import Instance
from toolkit.instances._base import DAMAGED
from toolkit.problems import Problem

from . import _recipe
from ._plant import planted_instance
from ._recipe import Draw, Frozen, Recipe, Row

FOLDER = Path(toolkit.instances.__file__).parent / "suites"
ORDER = ("smoke", "paper", "small", "medium", "large", "stress", "planted")
INTEGERS = (np.int8, np.int16, np.int32, np.int64)
EXACT = 2.0**53  # whole numbers up to this are doubles


def names() -> list[str]:
    """The suites of the toolkit, by problem and size."""
    found = [f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.toml")]
    return sorted(found, key=_rank)


def _rank(name: str) -> tuple[str, int, str]:
    problem, _, own = name.partition("/")
    return problem, ORDER.index(own) if own in ORDER else len(ORDER), own


def path_of(name: str) -> Path:
    """The recipe's file: of a suite of the toolkit, or the one that is named."""
    if name.endswith(".toml"):
        return Path(name)
    if name not in names():
        own = [each for each in names() if each.startswith(f"{name}/")]
        raise unknown("suite", name, own or names())
    return FOLDER / f"{name}.toml"


@dataclass(frozen=True)
class Suite:
    """A suite as it is on the disk."""

    name: str
    path: Path
    recipe: Recipe

    @classmethod
    def read(cls, name: str) -> "Suite":
        path = path_of(name)
        return cls(name, path, _recipe.read(path))

    @property
    def npz(self) -> Path:
        return self.path.with_suffix(".npz")

    @property
    def rows(self) -> list[Row]:
        """What is frozen of every instance; UserError where nothing is."""
        if self.recipe.frozen is None:
            raise UserError(
                f"The suite {self.name!r} is a recipe only; run: suite freeze {self.name}."
            )
        return self.recipe.frozen.reference

    @cached_property
    def problems(self) -> list[Problem]:
        """The problem of every draw, of the version that the recipe is for."""
        found = [self.recipe.problem_of(draw) for draw in self.recipe.draw]
        for problem in found:
            if problem.version != self.recipe.version:
                raise UserError(
                    f"The suite {self.name!r} is for version {self.recipe.version} of "
                    f"{problem.name!r}, this toolkit has version {problem.version}."
                )
        return found

    def drawn(self) -> list[list[Instance]]:
        """The instances of every draw as the generator makes them now."""
        pairs = zip(self.recipe.draw, self.problems, strict=True)
        found = [
            [_drawn(draw, problem, i, self.recipe.seed) for i in range(draw.instances)]
            for draw, problem in pairs
        ]
        count = Counter(one.name for each in found for one in each)
        return [
            [_told_apart(one, number) if count[one.name] > 1 else one for one in each]
            for number, each in enumerate(found)
        ]

    def instances(self) -> list[list[Instance]]:
        """The instances of every draw, each with the digest that was frozen."""
        rows = iter(self.rows)
        with self._whole():
            found = self.drawn() if self.recipe.data == "drawn" else self._kept()
        for instance in (one for each in found for one in each):
            row = next(rows)
            if instance.digest != row.digest:
                raise UserError(
                    f"The suite {self.name!r}: {row.instance} has the digest {instance.digest}, "
                    f"frozen was {row.digest}; get its files again."
                )
        return found

    def references(self) -> list[Reference]:
        """What is known of every instance, in the order of the instances."""
        own = [name for name in Row.__struct_fields__ if name != "instance"]
        with self._whole():
            return [
                Reference(
                    solution=solution or {},
                    certificate=proof,
                    **{name: getattr(row, name) for name in own},
                )
                for row, proof, solution in zip(
                    self.rows, self._proofs(), self._solutions(), strict=True
                )
            ]

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        """Says in a sentence that the two files do not fit together."""
        try:
            yield
        except UserError:
            raise
        except (LookupError, ValueError, TypeError, StopIteration) as error:
            raise UserError(
                f"The files of the suite {self.name!r} do not fit together "
                f"({type(error).__name__}: {error}); get them again."
            ) from None

    @cached_property
    def _arrays(self) -> dict[str, np.ndarray]:
        """The NPZ file, once it is seen to be the one that was frozen."""
        try:
            content = self.npz.read_bytes()
        except OSError as error:
            raise UserError(f"Cannot read {str(self.npz)!r}: {error.strerror}.") from None
        if self.recipe.frozen is None or sha256(content) != self.recipe.frozen.sha256:
            raise UserError(
                f"{str(self.npz)!r} is not the file that was frozen: its SHA-256 is another; "
                "get it again."
            )
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                return {key: file[key] for key in file.files}
        except DAMAGED as error:
            raise UserError(f"{str(self.npz)!r} is damaged ({error}); get it again.") from None

    def _kept(self) -> list[list[Instance]]:
        rows, out = iter(self.rows), []
        for number, (draw, problem) in enumerate(zip(self.recipe.draw, self.problems, strict=True)):
            data = _under(self._arrays, f"data.{number}.")
            each = []
            for i in range(draw.instances):
                one = {key: value[i] for key, value in data.items()}
                name = next(rows).instance
                each.append(Instance(problem.name, problem.version, one, problem.params, name))
            out.append(each)
        return out

    def _proofs(self) -> list[Any]:
        """The certificate of every instance, or None."""
        proofs = json.loads(self._arrays["certificates"].tobytes())
        if not all(proof is None or isinstance(proof, dict) for proof in proofs):
            raise ValueError("a certificate is a table, or none")
        return list(proofs)

    def _solutions(self) -> Iterator[dict[str, Any] | None]:
        """The decision of every instance, or None where there is none."""
        for number, draw in enumerate(self.recipe.draw):
            blocks = _under(self._arrays, f"solution.{number}.")
            solved = blocks.pop("", np.zeros(draw.instances, bool))
            for i in range(draw.instances):
                found = {key: value[i].astype(float).tolist() for key, value in blocks.items()}
                yield found if solved[i] else None


def _drawn(draw: Draw, problem: Problem, index: int, seed: int) -> Instance:
    if draw.planted:
        instance = planted_instance(problem, index, seed)[0]
    else:
        instance = problem.admit(problem.instance(index, seed))
    if draw.preset is None:
        return instance
    named = instance.name.replace(problem.name, f"{problem.name}-{draw.preset}", 1)
    return dataclasses.replace(instance, name=named)


def _told_apart(instance: Instance, draw: int) -> Instance:
    """Under a name of its own: draws of one preset and size may differ in other fields."""
    return dataclasses.replace(instance, name=f"{instance.name}-draw{draw}")


def keep(
    suite: Suite, instances: Sequence[Sequence[Instance]], references: Sequence[Reference]
) -> None:
    """Writes both files; the recipe's own text stays."""
    found, arrays = iter(references), dict[str, np.ndarray]()
    for number, each in enumerate(instances):
        if suite.recipe.data == "kept":
            rows = [instance.data for instance in each]
            arrays |= {f"data.{number}.{key}": v for key, v in _stacked(suite, rows).items()}
        solutions = [next(found).solution for _ in each]
        arrays |= {f"solution.{number}.{k}": v for k, v in _optional(suite, solutions).items()}
    proofs = msgspec.json.encode([reference.certificate for reference in references])
    arrays["certificates"] = np.frombuffer(proofs, np.uint8)
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    every = [one for each in instances for one in each]
    rows_ = [_row(one.name, ref) for one, ref in zip(every, references, strict=True)]
    frozen = Frozen(sha256=sha256(content.getvalue()), reference=rows_)
    text = _recipe.written(suite.path, frozen)
    _write(suite.npz, content.getvalue())
    _write(suite.path, text.encode())


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _row(name: str, reference: Reference) -> Row:
    cells = {key: getattr(reference, key) for key in Row.__struct_fields__ if key != "instance"}
    return Row(instance=name, **cells)


def _optional(suite: Suite, solutions: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Decisions with a leading axis; the block without a name says which of them there are."""
    there = next((solution for solution in solutions if solution), None)
    if there is None:
        return {}
    blank = {key: np.zeros(np.shape(value)) for key, value in there.items()}
    stacked = _stacked(suite, [solution or blank for solution in solutions])
    return {"": np.array([bool(solution) for solution in solutions]), **stacked}


def _stacked(suite: Suite, rows: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Arrays with a leading axis, in as few bytes as hold them exactly."""
    try:
        return {key: _small(np.stack([np.asarray(r[key], float) for r in rows])) for key in rows[0]}
    except ValueError:
        raise UserError(
            f"The suite {suite.name!r}: instances of one draw have different shapes; "
            "give each shape a [[draw]] of its own."
        ) from None


def _small(value: np.ndarray) -> np.ndarray:
    """Whole numbers as integers, all else as it is."""
    whole = np.all((value == np.floor(value)) & (np.abs(value) <= EXACT))
    if not whole or np.any(np.signbit(value) & (value == 0)):  # -0.0 has a digest of its own
        return value
    for kind in INTEGERS:
        if np.all(np.abs(value) <= np.iinfo(kind).max):
            return value.astype(kind)
    return value


def _under(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """The arrays whose names begin so, without that."""
    return {key.removeprefix(prefix): v for key, v in arrays.items() if key.startswith(prefix)}


def _write(path: Path, content: bytes) -> None:
    scratch = path.with_name(path.name + ".part")
    try:
        scratch.write_bytes(content)
        os.replace(scratch, path)
    except OSError as error:
        raise UserError(
            f"Cannot write {str(path)!r} ({error.strerror}); copy the recipe to a folder that can "
            "be written, and freeze that."
        ) from None
