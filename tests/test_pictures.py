"""Pictures of decisions show what `evaluate` says, stay small, and survive what stores hold."""

import importlib.util
import itertools
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from toolkit import problems
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems import Picture, Problem, load, pictures
from toolkit.problems._knowledge import HasPictures, consistent
from toolkit.problems._pictures import MOST, Users, heaviest, in_blocks
from toolkit.reports.sections._instances.views import chart

NAMES = ("a3c", "cpdrl", "ddlo", "dgl", "dgl_slot", "droo", "e2ehco", "e2ehco_migration")
LARGE: Mapping[str, Mapping[str, Any]] = {
    "cpdrl": {"n_users": 300},
    "ddlo": {"n_users": 120, "n_tasks": 10},
    "droo": {"n_users": 300},
    "e2ehco": {"n_users": 300, "n_servers": 12},
    "e2ehco_migration": {"n_users": 50, "n_servers": 12, "seconds": 600},
    "dgl": {"n_users": 40, "steps": 300, "n_servers": 5, "n_services": 12},
    "dgl_slot": {"n_users": 300, "n_servers": 40, "n_services": 20},
    "a3c": {"n_users": 60, "slots": 80},
}


def case(
    name: str, preset: str = "tiny", **params: Any
) -> tuple[Problem, Instance, dict[str, Any]]:
    """A problem, an instance, and a random decision that is consistent."""
    problem = load(name, preset, **params)
    instance = problem.instance(0)
    raw = problem.space(instance.data).sample(rng_for("pictures", name))
    return problem, instance, dict(consistent(problem, instance.data, raw))


def drawn(found: list[Picture]) -> dict[str, Picture]:
    return {picture.title: picture for picture in found}


def total(picture: Picture) -> float:
    """The sum of all bars."""
    return sum(float(np.sum(marks.y)) for marks in picture.marks if marks.style == "bars")


def heights(picture: Picture) -> dict[str, float]:
    return {marks.label: float(np.sum(marks.y)) for marks in picture.marks}


def test_every_problem_of_the_toolkit_draws_its_decisions() -> None:
    known = set(problems.registry.names())
    assert known >= set(NAMES)
    assert all(issubclass(problems.registry.find(name), HasPictures) for name in NAMES)


SHOWN = [
    ("cpdrl", "Delay", "delay"),
    ("cpdrl", "Energy", "energy"),
    ("ddlo", "Time until device and edge are done", "delay"),
    ("ddlo", "Energy", "energy"),
    ("e2ehco", "What delays are made of", "delay"),
    ("e2ehco", "What energies are made of", "energy"),
]


@pytest.mark.parametrize(("name", "title", "term"), SHOWN)
def test_bars_sum_to_what_evaluate_says(name: str, title: str, term: str) -> None:
    problem, instance, decision = case(name)
    found = drawn(pictures(problem, instance.data, decision))[title]
    terms = problem.evaluate(instance.data, decision).terms
    assert total(found) == pytest.approx(float(terms[term]), rel=1e-12)


def test_the_rates_of_droo_are_its_objective() -> None:
    problem, instance, decision = case("droo")
    found = drawn(pictures(problem, instance.data, decision))
    said = problem.evaluate(instance.data, decision)
    bars = found["What every user adds to the objective"]
    assert total(bars) == pytest.approx(float(said.objective), rel=1e-12)
    assert heights(bars)["offloads"] == pytest.approx(float(said.terms["offload"]), rel=1e-12)
    frame = found["How the frame is divided"].marks
    used = sum(float(np.sum(np.subtract(m.x2, m.x))) for m in frame)
    slots = float((decision["offload"] * decision["slot"]).sum())
    assert used == pytest.approx(float(decision["charge"]) + slots, rel=1e-9)
    begins, ends = (
        np.sort(np.concatenate([getattr(m, end) for m in frame])) for end in ("x", "x2")
    )
    assert np.allclose(begins, [0.0, *ends[:-1]])  # one after the other


def test_the_contentment_of_a_slot_is_its_objective() -> None:
    problem, instance, decision = case("dgl_slot")
    found = drawn(pictures(problem, instance.data, decision))
    terms = problem.evaluate(instance.data, decision).terms
    bars = heights(found["What every user adds to the objective"])
    assert bars["delay saved"] == pytest.approx(float(terms["time"]), rel=1e-9)
    assert bars["energy saved"] == pytest.approx(float(terms["effort"]), rel=1e-9)


