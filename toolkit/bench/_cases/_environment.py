"""What the numbers of a run were made with: the machine, and the versions of what is at work."""

import functools
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info  # type: ignore[import-untyped,unused-ignore]

import toolkit
from toolkit.solvers import Solver

ALWAYS = ("numpy", "scipy", "numba")  # every number passes through these


def environment(jobs: int, solver: Solver) -> dict[str, Any]:
    """What the numbers of a run were made with; kept with every record."""
    return {**_machine(), "threads": 1, "jobs": jobs, **versions((*ALWAYS, *solver.packages))}


@functools.cache
def versions(distributions: tuple[str, ...]) -> dict[str, str | None]:
    """The installed version of each distribution; None: not installed."""
    found: dict[str, str | None] = {}
    for name in distributions:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


@functools.cache
def _machine() -> dict[str, Any]:
    """What all runs of this process share; memory in bytes."""
    return {
        "toolkit": toolkit.__version__,
        "commit": commit_of(Path(toolkit.__file__).parent),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": cores(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "blas": _blas(),
    }


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def commit_of(folder: Path) -> str | None:
    """The commit that a folder's files are of, with "+" where they differ from it.

    None where git does not know them: a package may lie inside a checkout of something else.
    """
    known = _git(folder, "ls-files", "--", "__init__.py")
    head = _git(folder, "rev-parse", "HEAD")
    if not known or not head:
        return None
    return head + "+" * bool(_git(folder, "status", "--porcelain", "--", "."))


def _git(folder: Path, *words: str) -> str | None:
    """What git answers; None where it cannot."""
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@functools.cache
def _processor() -> str:
    """The CPU's own name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _blas() -> str:
    """NumPy's library of linear algebra and its kernel: sums in another order differ in the last
    digits. Other libraries are left out: which are loaded is another matter in every process."""
    loaded = [one for one in threadpool_info() if one["user_api"] == "blas"]
    own = [one for one in loaded if "numpy" in one["filepath"]]  # in NumPy's wheel
    found = {
        f"{one['internal_api']} {one['version']} {one.get('architecture', '')}".strip()
        for one in own or loaded
    }
    return ", ".join(sorted(found))
