"""What reports say of learners, on records whose figures are worked out by hand."""

import math
import re

import msgspec
import pytest
from toy_record import TOY

from toolkit.bench._command._table import WIDTH, render
from toolkit.reports import numbers
from toolkit.reports.compare import compare, relabelled, shortened
from toolkit.reports.frame import Report, make_groups
from toolkit.reports.learners.lessons import Count, Lesson, bands, lessons, pays_after
from toolkit.reports.learners.tables import tables, warnings
from toolkit.reports.page import render_page
from toolkit.reports.record import Record

BASE = msgspec.structs.replace(TOY, problem_params={}, limits={})
POLICY = {
    "training_seconds": 30.0,
    "training_steps": 600,
    "first_feasible": True,
    "choice": "010",
    "uniform": False,
    "batch": 64,
    "batch_seconds": 5e-5,
}


def run(solver: str, index: int = 0, objective: float | None = 10.0, **fields: object) -> Record:
    at = {"digest": f"d{index}", "instance": f"toy-{index}"}
    given = {"label": solver, **at, **fields}
    return msgspec.structs.replace(BASE, solver=solver, objective=objective, **given)


def exact(index: int = 0, seconds: float = 3.0, **fields: object) -> Record:
    proved = {"status": "optimal", "verdict": "proved", "bound": 10.0, "gap": 0.0}
    return run("exact", index, seconds=seconds, **(proved | fields))


def policy(index: int = 0, objective: float = 10.0, **changed: object) -> Record:
    own = {name: changed.pop(name) for name in ("label", "seconds", "sense") if name in changed}
    return run("policy", index, objective, details={**POLICY, **changed}, **own)


def learn(index: int = 0, objective: float = 11.0, **changed: object) -> Record:
    details = {
        "training_seconds": 4.0,
        "training_steps": 100,
        "explored": 100,
        "explored_feasible": 0.5,
        "final": {"objective": 12.0, "violation": 0.0, "feasible": True},
        "choice": "011",
        "uniform": False,
    }
    return run("learn", index, objective, details={**details, **changed})


def lesson(*records: Record, of: str = "policy") -> Lesson:
    return next(item for item in lessons(compare(records)) if item.label == of)


def infeasible(record: Record) -> Record:
    return msgspec.structs.replace(record, status="unknown", violation=0.5)


def cells_of(records: list[Record], label: str) -> dict[str, tuple[str, float | None]]:
    """The row of a label in the table of what learners decide, by the heads' second lines."""
    (_, table) = tables(lessons(compare(records)))
    return dict(zip([head[1] for head in table.heads[1:]], dict(table.rows)[label], strict=True))


def page_of(records: list[Record]) -> str:
    return render_page(Report("a store", make_groups(records)[0]))


def flat(records: list[Record]) -> str:
    """What the terminal shows, in one line."""
    return " ".join(render(records).split())


def test_records_without_learners_have_no_such_tables() -> None:
    records = [exact(), run("greedy")]
    assert lessons(compare(records)) == []
    assert "learners" not in render(records)
    assert "Learners" not in page_of(records)


def test_a_policy_costs_its_training_and_two_times_of_inference() -> None:
    found = lesson(
        policy(0, seconds=0.1, batch_seconds=2e-5),
        policy(1, 12.0, seconds=0.3, batch_seconds=6e-5, first_feasible=False),
        policy(2, seconds=0.2),
        run("greedy", 1),
    )
    assert (found.training_seconds, found.steps_per_second) == (30.0, 20.0)
    assert (found.seconds, found.batch, found.batch_seconds) == (0.2, 64, 5e-5)
    assert (found.median_gap, found.mean_gap) == (0.0, pytest.approx(0.2 / 3))
    assert (found.first_feasible, found.uniform, found.choices) == ((2, 3), (0, 3), (1, 3))
    assert (found.missed, found.missed_on) == (None, (0, 3))
    assert (found.final_feasible, found.explored, found.final_gap) == (None, None, None)


def test_a_run_that_failed_counts_as_a_run_and_for_nothing_else() -> None:
    """Four choices alike and a crash are not five."""
    died = run("policy", 4, None, status="error", stop="crashed", violation=None, seconds=0.0)
    records = [exact(4), *(policy(index, 11.0, seconds=2.0) for index in range(4)), died]
    found = lesson(*records)
    assert (found.runs, found.feasible, found.choices) == (5, (4, 5), (1, 4))
    assert found.seconds == 2.0
    assert warnings(lessons(compare(records))) == []
    assert lesson(exact(), run("policy", details=POLICY, status="error")).seconds is None


