"""What is drawn of a decision, whatever the problem: its own pictures, or some of its blocks."""

from collections.abc import Iterable

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.errors import UserError

from ._base import Problem
from ._frames import Frames
from ._knowledge import HasOutcome, HasPictures
from ._pictures import HOME, MOST, Marks, Picture, Scale, heaviest, in_blocks, tone
from ._space import Var

MOST_VALUES = 12  # of an integer block that are told apart


def pictures(problem: Problem, data: Data, decision: Decision) -> list[Picture]:
    """Pictures of one decision; UserError, in one sentence, where it is none of this problem's."""
    sound = _admit(problem, data, decision)
    if isinstance(problem, Frames):
        return _of_frames(problem, data, sound)
    if isinstance(problem, HasPictures):
        return problem.pictures(data, sound)
    return [*_blocks(problem, data, sound), *_outcomes(problem, data, sound)]


def units(problem: Problem) -> dict[str, str]:
    """{term: unit}, as far as the problem (of a frame) tells."""
    frame = problem.frame if isinstance(problem, Frames) else problem
    return {**getattr(frame, "units", {}), **frame.shown}


def _admit(problem: Problem, data: Data, decision: Decision) -> dict[str, np.ndarray]:
    """The blocks as `judge` sees them; whatever a store holds comes in here."""
    out, space = {}, problem.space(data)
    for var in space.vars:
        if var.name not in decision:
            raise UserError(f"The decision lacks {var.name!r}; run it again.")
        try:
            value = np.asarray(decision[var.name], float)
        except (TypeError, ValueError):
            raise UserError(f"{var.name!r} holds what is no number; run it again.") from None
        if value.shape != var.shape:
            raise UserError(f"{var.name!r} has shape {value.shape}, not {var.shape}; run it again.")
        if not np.isfinite(value).all():
            raise UserError(f"{var.name!r} holds a number that is not finite; run it again.")
        out[var.name] = value
    rounded = dict(space.rounded(out))
    for var in space.discrete:
        chosen = rounded[var.name]
        if (chosen < var.lower).any() or (chosen > var.upper).any():
            raise UserError(f"{var.name!r} holds a choice that there is not; run it again.")
    return rounded


def _of_frames(problem: Frames, data: Data, decision: Decision) -> list[Picture]:
    """The episode frame by frame, and the pictures of its worst frame."""
    losses = problem.sign * np.asarray(problem.each(data, decision).objective)
    at, means, said = in_blocks(problem.sign * losses)
    axis = Scale(label="frame")
    marks = [Marks(label="objective", x=at, y=means, style="line")]
    out = [
        Picture(title="Objective of every frame", x=axis, y=Scale(label="objective"), marks=marks,
                caption=said)
    ]  # fmt: skip
    worst = int(losses.argmax())
    one = {key: value[worst] for key, value in data.items()}
    chosen = {key: np.asarray(value)[worst] for key, value in decision.items()}
    var = next(iter(problem.frame.space(one).discrete), None)
    if var is not None:
        out.append(_counted(var, np.asarray(decision[var.name]), axis))
    return [*out, *(_of_frame(p, worst) for p in pictures(problem.frame, one, chosen))]


def _of_frame(picture: Picture, frame: int) -> Picture:
    title = f"{picture.title}: frame {frame}, the worst"
    return Picture(
        title=title, x=picture.x, y=picture.y, marks=picture.marks, caption=picture.caption
    )


def _counted(var: Var, value: np.ndarray, axis: Scale) -> Picture:
    """How many entries of a discrete block (rows, …) have each value, row by row."""
    flat = value.reshape(len(value), -1)
    kinds, said = _values(flat), ""
    marks = []
    for kind in kinds:
        at, means, said = in_blocks((flat == kind).sum(-1))
        label = f"{var.name} = {kind:g}"
        marks.append(Marks(label=label, x=at, y=means, style="step", category=_category(kind)))
    return Picture(
        title=f"How often each {var.name} is chosen", x=axis, y=Scale(label="number"), marks=marks,
        caption=said,
    )  # fmt: skip


