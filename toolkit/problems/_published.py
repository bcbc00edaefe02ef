"""Instances that authors published, and what is wrong with them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from toolkit.errors import UserError
from toolkit.instances import PLAIN, in_words

from ._base import Field, Problem
from ._space import Var

Fits = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Published:
    """Instances that authors published, one a row, and what they say of them."""

    problem: Problem  # with the fields that the file implies: n_users above all
    data: dict[str, np.ndarray]  # (rows, ...), all that `judge` reads, in SI units
    objective: np.ndarray | None = None  # (rows,), the stated optimum, in the problem's unit
    choices: dict[str, np.ndarray] | None = None  # discrete blocks (rows, ...) of the stated best
    names: Mapping[str, str] = field(default_factory=dict)
    # the authors' own, of the arrays that the file brings: of data, `objective` and choices
    drawn: tuple[str, ...] = ()  # the problem's fields whose draws these data take the place of
    note: str = ""  # why what the authors state is left out, where it is of another problem

    def fault(self, rows: range) -> str | None:
        """The first value in these rows that is no number, no optimum or no choice, in words."""
        for key, name in self.names.items():
            values, fits, want = self._column(key, rows.start)
            wrong = np.argwhere(~fits(values[rows.start : rows.stop]))
            if len(wrong):
                row, *place = wrong[0].tolist()
                value = float(values[(rows.start + row, *place)])
                own = key not in self.data or not math.isfinite(value)  # data are in SI units
                said = f"{value:g}" if own or not value else "a negative number"
                return f"{name} has {said} in row {rows.start + row}; it must be {want}."
        return None

    def _column(self, key: str, row: int) -> tuple[np.ndarray, Fits, str]:
        """An array, what its values must be, and the same in words."""
        if key == "objective":
            assert self.objective is not None
            return self.objective, _is_optimum, "a finite number, not 0"
        if key in self.data:
            low = self.problem.fields[key].low
            words = f"a finite number above {low:g}"
            return self.data[key], partial(_is_number, self.problem.fields[key]), words
        assert self.choices is not None
        var = self.problem.space({name: value[row] for name, value in self.data.items()})[key]
        low, high = float(np.min(var.lower)), float(np.max(var.upper))
        words = "0 or 1" if var.kind == "binary" else f"a whole number in {low:g} ... {high:g}"
        return self.choices[key], partial(_is_choice, var), words


def numbers_of(arrays: Mapping[str, np.ndarray], name: str, bits: bool = False) -> Any:
    """An array of a file as float64; None where the file lacks it, UserError where it is none.

    Booleans are numbers only where bits are wanted.
    """
    if name not in arrays:
        return None
    value = np.asarray(arrays[name])
    if value.dtype.kind in "iuf" or (bits and value.dtype.kind == "b"):
        return value.astype(float)
    raise UserError(f"{name} holds {in_words(value)}; {PLAIN}.")


def stated_for(problem: Problem, stated: Mapping[str, Any]) -> str:
    """Why optima that hold for these values of fields are not of this problem; "": they are."""
    off = [f"{name} = {value}" for name, value in stated.items() if problem.params[name] != value]
    return f"the authors' optimum is left out: it holds for {', '.join(off)}" if off else ""


def _is_optimum(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(values) & (values != 0))


def _is_number(spec: Field, values: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(values) & (values > spec.low))


def _is_choice(var: Var, values: np.ndarray) -> np.ndarray:
    whole = values == np.round(values)
    return np.asarray(whole & (values >= var.lower) & (values <= var.upper))
