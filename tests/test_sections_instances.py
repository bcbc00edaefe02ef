"""The drill-down: every run of every instance, what is told of it, which decisions are drawn."""

import itertools
from typing import Any

import msgspec
import numpy as np
import pytest
import stored

from toolkit import problems
from toolkit.instances import Instance
from toolkit.problems import Problem, units
from toolkit.reports.content import Section
from toolkit.reports.frame import Group, make_groups
from toolkit.reports.record import Record
from toolkit.reports.sections import instances
from toolkit.reports.sections._instances import views
from toolkit.reports.sections._instances.facts import LETTERS, LINES, certificate, facts

PROVED = {"status": "optimal", "verdict": "proved", "gap": 0.0}


@pytest.fixture(scope="module")
def drawn() -> dict[str, tuple[Problem, Instance]]:
    """Four instances by their digests."""
    problem = problems.load("cpdrl", "tiny")
    found = [problem.instance(index, 0) for index in range(4)]
    return {instance.digest: (problem, instance) for instance in found}


def runs(drawn: dict[str, tuple[Problem, Instance]], labels: str = "ab") -> list[Record]:
    """A run of every label on every instance, each with a decision of its own; all offload where
    the label is a."""
    out = []
    for digest, (problem, instance) in drawn.items():
        for k, label in enumerate(labels):
            offload = np.array([1.0, 1.0, 1.0, float(k == 0)])
            decision = problem.complete(instance.data, {"offload": offload})  # type: ignore[attr-defined]
            said = problem.evaluate(instance.data, decision)
            out.append(
                stored.record(
                    f"{digest}-{label}",
                    instance=instance.name,
                    digest=digest,
                    label=label,
                    objective=float(said.objective) + k,
                    terms={name: float(value) for name, value in said.terms.items()},
                    decision={name: value.tolist() for name, value in decision.items()},
                    seconds=0.5,
                )
            )
    return out


def group_of(records: list[Record], look_up: Any = lambda digest: None) -> Group:
    (group,), _ = make_groups(records, look_up=look_up)
    return group


def seen(section: Section) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = section.details["instances"]
    return found


def test_every_run_is_a_row_and_has_its_facts_and_charts(
    drawn: dict[str, tuple[Problem, Instance]],
) -> None:
    section = instances.of_group(group_of(runs(drawn), drawn.get))
    assert [one["digest"] for one in seen(section)] == list(drawn)
    assert section.says == ["Decisions of 8 of 8 runs that have one are drawn."]
    names = [column.name for column in section.details["columns"]]
    assert names[-2:] == ["delay", "energy"]
    assert [column.unit for column in section.details["columns"]][-2:] == ["s", "J"]
    for one in seen(section):
        assert all(len(row) == len(names) for row in one["rows"])
        assert [row[0].text for row in one["rows"]] == ["a", "b"]
        assert [view["row"] for view in one["views"]] == [0, 1]
        for view in one["views"]:
            told = dict(view["facts"])
            assert told["delay"].endswith(" s")
            (delay,) = [chart for chart in view["charts"] if chart.title == "Delay"]
            bars = sum(sum(s.y) for s in delay.series if s.style == "bars")
            assert bars == pytest.approx(float(told["delay"][:-2]), rel=1e-3)


def test_the_table_links_to_the_instance_and_counts_its_runs(
    drawn: dict[str, tuple[Problem, Instance]],
) -> None:
    records = runs(drawn)
    records[0] = msgspec.structs.replace(records[0], **PROVED, bound=records[0].objective)
    records[1] = msgspec.structs.replace(records[1], status="error", objective=None, decision={})
    section = instances.of_group(group_of(records, drawn.get))
    (table,) = section.tables
    assert all(len(row) == len(table.columns) for row in table.rows)
    first = {c.name: cell for c, cell in zip(table.columns, table.rows[0], strict=True)}
    assert first["instance"].link == f"instance={records[0].digest}"
    assert first["best known"].mark == "good"
    assert (first["proven"].text, first["best method"].text) == ("optimal", "a")
    assert (first["feasible"].text, first["failed"].value) == ("1/2", 1)
    assert seen(section)[0]["says"][0].endswith("is proven, by a.")
    assert seen(section)[1]["says"][0].endswith("no bound is proven.")