def test_a_run_that_learns_has_a_share_tried_and_a_final_policy() -> None:
    """Gaps of three final policies 0.2, 0.3 and 1/11, the third is infeasible; 190 of 300 tried."""
    lost = {"objective": 5.0, "violation": 0.1, "feasible": False}
    found = lesson(
        *(exact(index) for index in range(3)),
        learn(0),
        learn(1, final={"objective": 13.0, "violation": 0.0, "feasible": True}),
        learn(2, final=lost, explored=0, explored_feasible=None),
        learn(3, explored_feasible=0.9),
        of="learn",
    )
    assert found.explored == pytest.approx((50 + 50 + 90) / 300)
    assert found.final_feasible == Count(3, 4)
    assert found.final_gap == pytest.approx(0.2)  # of 0.2, 0.3 and 12 to the best known, 11


def test_the_share_of_what_offloading_can_gain_and_on_how_many_instances_it_rests() -> None:
    """(11 - 10) / (14 - 10) and (10 - 10) / (12 - 10); the third has no proven optimum."""
    local = [run("local_only", index, cost) for index, cost in enumerate((14.0, 12.0, 20.0))]
    policies = [policy(0, 11.0), policy(1), policy(2, 11.0)]
    records = [exact(0), exact(1), run("greedy", 2), *local, *policies, policies[0]]
    found = lesson(*records)
    assert found.missed == pytest.approx((0.25 + 0.0 + 0.25) / 3)
    assert found.missed_on == (2, 3)  # instances, not runs
    cells = cells_of(records, "policy")
    assert (cells["missed"][0], cells["on"][0]) == ("16.7%", "2/3")
    assert "left out: no run has proved the optimum, as exact does (1 instance)" in flat(records)


STAYS = "left out: local_only gave no feasible decision (1 instance)"
STAYED = "left out: all-local is optimal, nothing to save (1 instance)"
ABSENT = "local_only did not run (1 instance)"
UNPROVEN = "no run has proved the optimum, as exact does (1 instance)"


@pytest.mark.parametrize(
    ("beside", "why"),
    [
        ([exact()], f"left out: {ABSENT}"),
        ([run("local_only", objective=14.0)], f"left out: {UNPROVEN}"),
        ([run("greedy")], f"left out: {ABSENT}; {UNPROVEN}"),
        ([exact(), run("local_only", objective=14.0, violation=0.1)], STAYS),
        ([exact(), run("local_only", objective=10.0)], STAYED),
    ],
)
def test_no_share_where_its_scale_is_unknown_and_why(beside: list[Record], why: str) -> None:
    records = [policy(objective=11.0), *beside]
    assert (lesson(*records).missed, lesson(*records).missed_on) == (None, (0, 1))
    assert why in flat(records)
    assert "missed" not in cells_of(records, "policy")


def test_a_share_needs_a_feasible_decision_of_its_own() -> None:
    records = [exact(), run("local_only", objective=14.0), infeasible(policy())]
    assert lesson(*records).missed is None
    assert "left out: the solver itself has no feasible decision (1 instance)" in flat(records)


def test_a_proven_infeasible_instance_has_no_optimum_to_ask_for() -> None:
    proof = exact(status="infeasible", objective=None, violation=None, bound=None)
    stay = infeasible(run("local_only"))
    text = flat([proof, stay, infeasible(policy())])
    assert "left out: local_only gave no feasible decision (1 instance); the solver itself" in text
    assert "no run has proved" not in text


def test_no_reason_is_given_where_nothing_is_left_out() -> None:
    assert "left out" not in flat([exact(), run("local_only", objective=14.0), policy()])


def test_shares_are_turned_round_where_larger_is_better() -> None:
    top = exact(sense="max")
    local = run("local_only", objective=6.0, sense="max")
    records = [top, local, policy(objective=9.0, sense="max")]
    assert lesson(*records).missed == pytest.approx(0.25)
    assert "gain missed = mean (opt - value) / (opt - all-local)" in flat(records)
    assert "saving" not in flat(records)


def test_break_even_is_against_the_fastest_that_proves_every_instance() -> None:
    """30 s of training; exact takes 2 s, the policy 0.5 s, in a batch 5e-5 s, in the mean."""
    slow = [exact(index, 9.0, label="outer") for index in range(2)]
    partly = exact(0, 0.01, label="scip")
    mine = [policy(0, seconds=0.2), policy(1, 10.5, seconds=0.8)]
    found = lesson(exact(0, 1.0), exact(1, 3.0), *slow, partly, *mine)
    pays = found.break_even
    assert pays is not None
    assert (pays.against, pays.its_seconds, pays.own_seconds) == ("exact", 2.0, 0.5)
    assert (pays.alone, pays.batched) == (20, math.ceil(30 / (2 - 5e-5)))
    assert found.mean_gap == pytest.approx(0.025)


