"""One case of a problem as data: its identity, its files, and seeds that depend on nothing else."""

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import UserError

KEYS = ("problem", "version", "params", "data")


def rng_for(*parts: object) -> np.random.Generator:
    """A generator that depends on `parts` and on nothing else (no global state, no order)."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


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
        object.__setattr__(self, "data", frozen)

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
        for key in ("params", "data"):
            if not isinstance(content[key], dict):
                raise UserError(f"{where} is not an instance: its {key!r} is not an object.")
        arrays = {}
        for key, value in content["data"].items():
            try:
                arrays[key] = np.array(value, dtype=np.float64)
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
            if path.suffix == ".npz":
                with np.load(path, allow_pickle=False) as file:
                    content = json.loads(str(file["head"]))
                    content["data"] = {k[5:]: file[k] for k in file.files if k.startswith("data.")}
            else:
                content = json.loads(path.read_text())
        except OSError as error:
            raise UserError(f"Cannot read {where!r}: {error.strerror or error}.") from None
        except (ValueError, KeyError, EOFError, RecursionError, zipfile.BadZipFile) as error:
            raise UserError(
                f"{where!r} is damaged or not an instance file ({error}); export it again."
            ) from None
        return cls.from_json(content, where)
