"""What authors published of an instance, judged here."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.errors import UserError
from toolkit.instances import Instance, read_arrays
from toolkit.problems import Certificate, HasCompletion, HasPublished, Problem
from toolkit.problems import Published as Rows

from ._base import Claim, Solver, relative_gap
from ._probe import Probe


@dataclass(frozen=True, kw_only=True)
class Published(Solver):
    """The authors' own decision for a row of their data, judged, and their optimum as a claim.

    `published[data=FILE]` looks for the row that is the instance. The stated choices are completed
    and judged here; the stated objective is a bound that nobody has proven, and which these choices
    are said to attain: the checker refutes it where they do not. `--data` brings it.
    """

    data: str = ""

    def __str__(self) -> str:
        """Its label: the file's name without its folder."""
        return f"{self.name}[{Path(self.data).name}]" if self.data else self.name

    def inputs(self) -> tuple[Path, ...]:
        return (Path(self.data),) if self.data else ()

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        if not self.data:
            return "no file is named: published[data=FILE]"
        if not (isinstance(problem, HasPublished) and isinstance(problem, HasCompletion)):
            return f"{problem.name} knows no published data"
        try:
            rows = _rows(problem, self.data)
        except UserError as error:
            return str(error).rstrip(".")
        if rows.choices is None:
            return f"{self.data} has no decisions"
        row = _find(rows, instance)
        return f"it is no row of {self.data}" if row is None else rows.fault(range(row, row + 1))

    def solve(self, problem: Problem, instance: Instance, probe: Probe) -> Claim:
        rows = _rows(problem, self.data)
        row = _find(rows, instance)
        assert rows.choices is not None
        assert isinstance(problem, HasCompletion)
        discrete = {name: block[row] for name, block in rows.choices.items()}
        judged = probe.offer(problem.complete(instance.data, discrete))
        if rows.objective is None:
            note = {"note": rows.note} if rows.note else {}
            return Claim(message=rows.note, details={"row": row, **note})
        stated, found = float(rows.objective[row]), float(judged.objective)
        probe.bound(stated, Certificate("claim", {"by": "the authors", "attained": True}))
        off = relative_gap(abs(found - stated) + abs(stated), abs(stated))
        return Claim(
            verdict="optimal",
            message=f"row {row}: {stated!r} stated, {found!r} judged, off by {off:.1e}",
            details={"row": row, "stated": stated, "stated_off": off},
        )


@functools.lru_cache(maxsize=4)
def _read(file: str, changed: int) -> dict[str, np.ndarray]:
    return read_arrays(Path(file))


def _rows(problem: Problem, file: str) -> Rows:
    """The rows of the file as it is now, with the problem's own fields."""
    assert isinstance(problem, HasPublished)
    path = Path(file)
    changed = path.stat().st_mtime_ns if path.is_file() else 0
    return problem.published(_read(file, changed))


def _find(rows: Rows, instance: Instance) -> int | None:
    """The first row whose numbers are the instance's."""
    fits = np.ones(len(next(iter(rows.data.values()))), bool)
    for key, values in rows.data.items():
        if key not in instance.data or values.shape[1:] != instance.data[key].shape:
            return None
        fits &= (values == instance.data[key]).reshape(len(fits), -1).all(axis=1)
    return int(np.argmax(fits)) if fits.any() else None
