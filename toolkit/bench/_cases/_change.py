"""Changes of the world inside an episode: `[[change]]` in a plan."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np

from toolkit.errors import UserError, unknown
from toolkit.instances import Instance
from toolkit.problems import Field, Problem

USERS, FRAMES = "users", "frames"
Numbers = float | list[float]


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What some fields of the data become in a part of the episode, for all users or some.

    Parts are shares of the episode: 0.6 is the first frame of the seventh tenth. A field is
    reversed along the users first, then scaled, then set.
    """

    start: float = msgspec.field(name="from", default=0.0)
    stop: float = msgspec.field(name="to", default=1.0)
    users: list[int] | None = None  # their numbers, from 0; None: all
    reverse: list[str] = []
    scale: dict[str, Numbers] = {}  # field -> factor, or one for each of the users
    values: dict[str, Numbers] = {}  # field -> value, or one for each of the users

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop <= 1:
            raise ValueError(
                f"a change is from {self.start:g} to {self.stop:g}; give shares of the episode, "
                "0 <= from < to <= 1"
            )
        if not (self.reverse or self.scale or self.values):
            raise ValueError("a change has none of reverse, scale and values")


def changed(problem: Problem, instance: Instance, changes: Sequence[Change]) -> Instance:
    """The instance with the changes in its data, one after the other; its name says so."""
    if not changes:
        return instance
    data = {key: value.copy() for key, value in instance.data.items()}
    for change in changes:
        for key in (*change.reverse, *change.scale, *change.values):
            if key not in problem.fields:
                raise unknown(f"field of {problem.name!r} to change", key, problem.fields)
            data[key] = _applied(change, key, problem.fields[key], data[key])
    head, _, index = instance.name.rpartition("-")
    return problem.admit(replace(instance, data=data, name=f"{head}-changed-{index}"))


def _applied(change: Change, key: str, spec: Field, value: np.ndarray) -> np.ndarray:
    """The array of a field, (frames, …), with a change in it."""
    frames = np.arange(len(value))
    part = (frames >= change.start * len(value)) & (frames < change.stop * len(value))
    if USERS not in spec.dims:
        if change.users is not None or key in change.reverse:
            raise UserError(f"A change names users of {key!r}, which has none; leave users out.")
        return _set(change, key, value, part)
    along = spec.dims.index(USERS)
    axes = np.moveaxis(value, along, 1)  # (frames, users, …), a view
    count = axes.shape[1]
    users = list(range(count)) if change.users is None else change.users
    if not users or min(users) < 0 or max(users) >= count or len(set(users)) < len(users):
        raise UserError(f"A change names the users {users}; they are numbered 0 to {count - 1}.")
    chosen = axes[:, users]
    if key in change.reverse:
        chosen[part] = chosen[part][:, ::-1]
    axes[:, users] = _set(change, key, chosen, part)
    return value


def _set(change: Change, key: str, value: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Scaled and set where `part` says so; `value` is (frames, users, …) or (frames,)."""
    for numbers, scales in ((change.scale.get(key), True), (change.values.get(key), False)):
        if numbers is None:
            continue
        given = np.asarray(numbers, float)
        if given.ndim and (value.ndim < 2 or given.shape != value.shape[1:2]):
            wanted = "one number" if value.ndim < 2 else f"one number or {value.shape[1]}"
            raise UserError(f"A change gives {key!r} {given.size} numbers; it takes {wanted}.")
        given = given.reshape(given.shape + (1,) * (value.ndim - 2)) if given.ndim else given
        value[part] = value[part] * given if scales else given
    return value
