"""Forgeries of run records: a kind changes one, or returns False where it has nothing to change."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from truths import Honest, Json

from toolkit.instances import Instance
from toolkit.problems import Frames

Generator = np.random.Generator


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all numbers inside a JSON value."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [place for key, inner in items for place in places(inner, (*path, key))]
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return [path] if plain else []


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _change(home: Any, path: tuple[Any, ...], how: Callable[[Any], Any]) -> None:
    at(home, path[:-1])[path[-1]] = how(at(home, path))


def _scaled(rng: Generator) -> Callable[[Any], Any]:
    by = float(rng.choice([1e-12, 1e-9, 1e-6, 1e-3, 0.1, 1.0, 1e3, 1e12]) * rng.choice([-1, 1]))
    kind = rng.integers(4)
    if kind == 3:
        return lambda _: float(rng.choice([0.0, -1.0, 1.0, 1e-300, 1e100, 1.7e308]))
    return lambda value: value * (1 + by) if kind else value + by


def price(rng: Generator, record: Json, forge: "Forge") -> bool:
    """Numbers of leaves, and of prices in splits."""
    found = [p for p in places(record["certificate"]) if set(p) & {"leaf", "prices", "below"}]
    for _ in range(int(rng.integers(1, 4)) if found else 0):
        _change(record["certificate"], found[rng.integers(len(found))], _scaled(rng))
    return bool(found)


def leaf(rng: Generator, record: Json, forge: "Forge") -> bool:
    """A node dropped, doubled, emptied, or put in another's place."""
    nodes = record["certificate"].get("nodes")
    if not nodes:
        return False
    i, j = (int(k) for k in rng.integers(len(nodes), size=2))
    match int(rng.integers(6)):
        case 0:
            del nodes[i]
        case 1:
            nodes[i] = {"leaf": {"infeasible": True}}
        case 2:
            nodes[i] = copy.deepcopy(nodes[j])
        case 3:
            nodes[:] = [nodes[i]]
        case 4:
            nodes.append(copy.deepcopy(nodes[i]))
        case _:
            nodes[i], nodes[j] = nodes[j], nodes[i]
    return True


def split(rng: Generator, record: Json, forge: "Forge") -> bool:
    """Another cut, other children, a split that claims to cover."""
    nodes = record["certificate"].get("nodes", [])
    inner = [node for node in nodes if "split" in node]
    if not inner:
        return False
    node = inner[rng.integers(len(inner))]
    kind = rng.integers(3)
    if kind == 0:
        node["children"] = [int(c) for c in rng.permutation([*node["children"], 0, 1])][
            : len(node["children"]) - int(rng.integers(2))
        ]
    elif kind == 1 and (found := places(node["split"])):
        step = float(rng.choice([-1, 1, 0.5, 1e9]))
        place = found[rng.integers(len(found))]
        _change(node["split"], place, lambda value: type(value)(value + step))
    else:
        node["split"] = copy.deepcopy(inner[rng.integers(len(inner))]["split"])
        node["split"].pop("strike", None)
    return True


def certificate(rng: Generator, record: Json, forge: "Forge") -> bool:
    """That of another instance, or of another system."""
    record["certificate"] = copy.deepcopy(forge.any(rng)["certificate"])
    return True


def instance(rng: Generator, record: Json, forge: "Forge") -> bool:
    """Another instance of the system, or one datum moved; the digest fits."""
    if rng.random() < 0.5:
        record["instance"] = copy.deepcopy(forge.alike(rng)["instance"])
    else:
        data = record["instance"]["data"]
        found = places(data)
        by = float(rng.choice([1e-15, 1e-12, 1e-9, 1e-6, 1e-2]) * rng.choice([-1, 1]))
        _change(data, found[rng.integers(len(found))], lambda value: value * (1 + by))
    if rng.random() < 0.9:
        record["digest"] = Instance.from_json(record["instance"], "a case").digest
    return True


def bound(rng: Generator, record: Json, forge: "Forge") -> bool:
    """Tighter, by a little or by much; the stated gap fits."""
    if not isinstance(record["bound"], int | float):
        record["bound"] = float(rng.normal())
        return True
    sign = 1 if record["sense"] == "min" else -1
    by = float(rng.choice([1e-12, 1e-10, 1e-8, 1e-6, 1e-3, 1.0]))
    record["bound"] += sign * by * (abs(record["bound"]) or 1.0)
    record["gap"] = None
    if rng.random() < 0.3:
        record["bound"] = record["objective"]
    return True


def objective(rng: Generator, record: Json, forge: "Forge") -> bool:
    """Better or worse than it is, by 1e-12 to 1e-5, its bound along with it or not."""
    if not isinstance(record["objective"], int | float):
        return False
    by = float(10 ** rng.uniform(-12, -5) * rng.choice([-1, 1]))
    record["objective"] += by * (abs(record["objective"]) or 1.0)
    record["gap"] = None
    if rng.random() < 0.5:
        record["bound"] = record["objective"]
    return True


def decision(rng: Generator, record: Json, forge: "Forge") -> bool:
    """An entry moved, by as little as 1e-12, its worth told as it is or not."""
    if not (found := places(record["decision"])):
        return False
    for _ in range(int(rng.integers(1, 3))):
        _change(record["decision"], found[rng.integers(len(found))], _scaled(rng))
    if rng.random() < 0.7:
        _tell(forge.honest, record)
    return True