def _category(kind: float) -> int:
    """0 is at home, k at place k: in the colours of `by_kind`, whichever others occur."""
    return tone(abs(int(kind)) - 1) if kind else HOME


def _values(value: np.ndarray) -> Iterable[float]:
    """The values that occur most, in order."""
    kinds, counts = np.unique(value, return_counts=True)
    return list(np.sort(kinds[np.argsort(-counts, kind="stable")[:MOST_VALUES]]))


def _blocks(problem: Problem, data: Data, decision: Decision) -> list[Picture]:
    """From the space alone: numbers without axes together, a picture for every other block."""
    blocks = problem.space(data).vars
    single = [var for var in blocks if var.shape == ()]
    users = problem.users(data)
    out = [_scalars(single, decision)] if single else []
    for var in blocks:
        if len(var.shape) == 1:
            out.append(_row(var, decision[var.name], _axis(var.shape[0], users)))
        elif len(var.shape) > 1:
            out.append(_grid(var, decision[var.name]))
    return out


def _axis(size: int, users: int) -> str:
    return "user" if size == users else "place"


def _scalars(blocks: list[Var], decision: Decision) -> Picture:
    names = [var.name for var in blocks]
    values = [float(decision[name]) for name in names]
    marks = [Marks(label="value", x=range(len(names)), y=values)]
    return Picture(
        title="Single numbers", x=Scale(label="variable", names=names), y=Scale(label="value"),
        marks=marks,
    )  # fmt: skip


def _row(var: Var, value: np.ndarray, axis: str) -> Picture:
    """Bars of real numbers; of discrete ones a strip that tells who has which."""
    if var.discrete:
        kept, said = np.arange(min(len(value), MOST)), ""
        if len(kept) < len(value):
            said = f"Of {len(value):,} the first {MOST} are drawn."
        marks = _strip(var, value[kept])
    else:
        kept, said = heaviest(np.abs(value), f"the {MOST} largest")
        marks = [Marks(label=var.name, x=np.arange(len(kept)), y=value[kept])]
    x = Scale(label=axis, names=[str(i + 1) for i in kept])
    return Picture(title=var.name, x=x, y=Scale(label=var.name), marks=marks, caption=said)


def _strip(var: Var, value: np.ndarray) -> list[Marks]:
    marks = []
    for kind in _values(value):
        at, label = np.flatnonzero(value == kind), f"{var.name} = {kind:g}"
        marks.append(
            Marks(label=label, x=at, y=value[at], style="points", category=_category(kind))
        )
    return marks


def _grid(var: Var, value: np.ndarray) -> Picture:
    """A block of several axes along its first: counts of discrete values, or the mean of others."""
    axis = Scale(label="row")
    if var.discrete:
        return _counted(var, value, axis)
    at, means, said = in_blocks(value.reshape(len(value), -1).mean(-1))
    marks = [Marks(label=var.name, x=at, y=means, style="line")]
    return Picture(
        title=f"Mean {var.name} of every row", x=axis, y=Scale(label=var.name), marks=marks,
        caption=said,
    )  # fmt: skip


def _outcomes(problem: Problem, data: Data, decision: Decision) -> list[Picture]:
    """Delay and energy of every user, of problems that tell them."""
    if not isinstance(problem, HasOutcome):
        return []
    found = np.asarray(problem.outcome(data, decision))
    out = []
    for k, label in enumerate(("delay (s)", "energy (J)")):
        kept, said = heaviest(found[:, k], f"users the {MOST} with the most")
        marks = [Marks(label=label, x=np.arange(len(kept)), y=found[kept, k])]
        x = Scale(label="user", names=[str(i + 1) for i in kept])
        out.append(Picture(title=label, x=x, y=Scale(label=label), marks=marks, caption=said))
    return out
