"""What was stored, as values that can be trusted to be what they seem, or Refuted."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from toolkit.problems import Certificate
from toolkit.solvers import Status

from ._reprove import Refuted, shown


def status_of(value: Any) -> Status:
    if not isinstance(value, str) or value not in set(Status):
        raise Refuted(f"{shown(value)} is not a status.")
    return Status(value)


def number_of(name: str, value: Any) -> float | None:
    """A stored number; the strings inf and -inf are numbers too, NaN is none."""
    if value is None:
        return None
    text = value in ("inf", "-inf") if isinstance(value, str) else False
    if not text and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise Refuted(f"The stored {name} is {shown(value)}, not a number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.nan
    if math.isnan(number):
        raise Refuted(f"The stored {name} is not a number.")
    return number


def certificate_of(content: Any) -> Certificate | None:
    if content is None:
        return None
    if not isinstance(content, Mapping) or "kind" not in content:
        raise Refuted("The certificate does not say of which kind it is.")
    return Certificate.from_json(content)


def array_of(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A block of the decision, finite and of its exact shape."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise Refuted(f"The decision's {name!r} is not a rectangle of numbers.") from None
    if array.dtype.kind not in "fiub":
        raise Refuted(f"The decision's {name!r} holds something that is not a number.")
    if array.shape != shape:
        raise Refuted(f"The decision's {name!r} has shape {array.shape}, expected {shape}.")
    if not np.all(np.isfinite(array)):
        raise Refuted(f"The decision's {name!r} holds a value that is not a finite number.")
    return array.astype(float)
