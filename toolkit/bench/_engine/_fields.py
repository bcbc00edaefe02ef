"""Results, points and errors as what a record holds: plain JSON values."""

import os
import traceback
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import numpy as np

from toolkit.reports.record import Record, finite
from toolkit.solvers import Point, Result

LONGEST = 2000  # characters of a message
# A record with all fields optional.
ANSWER = msgspec.defstruct(
    "ANSWER",
    [(f.name, f.type | msgspec.UnsetType, msgspec.UNSET) for f in msgspec.structs.fields(Record)],
)


def as_fields(result: Result) -> dict[str, Any]:
    """A result as the fields of a record: JSON values only."""
    numbers = {
        name: finite(getattr(result, name))
        for name in ("objective", "violation", "bound", "gap", "seconds", "wall")
    }
    return {
        **numbers,
        "status": str(result.status),
        "stop": str(result.stop),
        "claim": str(result.claim),
        "evaluations": result.evaluations,
        "message": str(result.message),
        "details": plain(result.details),
        "terms": {name: finite(value) for name, value in result.terms.items()},
        "decision": {k: np.asarray(v).tolist() for k, v in (result.decision or {}).items()},
        "certificate": plain(result.certificate.as_json()) if result.certificate else None,
        "trace": [as_row(point) for point in result.trace],
    }


def plain(value: Any) -> Any:
    """JSON values of what may hold NumPy's; TypeError for what no JSON value stands for."""

    def convert(other: Any) -> Any:
        if isinstance(other, np.generic | np.ndarray):
            return other.tolist()
        raise TypeError(f"A record cannot hold a {type(other).__name__}.")

    return msgspec.to_builtins(value, enc_hook=convert, str_keys=True)


def sound(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields, if they are of a record's types and JSON text can hold them: what a solver left
    in them must not be found out by whoever keeps the record. TypeError, ValueError otherwise.

    Text that is no Unicode (half a character) becomes such; of a long message the beginning stays.
    """
    msgspec.convert(fields, ANSWER, strict=True)
    if lacks := {"status", "stop", "message"} - set(fields):
        raise ValueError(f"it lacks {', '.join(sorted(lacks))}.")
    for name in ("message", "claim"):
        if len(text := fields.get(name, "")) > LONGEST:
            fields = {**fields, name: f"{text[:LONGEST]} […]"}
    try:
        msgspec.json.encode(fields)
    except UnicodeEncodeError:
        return cast(dict[str, Any], _readable(fields))
    return fields


def _readable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_readable(key): _readable(item) for key, item in value.items()}
    return [_readable(item) for item in value] if isinstance(value, list) else value


def sound_point(point: Any) -> Point:
    """The point, if it is one; TypeError otherwise."""
    numbers = [point.seconds, point.evaluations, point.objective, point.bound, point.done]
    if not all(number is None or isinstance(number, float | int) for number in numbers):
        raise TypeError("a point of a trace has numbers alone.")
    return cast(Point, point)


def as_row(point: Point) -> list[float | None]:
    """A point of a trace: seconds, evaluations, objective, bound."""
    return [finite(v) for v in (point.seconds, point.evaluations, point.objective, point.bound)]


def improvements(points: Sequence[Point]) -> list[list[float | None]]:
    """The rows of a trace: of points that tell nothing new but the time there is none."""
    rows: list[list[float | None]] = []
    for row in map(as_row, points):
        if not rows or row[2:] != rows[-1][2:]:
            rows.append(row)
    return rows


def whole_story() -> str:
    """The traceback of the error that is being handled; of a long one the end."""
    return traceback.format_exc()[-2 * LONGEST :]


def one_line(error: BaseException) -> str:
    """The error's type, text and place, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    try:
        text = " ".join(str(error)[:LONGEST].split()) or "no message"
    except Exception:  # of classes that were not tried
        text = "no message, as its text cannot be made"
    if not frames:
        return f"{type(error).__name__}: {text}"
    place = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}"
    return f"{type(error).__name__}: {text} (in {place})"


def mega(size: float) -> str:
    return f"{size / 2**20:,.0f} MiB"