def other(rng: Generator, record: Json, forge: "Forge") -> bool:
    """Another decision, with its own worth, called optimal; the certificate stays."""
    honest = forge.honest
    if (every := honest.choices()) is None:
        return False
    row = int(rng.integers(len(next(iter(every.values())))))
    record["decision"] = {name: block[row].tolist() for name, block in every.items()}
    _tell(honest, record)
    return True


def _tell(honest: Honest, record: Json) -> None:
    """Objective and violation as they are; the bound says that nothing is better, if it may."""
    data = Instance.from_json(record["instance"], "a case").data
    arrays = {name: np.asarray(block) for name, block in record["decision"].items()}
    with np.errstate(all="ignore"):
        found = honest.problem.evaluate(data, arrays)
    record["objective"], record["violation"] = float(found.objective), float(found.violation)
    record["gap"], record["status"] = None, "optimal"


def sense(rng: Generator, record: Json, forge: "Forge") -> bool:
    """The other one; or all figures with another sign."""
    if rng.random() < 0.3:
        record["sense"] = "max" if record["sense"] == "min" else "min"
    for name in ("objective", "bound"):
        if rng.random() < 0.7 and isinstance(record[name], int | float):
            record[name] = -record[name]
    return True


def status(rng: Generator, record: Json, forge: "Forge") -> bool:
    """Another one, with or without a decision, a bound and a certificate."""
    words = ["optimal", "feasible", "infeasible", "unknown", "error", "refused", "Optimal", ""]
    record["status"] = str(rng.choice(words))
    for name in ("decision", "bound", "certificate", "objective"):
        if rng.random() < 0.2:
            record[name] = None
    if rng.random() < 0.2:
        record["bound"] = str(rng.choice(["inf", "-inf"]))
    return True


def count(rng: Generator, record: Json, forge: "Forge") -> bool:
    """An enumeration in the certificate's place, of a number of choices or about it."""
    try:
        honest = forge.honest
        problem = honest.problem.frame if isinstance(honest.problem, Frames) else honest.problem
        content = Instance.from_json(record["instance"], "a case")
        if isinstance(honest.problem, Frames):
            content = next(iter(honest.problem.split(content)))
        total = problem.space(content.data).count
    except ValueError:
        return False
    listed = [total, total - 1, total + 1, float(total), True, 0, -total, 10**5000, str(total)]
    record["certificate"] = {"kind": "enumeration", "count": listed[rng.integers(len(listed))]}
    return True


def frames(rng: Generator, record: Json, forge: "Forge") -> bool:
    """Frames dropped, changed for one another, emptied; or a certificate that says it has some."""
    listed = record["certificate"].get("frames")
    if listed is None:
        record["certificate"] = {"kind": "frames", "frames": [record["certificate"]]}
        return True
    i, j = (int(k) for k in rng.integers(len(listed), size=2))
    match int(rng.integers(4)):
        case 0:
            del listed[i]
        case 1:
            listed[i] = None
        case 2:
            listed[i], listed[j] = listed[j], listed[i]
        case _:
            listed[i] = {"kind": "frames", "frames": [listed[j]]}
    return True


JUNK: list[Any] = [
    None, True, False, 0, -1, 2**63, 10**400, -(10**5000), 1e308, -1e308, 5e-324, math.nan,
    math.inf, -math.inf, "", "inf", "nan", "1", "\ud800", [], {}, [0], [[]], [None],
    {"kind": "tree"}, {"infeasible": True}, [1e400, "x"], {"1": 1},
]  # fmt: skip


def junk(rng: Generator, record: Json, forge: "Forge") -> bool:
    """Anything at all in one to three places."""
    for _ in range(int(rng.integers(1, 4))):
        names = [n for n in record if n != "instance"]
        path: tuple[Any, ...] = (names[rng.integers(len(names))],)
        while isinstance(home := at(record, path), dict | list) and home and rng.random() < 0.8:
            keys = list(home) if isinstance(home, dict) else list(range(len(home)))
            path = (*path, keys[rng.integers(len(keys))])
        at(record, path[:-1])[path[-1]] = copy.deepcopy(JUNK[rng.integers(len(JUNK))])
    return True


@dataclass(frozen=True)
class Forge:
    """The record that is forged, and those from which parts may be taken."""

    honest: Honest
    others: Sequence[Honest]

    def any(self, rng: Generator) -> Json:
        return self.others[rng.integers(len(self.others))].record

    def alike(self, rng: Generator) -> Json:
        """One of the same system, if there is another."""
        name = self.honest.record["problem"]
        same = [h.record for h in self.others if h.record["problem"] == name]
        return same[rng.integers(len(same))]


KINDS: list[Callable[[Generator, Json, Forge], bool]] = [
    price, leaf, split, certificate, instance, bound, objective, decision, other, sense, status,
    count, frames, junk,
]  # fmt: skip


def forged(rng: Generator, honest: Honest, others: Sequence[Honest]) -> tuple[str, Json]:
    """A forgery of a record, of a random kind that the record has something for; and its kind."""
    forge = Forge(honest, others)
    while True:
        kind, record = KINDS[rng.integers(len(KINDS))], copy.deepcopy(honest.record)
        if kind(rng, record, forge):
            return kind.__name__, record