def test_the_rewards_of_dgl_are_its_terms_and_every_request_is_somewhere() -> None:
    problem, instance, decision = case("dgl")
    found = drawn(pictures(problem, instance.data, decision))
    terms = problem.evaluate(instance.data, decision).terms
    bars = heights(found["Reward of every step"])
    assert bars["qoe"] == pytest.approx(float(terms["qoe"]), rel=1e-12)
    assert bars["loading"] == pytest.approx(-float(terms["loading"]), rel=1e-12)
    requests = sum(heights(found["Where requests are served"]).values())
    assert requests == instance.data["service"].size
    stored = sum(
        float(np.sum(np.subtract(m.x2, m.x))) for m in found["What servers have cached"].marks
    )
    assert stored == decision["cache"].sum()


def test_delays_of_tasks_are_those_of_a3c_and_late_ones_are_marked() -> None:
    problem, instance, decision = case("a3c", n_users=12, slots=6, tolerance=1.5)
    found = drawn(pictures(problem, instance.data, decision))
    terms = problem.evaluate(instance.data, decision).terms
    delays = [m for m in found["Delay of every task"].marks if m.style == "points"]
    assert sum(float(np.sum(m.y)) for m in delays) == pytest.approx(float(terms["delay"]))
    late = [m for p in found.values() for m in p.marks if m.label == "late"]
    assert sum(len(m.x) for m in late) == float(terms["late"]) > 0


def test_no_server_or_device_does_two_tasks_of_a3c_at_once() -> None:
    problem, instance, decision = case("a3c", n_users=12, slots=6)
    for title, picture in drawn(pictures(problem, instance.data, decision)).items():
        bars = [
            (y, x, x2)
            for m in picture.marks
            if m.thick
            for x, y, x2 in zip(m.x, m.y, m.x2, strict=True)
        ]
        bars.sort()
        for (lane, _, end), (next_lane, begin, _) in itertools.pairwise(bars):
            assert lane != next_lane or begin >= end - 1e-9, title


def test_completions_are_those_that_migration_counts() -> None:
    problem, instance, decision = case("e2ehco_migration")
    found = drawn(pictures(problem, instance.data, decision))
    said = float(problem.evaluate(instance.data, decision).objective)
    assert total(found["Completed requests"]) == said > 0
    (done,) = [m for m in found["Who is served by which server"].marks if m.label == "completed"]
    assert len(done.x) == said
    here = found["Connections of every server"].marks[0]
    assert max(here.y) <= instance.data["limit"]


def test_an_episode_is_drawn_frame_by_frame_and_its_worst_frame_closely() -> None:
    problem, instance, decision = case("e2ehco", frames=5)
    found = pictures(problem, instance.data, decision)
    objective = problem.each(instance.data, decision).objective  # type: ignore[attr-defined]
    assert np.array_equal(found[0].marks[0].y, objective)
    users = sum(np.asarray(marks.y) for marks in found[1].marks)
    assert np.array_equal(users, np.full(5, problem.n_users))
    assert f"frame {objective.argmax()}, the worst" in found[2].title


@pytest.mark.parametrize("name", NAMES)
def test_pictures_of_large_instances_stay_small_and_say_what_is_left_out(name: str) -> None:
    problem, instance, decision = case(name, **LARGE[name])
    found = [chart(picture) for picture in pictures(problem, instance.data, decision)]
    assert max(len(msgspec.json.encode(each)) for each in found) <= 20_000
    assert any(" are drawn" in each.caption or "mean of" in each.caption for each in found)


@pytest.mark.parametrize("name", NAMES)
def test_marks_are_as_long_as_their_numbers(name: str) -> None:
    problem, instance, decision = case(name)
    for picture in pictures(problem, instance.data, decision):
        assert picture.marks, picture.title
        for marks in picture.marks:
            parts = (marks.x, marks.y, marks.x2, marks.y2, marks.texts)
            assert len({len(part) for part in parts if part is not None}) == 1, picture.title
        for scale, values in ((picture.x, "x"), (picture.y, "y")):
            if scale.names is not None:
                most = max(max(getattr(m, values), default=0) for m in picture.marks)
                assert most <= len(scale.names) - 0.5, picture.title


