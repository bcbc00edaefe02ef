"""Gates of `compare --fail-on`: what counts as a regression, and how much of it is let pass."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.errors import UserError, unknown
from toolkit.reports.compare import EQUAL
from toolkit.reports.paired import MEASURES, POINTS, RELATIVE, Measure, Pair, Pairing

GATED = {
    "gap": [measure for measure in MEASURES if measure.unit == POINTS],
    **{m.name: [m] for m in MEASURES if m.unit == RELATIVE and not m.advises},
}
WORDS = ("status", "missing")  # gates without a tolerance
AMOUNT = re.compile(r"\+?(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*(%|pp)")


@dataclass(frozen=True)
class Gate:
    """A measure's name, or a word of WORDS, and the change that passes, in parts."""

    name: str
    tolerance: float = 0.0

    def __str__(self) -> str:
        if self.name in WORDS or not self.tolerance:
            return self.name
        return f"{self.name}:+{100 * self.tolerance:.3g}{_unit(self.name)}"

    def regressions(self, pairing: Pairing) -> Iterator[str]:
        """What it does not let pass, in words."""
        if self.name == "missing":
            for run in pairing.only_before:
                yield f"missing: {run.label} on {run.instance}, seed {run.seed}: only in A"
        elif self.name == "status":
            for pair in pairing.pairs:
                if pair.gated and pair.status_change > 0:
                    yield f"status: {pair.said}: {moved(pair)}"
        else:
            for measure in GATED[self.name]:
                yield from self._worse(measure, pairing)

    def _worse(self, measure: Measure, pairing: Pairing) -> Iterator[str]:
        for pair in pairing.pairs:
            if pair.gated and (change := measure.change(pair)) > self.tolerance + EQUAL:
                before, after = (written(v, measure, pair) for v in measure.of(pair))
                said = f"{before} -> {after} ({changed(change, measure.unit)})"
                yield f"{measure.name}: {pair.said}: {said}"


def parse_gates(text: str) -> list[Gate]:
    """The gates of "gap:+0.1pp,objective,evaluations:+10%"."""
    gates = [_gate(part.strip()) for part in text.split(",")]
    names = [gate.name for gate in gates]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--fail-on names {name} twice; give it once.")
    return gates


def _gate(text: str) -> Gate:
    name, colon, amount = (part.strip() for part in text.partition(":"))
    if name in ("seconds", "wall", "cpu_seconds"):
        raise UserError(
            "Times differ from host to host and only advise: --fail-on takes "
            f"{', '.join((*GATED, *WORDS))}."
        )
    if name not in GATED and name not in WORDS:
        raise unknown("gate of --fail-on", name, (*GATED, *WORDS))
    if not colon:
        return Gate(name)
    if name in WORDS:
        raise UserError(f"--fail-on {name} takes no tolerance; leave out {amount!r}.")
    found = AMOUNT.fullmatch(amount)
    if found is None or found[2] != _unit(name) or not math.isfinite(float(found[1])):
        wanted = f"{name}:+0.1pp (points)" if _unit(name) == POINTS else f"{name}:+10%"
        raise UserError(f"Cannot read the tolerance in --fail-on {text!r}; write it as {wanted}.")
    return Gate(name, float(found[1]) / 100)


def _unit(name: str) -> str:
    return GATED[name][0].unit


def changed(change: float, unit: str) -> str:
    """A change in parts as people read it: +1.2%, -0.03pp, 0."""
    if change == 0:
        return "0"
    if abs(change) == float("inf"):
        return "answer lost" if change > 0 else "answer found"
    return f"{100 * change:+.3g}{unit}"


def written(value: float, measure: Measure, pair: Pair) -> str:
    """A value of a measure; an objective as it is, not as a loss."""
    if value == float("inf"):
        return "none"
    if measure.unit == POINTS:
        return f"{100 * value:.6g}%"
    return f"{pair.after.sign * value if measure.name == 'objective' else value:.12g}"


def moved(pair: Pair) -> str:
    """Status and stop before and after."""
    before, after = (f"{r.status} ({r.stop})" for r in (pair.before, pair.after))
    return f"{before} -> {after}"
