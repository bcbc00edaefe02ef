"""What records say side by side: numbers, and the table of the terminal."""

import msgspec
import pytest
from toy_record import TOY

from toolkit.bench._command._table import render
from toolkit.reports import numbers
from toolkit.reports.compare import best_known, compare, formulas, refusals, summarise
from toolkit.reports.record import PUBLIC, Record

BASE = msgspec.structs.replace(
    TOY,
    evaluations=5,
    environment={"python": "3", "gurobipy": None},
    trace=[[0.1, 1, 12.0, None], [0.5, 4, 10.0, None]],
)


def run(label: str, objective: float | None = 10.0, **fields: object) -> Record:
    return msgspec.structs.replace(BASE, label=label, objective=objective, **fields)


PROVED = {"status": "optimal", "verdict": "proved", "gap": 0.0}


def test_gaps_are_to_the_best_feasible_objective_of_the_instance() -> None:
    records = [run("a", 10.0), run("b", 12.0), run("c", 5.0, violation=0.1, status="unknown")]
    (comparison,) = compare(records)
    assert comparison.best == 10.0
    assert [row.gap_to_best for row in comparison.rows] == [0.0, pytest.approx(0.2), None]


def test_larger_is_better_where_the_problem_maximises() -> None:
    records = [run("a", 10.0, sense="max"), run("b", 8.0, sense="max")]
    (comparison,) = compare(records)
    assert comparison.best == 10.0
    assert comparison.rows[1].gap_to_best == pytest.approx(0.2)
    assert formulas("max")[0].startswith("proven gap = (bound - objective)")


def test_the_best_is_called_optimal_only_by_a_reproved_bound() -> None:
    """The bound may come from another solver than the decision; a claim does not count."""
    found = run("a", 10.0)
    assert best_known([found, run("b", 11.0, bound=10.0, verdict="bounded")]) == (10.0, True)
    assert best_known([found, run("b", 11.0, bound=9.9, verdict="bounded")]) == (10.0, False)
    assert best_known([found, run("b", 11.0, bound=10.0, verdict="claimed")]) == (10.0, False)


def test_a_refuted_run_does_not_set_the_best() -> None:
    records = [run("a", 10.0), run("liar", 1.0, verdict="refuted", status="error")]
    assert best_known(records) == (10.0, False)


def test_rows_go_from_the_best_to_the_refused() -> None:
    records = [
        run("refused", None, status="refused", stop="refused"),
        run("failed", None, status="error", stop="crashed"),
        run("nothing", None, status="unknown", violation=None),
        run("worse", 11.0),
        run("slow", 10.0 + 1e-12, seconds=2.0),
        run("fast", 10.0 + 2e-12, seconds=0.5),  # equal but for rounding: the faster one first
    ]
    (comparison,) = compare(records)
    order = [row.record.label for row in comparison.rows]
    assert order == ["fast", "slow", "worse", "nothing", "failed", "refused"]
    assert [row.record.label for row in comparison.ran] == order[:-1]
    assert list(refusals([comparison])) == ["refused"]


def test_the_summary_counts_over_instances() -> None:
    records = [
        run("a", 10.0, **PROVED, bound=10.0),
        run("a", 20.0, digest="d1", **PROVED, bound=20.0),
        run("b", 11.0),
        run("b", None, digest="d1", status="error", stop="killed", violation=None, seconds=0.0),
        run("lucky", 10.0),
        run("lucky", 26.0, digest="d1"),
    ]
    a, lucky, b = summarise(compare(records))
    assert (a.label, a.runs, a.feasible, a.optimal, a.at_best, a.failed) == ("a", 2, 2, 2, 2, 0)
    assert (b.label, b.feasible, b.failed, b.median_gap) == ("b", 1, 1, pytest.approx(0.1))
    assert b.median_seconds == 1.0  # of the one run that came to an end
    assert (lucky.median_gap, lucky.worst_gap) == (pytest.approx(0.15), pytest.approx(0.3))


def test_the_public_row_has_its_keys_in_order() -> None:
    row = BASE.public(0.25)
    assert tuple(row) == PUBLIC
    assert row["gap_to_best"] == 0.25
    assert BASE.public()["gap_to_best"] is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, "-"), (0.0, "0"), (1e-14, "0"), (3.21e-7, "3.2e-07")),
        *((0.0123, "1.23%"), (2.0, "200%"), (1e9, ">10000%")),
    ],
)
def test_gaps_read_well(value: float | None, text: str) -> None:
    assert numbers.gap(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00042, "0.00042"), (0.0123, "0.0123"), (0.5, "0.500"), (12.345, "12.35"), (345.6, "346")],
)
def test_seconds_read_well(value: float, text: str) -> None:
    assert numbers.seconds(value) == text


def test_the_text_table_brackets_what_is_only_claimed() -> None:
    said = {"status": "unknown", "verdict": "", "claim": "infeasible", "violation": None}
    text = render([run("a", bound=9.0, gap=1 / 9, verdict="claimed"), run("b", None, **said)])
    assert "(9)" in text
    assert "(11.1%)" in text
    assert "(infeasible)" in text
    assert "not checked" in text
    assert "(" not in render([run("a", bound=9.0, gap=1 / 9, verdict="bounded")]).splitlines()[-4]


def test_a_proven_infeasible_instance_is_called_so() -> None:
    proof = {"status": "infeasible", "verdict": "proved", "violation": None, "bound": None}
    assert "proven infeasible" in render([run("a", None, **proof)])
    assert "no feasible decision found" in render([run("a", None, status="unknown")])
