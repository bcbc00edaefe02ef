"""Markdown from stored rows: seconds, ratios to `exact`, growth, and who is wrong where."""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import linear_regression, median
from typing import Any

from .cases import FAMILIES, GAPS, REFERENCE

SLACK = 1e-6  # relative; what is beyond the proven optimum by more is wrong
OURS = "exact"
BEATEN = "BoundContradiction"  # the probe stopped it: a decision is better than its bound
TRIED = ("time", "crashed", "killed", "fails")  # words of those that were let try

Row = Mapping[str, Any]


def reference(rows: Iterable[Row]) -> dict[tuple[str, int, int], tuple[float, float]]:
    """Of every instance the optimum's two ends, as losses: proven bound and best objective."""
    out = {}
    for row in rows:
        if row["peer"] == OURS and row["gap"] == REFERENCE and row.get("certified"):
            sign = FAMILIES[row["family"]].sign
            out[_instance(row)] = (sign * row["bound"], sign * row["objective"])
    return out


def _instance(row: Row) -> tuple[str, int, int]:
    return row["family"], row["n"], row["case"]


def verdict(row: Row, ends: tuple[float, float], sign: int) -> str:
    """ "" where the row holds, else what is wrong with it, or the word for how it ended."""
    low, high = ends
    scale = max(abs(high), 1e-12)
    if BEATEN in str(row["word"]):
        return f"WRONG: {row['word'].rpartition(': ')[2].rstrip('.')}"
    if row["word"]:
        return str(row["word"])
    bound = None if row["bound"] is None else sign * row["bound"]
    if bound is not None and bound - high > SLACK * scale:
        return f"WRONG: its bound is beyond the optimum by {(bound - high) / scale:.0e}"
    over = math.inf if row["objective"] is None else (sign * row["objective"] - low) / scale
    if row["said"] == "optimal" and over > row["gap"] + SLACK:
        what = "nothing feasible" if over == math.inf else f"worse by {over:.0e}"
        return f"WRONG: its optimum is {what}"
    if row["said"] == "infeasible":
        return "WRONG: says infeasible"
    if row["said"] == "heuristic":
        return f"heuristic, {max(over, 0.0):.0e} above"
    if row["said"] in ("optimal", "time"):
        return "" if row["said"] == "optimal" else "time"
    left = math.inf if bound is None or over == math.inf else sign * row["objective"] - bound
    return f"open: gap {left / scale:.0e}" if row["said"] == "finished" else str(row["said"])


def judged(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows with their verdicts; those of instances without a proven optimum are left out."""
    ends, out = reference(rows), []
    for row in rows:
        if row["gap"] == REFERENCE or _instance(row) not in ends:
            continue
        sign = FAMILIES[row["family"]].sign
        out.append({**row, "verdict": verdict(row, ends[_instance(row)], sign)})
    return out


def number(seconds: float) -> str:
    return f"{1e3 * seconds:.2g} ms" if seconds < 0.1 else f"{seconds:.2g} s"


def cell(rows: Sequence[Row], ours: Sequence[Row]) -> str:
    """Median seconds with the ratio to ours; or the worst that happened, in a word."""
    if not rows:
        return ""
    wrong = [row["verdict"] for row in rows if row["verdict"].startswith("WRONG")]
    fine = [row for row in rows if _holds(row)]
    if len(fine) < len(rows) and not wrong:
        words = {_brief(row["verdict"]) for row in rows if row not in fine}
        return " / ".join(sorted(words)) + (f" {len(rows) - len(fine)}/{len(rows)}" if fine else "")
    if all(row["word"] for row in rows):
        return f"**wrong {len(wrong)}/{len(rows)}**"
    seconds = median(row["seconds"] for row in rows if not row["word"])
    out = number(seconds)
    if ours and rows[0]["peer"] != OURS:
        out += (
            f" (× {_digits(seconds / median(row['seconds'] for row in ours if not row['word']))})"
        )
    return f"**wrong {len(wrong)}/{len(rows)}** {out}" if wrong else out


def _holds(row: Row) -> bool:
    return not row["verdict"] or row["verdict"].startswith("heuristic")


def _brief(word: str) -> str:
    return word.partition(":")[0]


def _digits(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"


def growth(points: Sequence[tuple[int, float]]) -> str:
    """Exponent of seconds over n, fitted to all sizes that were solved; 3 at least."""
    if len(points) < 3:
        return ""
    x, y = zip(*((math.log(n), math.log(s)) for n, s in points), strict=True)
    return f"{linear_regression(x, y).slope:.1f}"


def tables(rows: Sequence[Row]) -> str:
    """All tables, one a family and gap, and the list of what was wrong."""
    done, out = judged(rows), []
    for family in dict.fromkeys(row["family"] for row in done):
        for gap in GAPS:
            some = [row for row in done if row["family"] == family and row["gap"] == gap]
            if some:
                out.append(_table(f"`{family}`, gap asked {gap:g}", some))
    return "\n\n".join([*out, _wrongs(done), _words(done)])


def _table(title: str, rows: Sequence[Row]) -> str:
    sizes = sorted({row["n"] for row in rows})
    lines = [f"**{title}**", "", "| | " + " | ".join(f"n = {n}" for n in sizes) + " | growth |"]
    lines.append("|---" * (len(sizes) + 2) + "|")
    for peer in dict.fromkeys(row["peer"] for row in rows):
        mine = [row for row in rows if row["peer"] == peer]
        if all(row["word"] and not row["word"].startswith(TRIED) for row in mine):
            continue  # it takes no instance of the family, or is not there
        cells, points = [], []
        for n in sizes:
            here = [row for row in mine if row["n"] == n]
            cells.append(cell(here, [r for r in rows if r["n"] == n and r["peer"] == OURS]))
            if here and all(_holds(row) for row in here):
                points.append((n, median(row["seconds"] for row in here)))
        lines.append(f"| {peer} | " + " | ".join(cells) + f" | {growth(points)} |")
    return "\n".join(lines)


def _wrongs(rows: Sequence[Row]) -> str:
    """One line an instance and peer, the gaps that were asked together."""
    found: dict[tuple[Any, ...], list[str]] = {}
    for row in rows:
        if row["verdict"].startswith("WRONG"):
            said = row["verdict"].partition(": ")[2]
            key = row["peer"], row["family"], row["n"], row["case"], said
            found.setdefault(key, []).append(f"{row['gap']:g}")
    lines = [
        f"- {peer}, {family} n = {n}, instance {case}, gap {' and '.join(gaps)}: {said}"
        for (peer, family, n, case, said), gaps in found.items()
    ]
    return "\n".join(["**Wrong answers**", "", *(lines or ["None."])])


def _words(rows: Sequence[Row]) -> str:
    """Why a peer has no figure, the first reason in each family; time speaks for itself."""
    said: dict[tuple[str, str], str] = {}
    for row in rows:
        if row["word"] and BEATEN not in row["word"] and not row["word"].startswith("time"):
            said.setdefault((row["peer"], row["family"]), row["word"])
    lines = [f"- {peer}, {family}: {word}" for (peer, family), word in said.items()]
    return "\n".join(["**No figure, because**", "", *lines])
