"""Large batches of NumPy's, cut into blocks of rows whose intermediate arrays stay in a cache."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Array, Data, Decision

if TYPE_CHECKING:
    from ._base import Evaluation, Problem
    from ._space import Space


def blocks(
    problem: "Problem", space: "Space", data: Data, decision: Decision
) -> Iterator[tuple[Data, Decision]]:
    """The batch (data, decision) itself, or parts of it along its first axis, of `problem.at_once`
    variables or a little more. Formulas reduce trailing axes only, so that rows are worth the same.
    """
    values = [decision[var.name] for var in space.vars]
    rows = _rows(values, [len(var.shape) for var in space.vars])
    inner = {key: len(spec.dims) for key, spec in problem.fields.items()}
    if rows < 2 or sum(v.size for v in values) <= 2 * problem.at_once or not problem.at_once:
        yield data, decision
        return
    lead = values[0].ndim - len(space.vars[0].shape)
    along = {key: data[key].ndim - axes == lead for key, axes in inner.items()}
    if any(cut and data[key].shape[0] not in (1, rows) for key, cut in along.items()):
        yield data, decision
        return
    step = -(-problem.at_once * rows // sum(v.size for v in values))
    for start in range(0, rows, step):
        some = slice(start, start + step)
        yield (
            {k: v[some] if along.get(k) and len(v) == rows else v for k, v in data.items()},
            {**decision, **{var.name: decision[var.name][some] for var in space.vars}},
        )


def _rows(values: list[Array], axes: list[int]) -> int:
    """How many rows all have along one first axis; 0: they have none, or are not NumPy's."""
    if not all(isinstance(v, np.ndarray) for v in values):
        return 0
    leads = {v.shape[: v.ndim - inner] for v, inner in zip(values, axes, strict=True)}
    return leads.pop()[0] if len(leads) == 1 and all(leads) else 0


def joined(parts: "list[Evaluation]") -> "Evaluation":
    """The evaluation of a batch from those of its blocks."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    return type(first)(
        np.concatenate([part.objective for part in parts]),
        {k: np.concatenate([part.violations[k] for part in parts]) for k in first.violations},
        {k: np.concatenate([part.terms[k] for part in parts]) for k in first.terms},
    )