def test_break_even_is_never_for_what_is_slower() -> None:
    assert pays_after(30.0, 1.0, 1.0) == math.inf
    assert pays_after(30.0, 1.0, 0.25) == 40
    pays = lesson(exact(seconds=0.001), policy(seconds=0.002)).break_even
    assert pays is not None
    assert pays.alone == math.inf
    assert pays.batched == math.ceil(30.0 / (0.001 - 5e-5))
    (costs, _) = tables(lessons(compare([exact(seconds=0.001), policy(seconds=0.002)])))
    (text, key), (batched, least) = costs.rows[0][1][4:6]
    assert (text, batched) == ("never", "31,579")
    assert least is not None
    assert key is not None
    assert least < key < math.inf  # "never" sorts last


def test_nothing_is_paid_back_by_a_run_that_learns_anew_each_time() -> None:
    assert lesson(exact(seconds=9.0), learn(), of="learn").break_even is None


@pytest.mark.parametrize(
    "records",
    [
        [run("greedy"), policy()],  # nobody proves
        [exact(0), policy(0), policy(1)],  # one instance is not proven
        [exact(0), run("policy", status="error", violation=None, details=POLICY)],  # infeasible
    ],
)
def test_no_break_even_without_equal_work(records: list[Record]) -> None:
    assert lesson(*records).break_even is None
    assert "break-even stays -" in render(records)


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (
            [policy(i, 11.0, uniform=True, choice="000") for i in range(3)],
            "warning, degenerate policy: policy: all 3 decisions are uniform, the same for every "
            "user (worst gap 10%)",
        ),
        (
            [policy(i, 11.0) for i in range(5)],
            "warning, degenerate policy: policy: its choice is the same on all 5 instances "
            "(worst gap 10%)",
        ),
        (
            [policy(i, uniform=True, choice="111") for i in range(2)],
            "policy: all 2 decisions are uniform, the same for every user, and so is the best "
            "known: these instances are no test",
        ),
        ([policy(i) for i in range(4)], None),  # too few instances
        ([policy(0) for _ in range(5)], None),  # one instance, five runs
        ([policy(i, choice="010" if i else "011") for i in range(5)], None),
        ([policy(i, 11.0, uniform=True, choice="1") for i in range(5)], None),  # n = 1
        ([policy(i, 11.0, choice="") for i in range(5)], None),  # nothing discrete
        ([policy(0, uniform=True), policy(1)], None),
    ],
)
def test_degenerate_policies_are_told(records: list[Record], said: str | None) -> None:
    beside = [exact(index) for index in range(5)]
    found = warnings(lessons(compare([*beside, *records])))
    assert found == ([said] if said else [])
    assert (said or "policy") in " ".join(render([*beside, *records]).split())


UNIFORM = "uniform, the same for every user"


def warned(*records: Record, proved: int = 6) -> list[str]:
    return warnings(lessons(compare([*(exact(index) for index in range(proved)), *records])))


def test_a_degenerate_final_policy_is_judged_by_its_own_gap() -> None:
    """The best decision met is optimal, the policy that is left is not feasible."""
    end = {"objective": 1.0, "violation": 0.5, "feasible": False}
    assert warned(learn(0, 10.0, uniform=True, final=end)) == [
        f"warning, degenerate policy: learn: its 1 decision is {UNIFORM} (no feasible one)"
    ]


def test_instances_are_no_excuse_where_a_uniform_policy_is_infeasible_on_some() -> None:
    lost = [infeasible(policy(index, uniform=True)) for index in range(1, 6)]
    assert warned(policy(0, uniform=True), *lost) == [
        f"warning, degenerate policy: policy: all 6 decisions are {UNIFORM} "
        "(worst gap 0, feasible in 1 of 6 runs)"
    ]


@pytest.mark.parametrize(
    ("finals", "beside"),
    [
        ([(10.0, True)] * 3 + [(15.0, True)] * 2, "worst gap 50%"),
        ([(10.0, True)] + [(10.0, False)] * 4, "worst gap 0, feasible in 1 of 5 runs"),
    ],
)
def test_every_final_policy_counts(finals: list[tuple[float, bool]], beside: str) -> None:
    ends = [{"objective": x, "violation": 0.0, "feasible": fits} for x, fits in finals]
    runs = [learn(i, 10.0, uniform=True, final=end) for i, end in enumerate(ends)]
    assert warned(*runs) == [
        f"warning, degenerate policy: learn: all 5 decisions are {UNIFORM} ({beside})"
    ]