def test_a_claimed_bound_stands_in_brackets_and_a_proven_one_does_not() -> None:
    claimed = stored.record("c", label="c", bound=0.4, gap=0.25, verdict="claimed")
    proved = stored.record("p", label="p", bound=0.5, objective=0.5, **PROVED)
    rows = seen(instances.of_group(group_of([claimed, proved])))[0]["rows"]
    texts = {row[0].text: [cell.text for cell in row[5:7]] for row in rows}
    assert texts == {"c": ["(0.4)", "(25%)"], "p": ["0.5", "0"]}


def test_a_bound_that_a_decision_beats_is_said() -> None:
    wrong = stored.record("w", label="w", objective=0.9, bound=0.8, verdict="claimed")
    better = stored.record("b", label="b", objective=0.5)
    says = seen(instances.of_group(group_of([wrong, better])))[0]["says"]
    assert "Refuted: b has 0.5, better than the bound of w." in says


def test_the_best_run_of_each_instance_is_drawn_first(
    drawn: dict[str, tuple[Problem, Instance]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST_DRAWN", 5)
    section = instances.of_group(group_of(runs(drawn, "abc"), drawn.get))
    charted = [[bool(view["charts"]) for view in one["views"]] for one in seen(section)]
    assert charted == [[True, True, False], *[[True, False, False]] * 3]
    assert section.says[0].startswith("Decisions of 5 of 12 runs")
    assert all(len(one["views"]) == 3 for one in seen(section))


def test_the_room_for_charts_is_counted_in_bytes(
    drawn: dict[str, tuple[Problem, Instance]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "BYTES", 2_500)
    section = instances.of_group(group_of(runs(drawn), drawn.get))
    charts = sum(bool(view["charts"]) for one in seen(section) for view in one["views"])
    assert 0 < charts < 8


def test_of_many_runs_only_failures_and_what_is_drawn_is_told(
    drawn: dict[str, tuple[Problem, Instance]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "MOST_TOLD", 1)
    monkeypatch.setattr(views, "MOST_DRAWN", 2)
    records = runs(drawn)
    records[-1] = msgspec.structs.replace(
        records[-1], status="error", objective=None, decision={}, message="It broke."
    )
    section = instances.of_group(group_of(records, drawn.get))
    assert [[view["row"] for view in one["views"]] for one in seen(section)] == [[0], [0], [], [1]]
    assert ["message", "It broke."] in seen(section)[3]["views"][0]["facts"]
    assert [len(one["rows"]) for one in seen(section)] == [2, 2, 2, 2]


HOSTILE: list[dict[str, Any]] = [
    {"offload": [1.0, 0.0]},
    {"offload": "yes", "bandwidth": None},
    {"offload": [None] * 4, "bandwidth": [0] * 4, "power": [0] * 4, "frequency": [0] * 4},
    {"<script>": [1]},
]


@pytest.mark.parametrize("decision", HOSTILE)
def test_a_decision_that_cannot_be_drawn_has_a_sentence(
    decision: dict[str, Any], drawn: dict[str, tuple[Problem, Instance]]
) -> None:
    (first, *_) = runs(drawn)
    record = msgspec.structs.replace(first, decision=decision)
    (one,) = seen(instances.of_group(group_of([record], drawn.get)))
    (view,) = one["views"]
    assert view["charts"] == []
    assert dict(view["facts"])["not drawn"].endswith("run it again.")


def test_a_problem_that_fails_or_is_not_at_hand_has_a_sentence(
    drawn: dict[str, tuple[Problem, Instance]],
) -> None:
    (record, *_) = runs(drawn)
    _, instance = drawn[record.digest]
    for look_up, said in (
        (lambda digest: None, "name its plug-in"),
        (lambda digest: (Failing(), instance), "cannot draw it (RuntimeError: no pens)."),
    ):
        (one,) = seen(instances.of_group(group_of([record], look_up)))
        assert said in dict(one["views"][0]["facts"])["not drawn"]


class Failing(problems.registry.find("cpdrl")):  # type: ignore[misc]
    """A plug-in whose pictures fail."""

    def pictures(self, data: Any, decision: Any) -> Any:
        raise RuntimeError("no pens")


def test_runs_without_any_decision_have_rows_and_messages() -> None:
    refused = stored.record("r", label="r", status="refused", objective=None, violation=None)
    failed = stored.record(
        "f", label="f", status="error", objective=None, violation=None, log="\n".join("abc" * 999)
    )
    section = instances.of_group(group_of([refused, failed]))
    (one,) = seen(section)
    assert one["best"].text == "none found"
    assert one["says"] == ["No run has found a feasible decision."]
    told = {one["rows"][view["row"]][0].text: dict(view["facts"]) for view in one["views"]}
    assert len(told["f"]["log"].splitlines()) == LINES
    assert "log" not in told["r"]


CERTIFICATES = [
    (None, ""),
    ({"kind": "enumeration", "count": 1024}, "enumeration: 1,024 discrete choices"),
    (
        {"kind": "tree", "nodes": [{"split": {}, "children": [1, 2]}, {"leaf": {}}, {"leaf": {}}]},
        "a tree of 3 nodes that covers all decisions, with a bound for 2 leaves",
    ),
    ({"kind": "frames", "frames": [{}, None]}, "one for each frame: 1 of 2 frames have theirs"),
    ({"kind": "claim", "by": "SCIP 10"}, "none: the word of SCIP 10, which nothing checks"),
    ({"kind": "tree", "nodes": 7}, "a tree of 0 nodes"),
    ({"kind": "<b>"}, "of the kind '<b>'"),
]


@pytest.mark.parametrize(("content", "said"), CERTIFICATES)
def test_certificates_are_told_in_words(content: dict[str, Any] | None, said: str) -> None:
    for verdict, checked in (("proved", True), ("", False)):
        text = certificate(stored.record(certificate=content, verdict=verdict))
        assert text.startswith(said)
        if content and content["kind"] != "claim":
            assert ("the checker has re-proved it" in text) == checked


def test_facts_are_text_and_nothing_empty() -> None:
    for record in (stored.FULL, stored.record(), stored.record(log="x" * 9999, stop="crashed")):
        told = facts(record, {"delay": "s"})
        assert all(isinstance(text, str) and text not in ("", "-") for _, text in told)
        assert len({name for name, _ in told}) == len(told)
        assert len(dict(told).get("log", "")) <= LETTERS
    assert dict(facts(stored.FULL, {"delay": "s"}))["delay"] == "0.25 s"


def test_units_come_from_the_problem_of_a_frame_too() -> None:
    single = problems.load("e2ehco", "tiny")
    assert units(single) == units(problems.load("e2ehco", "tiny", frames=2))
    assert units(single)["delay"] == "s"
    assert units(problems.load("a3c", "tiny"))["late"] == "tasks"


def test_the_section_is_the_same_again(drawn: dict[str, tuple[Problem, Instance]]) -> None:
    made = [
        msgspec.json.encode(instances.of_group(group_of(runs(drawn), drawn.get))) for _ in range(2)
    ]
    assert made[0] == made[1]


def test_a_table_of_many_instances_holds_those_on_which_runs_differ_most() -> None:
    records = []
    for i, label in itertools.product(range(150), "ab"):
        worse = 1.0 + i / 100 if label == "b" else 1.0
        records.append(
            stored.record(f"{i}{label}", digest=f"d{i}", instance=f"i-{i}", label=label,
                          objective=worse)
        )  # fmt: skip
    section = instances.of_group(group_of(records))
    (table,) = section.tables
    assert [row[0].text for row in table.rows] == [f"i-{i}" for i in range(50, 150)]
    assert len(seen(section)) == 150
    assert table.notes[0].startswith("Of 150 instances the 100")
