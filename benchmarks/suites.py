"""The instances that policies are tested on: nothing here was trained or tuned on them.

An instance follows from problem, version, parameters, seed and number alone, so `suites.toml`
holds these and a digest over the instances' digests: there are 500 of each size, too many to keep.
Suites with references are another thing: docs/suites.md. `python benchmarks/suites.py` prints the
digests as instances are drawn now.
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


def names(problem: str) -> list[str]:
    """The suites of a problem."""
    return [name for name in content()["suite"] if of(name)["problem"] == problem]


def of(name: str) -> dict[str, Any]:
    """A suite: what it says itself, else what the head of the file says."""
    one = content()
    return {**one, "set": {}, **one["suite"][name]}


def sizes(name: str) -> list[int]:
    """The numbers of users of a suite."""
    return [int(size) for size in of(name)["sha256"]]


def problem_of(name: str, n: int) -> Problem:
    """The problem whose generator draws a suite."""
    suite = of(name)
    return problems.load(suite["problem"], suite["preset"], **suite["set"], n_users=n)


def instances(name: str, n: int) -> list[Instance]:
    """The instances of a suite."""
    problem, suite = problem_of(name, n), of(name)
    if problem.version != suite["version"]:
        raise ValueError(f"{FILE.name} is for version {suite['version']} of {problem.name!r}.")
    return [problem.instance(i, seed=suite["seed"]) for i in range(suite["count"])]


def digest(cases: list[Instance]) -> str:
    """SHA-256 over the digests of the instances, in order (32 digits)."""
    return hashlib.sha256("".join(case.digest for case in cases).encode()).hexdigest()[:32]


def batch(cases: list[Instance]) -> dict[str, np.ndarray]:
    """Their data with a leading axis."""
    return {key: np.stack([case.data[key] for case in cases]) for key in cases[0].data}


def main() -> None:
    for name in content()["suite"]:
        for n in sizes(name):
            print(name, n, digest(instances(name, n)), flush=True)


if __name__ == "__main__":
    main()