def test_a_run_that_left_no_final_policy_gives_no_all_clear() -> None:
    end = {"objective": 10.0, "violation": 0.0, "feasible": True}
    died = run("learn", 1, None, status="error", stop="crashed", violation=None)
    (line,) = warned(learn(0, 10.0, uniform=True, final=end), died)
    assert line.endswith("(worst gap 0, feasible in 1 of 2 runs)")


def test_a_best_known_that_nobody_has_proved_gives_no_all_clear() -> None:
    (line,) = warned(*(policy(index, uniform=True) for index in range(3)), proved=2)
    assert line.endswith("(worst gap 0, to a best known that is not proven)")


def test_an_optimal_answer_among_several_guesses_says_nothing_of_the_first() -> None:
    several = [
        msgspec.structs.replace(policy(i, uniform=True, first_feasible=i < 2), evaluations=8)
        for i in range(3)
    ]
    assert warned(*several[:2]) == [
        f"policy: all 2 first guesses are {UNIFORM}; the best of its guesses is optimal"
    ]
    (line,) = warned(*several)
    assert line.endswith("(worst gap 0, first guess feasible in 2 of 3 runs)")


def test_choices_are_counted_over_instances_not_runs() -> None:
    """Three repeats of a deterministic policy; then seeds that differ."""
    masks = ("010", "110")
    repeats = [policy(i, choice=mask) for i, mask in enumerate(masks) for _ in range(3)]
    assert lesson(*repeats).choices == (2, 2)
    seeds = [learn(i, choice=mask) for i in range(2) for mask in ("010", "110", "111")]
    assert lesson(*seeds, of="learn").choices == (3, 2)


def test_decisions_of_a_single_entry_are_neither_uniform_nor_alike() -> None:
    found = lesson(*(policy(index, uniform=True, choice="1") for index in range(5)))
    assert (found.uniform, found.choices) == (None, None)


WRONG = {
    "training_seconds": "abc",
    "training_steps": [1],
    "first_feasible": "yes",
    "choice": ["0"],
    "uniform": "no",
    "batch": "64",
    "batch_seconds": True,
    "final": {"objective": "low", "feasible": True},
    "explored": "many",
    "explored_feasible": {},
    "curve": {"step": 3, "reward": ["a", "b"], "critic_loss": [1.0, {}]},
}


def test_details_of_a_wrong_type_are_left_out() -> None:
    records = [exact(), policy(0), policy(0, **WRONG)]
    found = lesson(*records)
    assert (found.training_seconds, found.steps_per_second, found.batch) == (30.0, 20.0, 64)
    assert (found.first_feasible, found.uniform, found.choices) == ((1, 1), (0, 1), (1, 1))
    assert (found.explored, found.final_gap, found.final_feasible) == (None, None, None)
    assert "learners: what they cost" in render(records)
    assert "Learners: what they cost" in page_of(records)


@pytest.mark.parametrize("key", [*POLICY, *WRONG])
@pytest.mark.parametrize("wrong", ["abc", [], {}, None, -1.5])
def test_no_single_wrong_detail_kills_a_table(key: str, wrong: object) -> None:
    records = [exact(), policy(**{key: wrong}), learn(**{key: wrong})]
    assert "learners: what they decide" in render(records)
    assert isinstance(bands(records), dict)


def test_a_policy_without_a_training_time_keeps_its_row() -> None:
    records = [exact(seconds=9.0), policy(training_seconds="abc")]
    found = lesson(*records)
    assert (found.learner, found.training_seconds, found.break_even) == (True, None, None)


def test_runs_that_learn_anew_pay_nothing_back_whatever_their_details_say() -> None:
    assert lesson(exact(seconds=9.0), learn(explored="abc"), of="learn").break_even is None


def test_a_curve_whose_steps_do_not_fit_is_drawn_over_its_points() -> None:
    found = bands([learn(curve={"step": [150.0], "reward": [1.0, 2.0]})])
    assert found["reward"][0].steps == (1.0, 2.0)


def test_tables_set_learners_beside_what_they_have_to_beat() -> None:
    others = [run("local_only", objective=14.0), run("random_search", objective=13.0)]
    found = lessons(compare([exact(), policy(), learn(), run("greedy"), *others]))
    costs, choices = tables(found)
    assert [label for label, _ in costs.rows] == ["policy", "learn"]
    assert [label for label, _ in choices.rows] == ["greedy", "policy", "learn", "random_search"]
    cells = dict(zip([head[1] for head in choices.heads[1:]], choices.rows[3][1], strict=True))
    assert cells["missed"] == ("75%", pytest.approx(0.75))
    assert cells["choices"] == ("-", None)


