"""Findings as people read them: what was measured for a claim, and what came out."""

import math

from toolkit.reports.papers._panels import NAMES, SHARES, UNITS
from toolkit.reports.papers.study import Finding, Measured, PaperClaim, Study

UNKNOWN = "the paper's value is not given here"
OURS = "not a claim of the paper"
UNITS_OF = {"seconds": " s", "frame_seconds": " s", "delay": " s", "energy": " J"}
HELD = {True: "", False: " (no)", None: " (open)"}


def reported(claim: PaperClaim) -> str:
    """What the paper says of its claim, as far as it is known."""
    if claim.own:
        return OURS
    return claim.paper or UNKNOWN


def measured_by(claim: PaperClaim) -> str:
    """What decides the claim: Median objective of A less that of B."""
    what = f"Median {NAMES[claim.metric].removesuffix(' (%)')} of {claim.of}"
    if claim.times != 1.0:
        what += f", {claim.times:g} times,"
    if claim.below is not None:
        return f"{what} less that of {claim.below}"
    if claim.trend is None:
        return what
    if claim.over is not None:
        share = " relative to the latter" if claim.relative else ""
        what += f" less that of {claim.over}{share}"
    return f"{what}, share of the pairs of settings in which it {claim.trend}"


def where_held(finding: Finding) -> str:
    """3 for, 1 open of 4 settings."""
    held = [one.held for one in finding.measured]
    counts = [(held.count(True), "for"), (held.count(False), "against"), (held.count(None), "open")]
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    return f"{said} of {len(held)} settings" if len(held) > 1 else said


def ends(claim: PaperClaim, one: Measured) -> tuple[float, float, float]:
    """The value and its interval as they are read: shares of a trend are of what moved."""
    if claim.trend is not None:
        return 1 - one.value, 1 - one.high, 1 - one.low
    return one.value, one.low, one.high


def said(claim: PaperClaim, one: Measured) -> str:
    """A value with its interval; open where the interval does not decide."""
    return f"{interval_of(claim, one)}{HELD[one.held]}"


def interval_of(claim: PaperClaim, one: Measured) -> str:
    """A value with its interval."""
    texts = [read(claim, number) for number in ends(claim, one)]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"


def unit_of(claim: PaperClaim) -> str:
    """What follows its numbers where no words name the metric."""
    return "" if claim.trend is not None else UNITS_OF.get(claim.metric, "")


def setting(study: Study, one: Measured) -> str:
    """The swept field's value, in the unit of tables; empty where nothing is swept."""
    return "" if one.x is None else f"{one.x / UNITS.get(study.field or '', 1.0):g}"


def read(claim: PaperClaim, number: float) -> str:
    """A number of a claim's metric."""
    return value("" if claim.trend is not None else claim.metric, number)


def value(metric: str, number: float) -> str:
    """A number of a metric, shares in per cent."""
    if math.isnan(number):
        return "-"
    if not math.isfinite(number):
        return "infeasible" if number > 0 else "the other infeasible"
    return f"{100 * number:.3g} %" if metric in SHARES else f"{number:.3g}"


def foundation(study: Study) -> str:
    """What a study rests on, and what is missing."""
    proven, of = study.proven
    optima = f"The optimum is proven on {proven} of {of} instances."
    words = ("failed", "were refused", "were ended by their time limit")
    gone = [f"{count} {word}" for count, word in zip(study.absent, words, strict=True) if count]
    return f"{optima} Of the runs {', '.join(gone)}." if gone else optima
