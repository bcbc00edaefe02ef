"""The frozen test suites: instances that nothing here was trained or tuned on.

An instance follows from problem, version, parameters, seed and number alone, so `suites.toml`
holds these and a digest over the instances' digests. `python benchmarks/suites.py` prints the
digests of the instances as they are drawn now.
"""

import hashlib
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from toolkit import problems
from toolkit.instances import Instance
from toolkit.problems import Problem

FILE = Path(__file__).with_name("suites.toml")


@cache
def content() -> dict[str, Any]:
    """The file as it is."""
    return tomllib.loads(FILE.read_text())


def sizes(name: str) -> list[int]:
    """The numbers of users of a suite."""
    return [int(size) for size in content()["suite"][name]["sha256"]]


def problem_of(name: str, n: int) -> Problem:
    """The problem whose generator draws a suite."""
    suite = content()["suite"][name]
    return problems.load(content()["problem"], suite["preset"], **suite.get("set", {}), n_users=n)


def instances(name: str, n: int) -> list[Instance]:
    """The instances of a suite."""
    problem, one = problem_of(name, n), content()
    if problem.version != one["version"]:
        raise ValueError(f"{FILE.name} is for version {one['version']} of {problem.name!r}.")
    return [problem.instance(i, seed=one["seed"]) for i in range(one["count"])]


def digest(cases: list[Instance]) -> str:
    """SHA-256 over the digests of the instances, in order (32 digits)."""
    return hashlib.sha256("".join(case.digest for case in cases).encode()).hexdigest()[:32]


def batch(cases: list[Instance]) -> dict[str, np.ndarray]:
    """Their data with a leading axis."""
    return {key: np.stack([case.data[key] for case in cases]) for key in cases[0].data}


if __name__ == "__main__":
    for name in content()["suite"]:
        for n in sizes(name):
            print(name, n, digest(instances(name, n)))