def test_the_terminal_shows_every_figure_within_its_width() -> None:
    long = "learn[evaluations=100,learner=cpdrl[preset=paper,gamma=0,noise=0.1,width=128]]"
    records = [exact(), policy(seconds=2.0, label="policy[checkpoint=/a/b/p.zip,k=4]")]
    text = render([*records, msgspec.structs.replace(learn(), label=long)])
    assert max(map(len, text.splitlines())) <= WIDTH
    row = next(line for line in text.splitlines() if "30.00" in line)
    assert row.split() == ["policy[p.zip,k=4]", *["30.00", "20", "2.00", "50", "30", "11", "0"]]
    assert "batch of 64" in text
    assert "policy[p.zip,k=4]: 2.00 s beside 3.00 s of exact" in text
    # the long name goes on below itself, whole
    lines = text.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("learn["))
    parts = [lines[first].split()[0], *(line.strip() for line in lines[first + 1 : first + 9])]
    assert "".join(parts).startswith(long)


def test_a_folded_name_leaves_no_empty_line() -> None:
    made = run("random_search", label="random_search[evaluations=500000000000000000000]")
    lines = [line.strip() for line in render([exact(), policy(), made]).splitlines()]
    at = len(lines) - 1 - lines[::-1].index("evaluations=500000000000000000000]")
    assert lines[at + 2].startswith("gaps are to the best known")  # one empty line between


def test_policies_go_by_the_name_of_their_file_where_it_tells_them_apart() -> None:
    full = [
        *("policy[checkpoint=a/p.zip]", "policy[checkpoint=b/p.zip]"),
        *("policy[checkpoint=a/q.zip,k=8]", "exact"),
    ]
    records = [run("policy", label=label) for label in full]
    names = [*full[:2], "policy[q.zip,k=8]", "exact"]
    assert list(shortened(records).values()) == names
    assert [record.label for record in relabelled(records)] == names


def test_bands_are_medians_and_quartiles_over_the_runs_that_came_so_far() -> None:
    def curve(*rewards: float) -> dict[str, list[float]]:
        return {"step": [150.0 * (n + 1) for n in range(len(rewards))], "reward": list(rewards)}

    runs = [(1.0, 5.0), (3.0, 4.5), (2.0, 6.0, 7.0), (4.0, 4.0), (5.0, 3.0)]
    curves = [curve(*rewards) for rewards in runs]
    found = bands([learn(i, curve=c) for i, c in enumerate(curves)] + [policy()])
    assert list(found) == ["reward"]
    (band,) = found["reward"]
    assert band.steps == (150.0, 300.0, 450.0)
    assert band.middle == (3.0, 4.5, 7.0)
    assert band.low == (2.0, 4.0, 7.0)
    assert band.high == (4.0, 5.0, 7.0)


def test_generations_of_what_does_not_learn_are_no_training_curve() -> None:
    assert bands([run("ga_mask", details={"curve": {"reward": [1.0, 2.0]}})]) == {}


def test_a_single_point_is_no_curve() -> None:
    assert bands([learn(curve={"reward": [1.0], "critic_loss": []})]) == {}


def test_what_is_no_number_is_left_out_of_a_curve() -> None:
    """A critic that diverged: stores write NaN as null."""
    found = bands([learn(curve={"reward": [1.0, None, 3.0, None]})])
    assert (found["reward"][0].steps, found["reward"][0].middle) == ((1.0, 3.0), (1.0, 3.0))


def test_the_page_shows_learners_their_warnings_and_their_curves() -> None:
    curve = {"step": [150.0, 300.0], "reward": [1.0, 2.0], "critic_loss": [0.5, 0.0]}
    made = policy(0, 11.0, uniform=True, label="policy[checkpoint=/a/p.zip]")
    page = page_of([exact(), made, learn(curve=curve)])
    for text in ("Learners: what they cost", "degenerate policy", "policy[p.zip]", "of 64"):
        assert text in page
    assert '"label":"training steps"' in page
    assert "policy[checkpoint=/a/p.zip]" in re.sub("<wbr>", "", page)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        *((numbers.micros(3.15e-5), "31.5"), (numbers.micros(0.00125), "1,250")),
        *((numbers.rate(5.837), "5.84"), (numbers.rate(12300.4), "12,300")),
        *((numbers.share(0.0435), "4.35%"), (numbers.share(0.0), "0%")),
        *((numbers.micros(None), "-"), (numbers.rate(None), "-"), (numbers.seconds(None), "-")),
    ],
)
def test_rates_and_shares_read_well(shown: str, text: str) -> None:
    assert shown == text
