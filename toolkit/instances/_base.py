"""One case of a problem as data: its identity, its files, and seeds that depend on nothing else."""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from toolkit.errors import UserError

KEYS = ("problem", "version", "params", "data")
DAMAGED = (  # what NumPy, zipfile and json raise at files that are not what they should be
    *(ValueError, KeyError, EOFError, RuntimeError, MemoryError),
    *(zlib.error, zipfile.BadZipFile),
)


def rng_for(*parts: object) -> np.random.Generator:
    """A generator that depends on `parts` and on nothing else (no global state, no order)."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


class ReadOnly(dict[str, np.ndarray]):
    """Data that nobody changes by mistake; copies and pickles are plain."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("The data of an instance do not change; copy them: dict(instance.data).")

    __setitem__ = __delitem__ = __ior__ = _refuse  # type: ignore[assignment]
    update = setdefault = pop = popitem = clear = _refuse  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


@dataclass(frozen=True)
class Instance:
    """What is given before anything is decided: read-only float64 arrays in SI units.

    `params` are the generator's fields that drew it; `data` alone decides what a decision is worth.
    """

    problem: str
    version: int
    data: Mapping[str, np.ndarray]
    params: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    def __post_init__(self) -> None:
        frozen = {}
        for key, value in self.data.items():
            array = np.array(value, dtype=np.float64)
            array.setflags(write=False)
            frozen[key] = array
        object.__setattr__(self, "data", ReadOnly(frozen))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles by construction: arrays would come back writable otherwise."""
        return Instance, (self.problem, self.version, dict(self.data), self.params, self.name)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over problem, version, names, shapes and little-endian bytes (16 digits)."""
        sha = hashlib.sha256(f"{self.problem}\x1f{self.version}".encode())
        for key in sorted(self.data):
            value = self.data[key]
            sha.update(f"{key}{value.shape}".encode())
            sha.update(value.astype("<f8").tobytes())
        return sha.hexdigest()[:16]

    def as_json(self) -> dict[str, Any]:
        """The content of an instance file: problem, version, params and data as nested lists."""
        return {
            "problem": self.problem,
            "version": self.version,
            "params": dict(self.params),
            "data": {k: v.tolist() for k, v in self.data.items()},
        }

    @classmethod
    def from_json(cls, content: Any, where: str) -> "Instance":
        """The inverse of `as_json`; `where` names the source in errors."""
        missing = [k for k in KEYS if not isinstance(content, dict) or k not in content]
        if missing:
            raise UserError(f"{where} is not an instance: it lacks {missing[0]!r}.")
        for key in content:
            if key not in KEYS:
                raise UserError(f"{where} has {key!r}, which is no part of an instance; remove it.")
        for key in ("params", "data"):
            if not isinstance(content[key], dict):
                raise UserError(f"{where} is not an instance: its {key!r} is not an object.")
        if type(content["version"]) is not int:  # True would be 1
            raise UserError(f"{where} is not an instance: its 'version' is not a whole number.")
        arrays = {}
        for key, value in content["data"].items():
            try:
                arrays[key] = _numbers(value)
            except (TypeError, ValueError, OverflowError):
                raise UserError(f"{where}: data[{key!r}] is not a rectangle of numbers.") from None
        return cls(content["problem"], content["version"], arrays, content["params"], where)

    def write(self, path: Path) -> None:
        """Writes JSON, or NPZ where the name ends so; both read back to the same digest."""
        scratch = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".npz":
                head = {k: v for k, v in self.as_json().items() if k != "data"}
                with scratch.open("wb") as file:
                    arrays: dict[str, Any] = {f"data.{k}": v for k, v in self.data.items()}
                    np.savez_compressed(file, head=np.array(json.dumps(head)), **arrays)
            else:
                scratch.write_text(json.dumps(self.as_json(), indent=1) + "\n")
            os.replace(scratch, path)
        except OSError as error:
            raise UserError(
                f"Cannot write {str(path)!r} ({error.strerror}); name a folder that can be written."
            ) from None

    @classmethod
    def read(cls, path: Path) -> "Instance":
        """Reads what `write` wrote. The problem itself then checks names, shapes and values."""
        where = str(path)
        try:
            npz = path.suffix == ".npz"
            content = _read_npz(path) if npz else json.loads(path.read_text())
        except OSError as error:
            raise UserError(f"Cannot read {where!r}: {error.strerror or error}.") from None
        except DAMAGED as error:
            raise UserError(
                f"{where!r} is damaged or not an instance file ({error}); export it again."
            ) from None
        return cls.from_json(content, where)


def _read_npz(path: Path) -> Any:
    """The content of an NPZ file as `Instance.from_json` takes it."""
    with path.open("rb") as raw, np.lib.npyio.NpzFile(raw, allow_pickle=False) as file:
        head = json.loads(str(file["head"]))
        if not isinstance(head, dict):
            return head
        arrays = {k: file[k] for k in file.files if k != "head"}
    data = {k[5:]: v for k, v in arrays.items() if k.startswith("data.")}
    others = {k: v for k, v in arrays.items() if not k.startswith("data.")}
    return {**head, **others, "data": data}


def _numbers(value: Any) -> np.ndarray:
    """An array of numbers; TypeError where NumPy would make numbers of texts or truth values."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "iuf":
            raise TypeError
    elif not set(map(type, np.array(value, dtype=object).flat)) <= {int, float}:
        raise TypeError
    return np.array(value, dtype=np.float64)
