"""What tells instances of one group apart whose names or sizes do not: the generator's fields."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from toolkit.reports.compare import Comparison

SHOWN = 12  # letters of a digest
SIZE = "n_users"  # is told anyway


def apart(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """{digest: tasks=3, workers=2} of the instances whose name others have too: the fields in which
    these differ, or the digest where they differ in none."""
    named: dict[str, list[Comparison]] = defaultdict(list)
    for comparison in comparisons:
        named[comparison.instance].append(comparison)
    return {
        comparison.digest: told(comparison, differing(alike))
        or f"digest {comparison.digest[:SHOWN]}"
        for alike in named.values()
        if len(alike) > 1
        for comparison in alike
    }


def differing(comparisons: Iterable[Comparison]) -> list[str]:
    """The generator's fields of which there is more than one value, the size left out."""
    found: dict[str, set[str]] = defaultdict(set)
    for comparison in comparisons:
        for name, value in fields(comparison).items():
            found[name].add(text(value))
    return [name for name, values in found.items() if len(values) > 1 and name != SIZE]


def told(comparison: Comparison, names: Iterable[str]) -> str:
    """The values of some fields: tasks=3, workers=2."""
    own = fields(comparison)
    return ", ".join(f"{name}={text(own[name])}" for name in names if name in own)


def fields(comparison: Comparison) -> dict[str, Any]:
    """What the generator was given."""
    return comparison.rows[0].record.problem_params


def text(value: object) -> str:
    """A field's value as tables show it."""
    return f"{value:,.12g}" if isinstance(value, float) else str(value)