def broken() -> Iterator[tuple[dict[str, Any], str]]:
    good = {"offload": [1.0, 0.0, 0.0, 1.0]} | {
        name: [0.1] * 4 for name in ("bandwidth", "power", "frequency")
    }
    yield {}, "lacks 'offload'"
    yield {**good, "power": [0.1, None, 0.1, 0.1]}, "not finite"
    yield {**good, "power": [0.1, 0.1]}, "shape (2,), not (4,)"
    yield {**good, "power": ["a", 1, 2, 3]}, "no number"
    yield {**good, "power": [[1, 2], [3]]}, "no number"
    yield {**good, "offload": [7.0, 0.0, 0.0, 0.0]}, "a choice that there is not"


@pytest.mark.parametrize(("decision", "said"), list(broken()))
def test_what_is_no_decision_is_said_in_a_sentence(decision: dict[str, Any], said: str) -> None:
    problem = load("cpdrl", "tiny")
    with pytest.raises(UserError) as refused:
        pictures(problem, problem.instance(0).data, decision)
    assert said in str(refused.value)


@pytest.fixture(scope="module")
def admission() -> type[Problem]:
    """The plug-in of the examples, which has no pictures of its own."""
    path = Path(__file__).parent.parent / "examples" / "admission.py"
    spec = importlib.util.spec_from_file_location("admission", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["admission"] = module
    try:
        spec.loader.exec_module(module)
        found: type[Problem] = module.Admission
        return found
    finally:
        del sys.modules["admission"]


def test_a_problem_without_pictures_is_drawn_from_its_space(admission: type[Problem]) -> None:
    problem = admission(n_users=5)
    (found,) = pictures(problem, problem.instance(0).data, {"offload": [1, 0, 0, 1, 1]})
    assert found.title == "offload"
    assert {marks.label: list(marks.x) for marks in found.marks} == {
        "offload = 0": [1, 2],
        "offload = 1": [0, 3, 4],
    }


def test_blocks_of_every_shape_have_a_picture(admission: type[Problem]) -> None:
    problem = admission(n_users=3)
    data = problem.instance(0).data
    blocks = (
        problems.Var("charge"),
        problems.Var("power", (3,)),
        problems.Var("server", (4, 3), "integer", 0, 2),
        problems.Var("share", (4, 3)),
    )
    object.__setattr__(problem, "space", lambda data: problems.Space(blocks))
    decision = problems.Space(blocks).sample(rng_for("blocks"))
    found = drawn(pictures(problem, data, decision))
    assert list(found) == [
        "Single numbers",
        "power",
        "How often each server is chosen",
        "Mean share of every row",
    ]
    assert sum(heights(found["How often each server is chosen"]).values()) == 12
    assert np.allclose(found["Mean share of every row"].marks[0].y, decision["share"].mean(-1))


def test_the_heaviest_are_kept_in_their_order_and_said() -> None:
    weight = np.arange(100.0)
    weight[3] = 1000.0
    users = Users.of(np.zeros(100), {0: "at home"}, weight, "the largest delay")
    assert list(users.kept) == [3, *range(41, 100)]
    assert users.said == f"Of 100 users the {MOST} with the largest delay are drawn."
    assert heaviest(np.ones(5), "users")[1] == ""


def test_blocks_of_an_axis_keep_the_sum() -> None:
    at, means, said = in_blocks(np.arange(10.0), 4)
    assert list(at) == [0, 3, 6, 9]
    assert list(means) == [1.0, 4.0, 7.0, 9.0]
    assert said == "Every point is a mean of 3."


def test_numbers_of_charts_are_finite_or_none_and_short() -> None:
    marks = problems.Marks(label="a", x=[0, 1, 2], y=[1 / 3, math.nan, math.inf], style="line")
    axis = problems.Scale(label="n")
    found = chart(Picture(title="Some <b>", x=axis, y=axis, marks=[marks]))
    assert found.series[0].y == [0.3333, None, None]
    assert found.name == "some-b"
