"""The leaderboard: who is ranked and why, who is not, and where everything is from."""

import math

import numpy as np
import pytest
from msgspec.structs import replace
from stored import instance, record

from toolkit.bench.__main__ import main
from toolkit.bench._store import Store
from toolkit.bench._suite._digests import digests_of, suites_of
from toolkit.bench._verbs._leaderboard import read_sources
from toolkit.errors import UserError
from toolkit.reports.board import Frozen, contents_of_boards
from toolkit.reports.board._entries import Source, entries
from toolkit.reports.board._standing import Scores, standings

DAY = "2026-11-{:02d}T00:00:00.000Z"
PROVED = {"status": "optimal", "verdict": "proved", "bound": 1.0, "gap": 0.0}
OLD = {"toolkit": "0.1.0", "commit": "a" * 40, "processor": "a CPU"}
NEW = {**OLD, "commit": "b" * 40 + "+"}


def runs(label, objectives, day=1, environment=OLD, **fields):
    """A run an instance; None: it found nothing."""
    out = []
    for i, objective in enumerate(objectives):
        found = {} if objective is not None else {"violation": None, "status": "unknown"}
        own = {"instance": f"x-{i}", "digest": f"d{i}", "seconds": 0.5, **found, **fields}
        run = record(f"{label}{i}{day}", label=label, objective=objective, **own)
        out.append((DAY.format(day), replace(run, environment=environment)))
    return out


def board(*stores, suites=(), **options):
    sources = [Source(f"s{i}.sqlite", tuple(found)) for i, found in enumerate(stores)]
    return contents_of_boards(sources, suites, **options)


def rows(contents, name, chapter=0):
    """{method: {column: cell}} of the table with this ending."""
    section = contents.chapters[chapter].sections[0]
    for table in section.tables:
        if table.name.endswith(name):
            heads = [column.name for column in table.columns]
            return {row[0].text: dict(zip(heads, row, strict=True)) for row in table.rows}
    return {}


def test_proofs_go_before_gaps_alone_and_gaps_before_time():
    found = board(
        [
            *runs("slow", [1.0, 1.0], **PROVED),
            *runs("quick", [1.0, 1.0 + 1e-8], seconds=0.001),
            *runs("near", [1.1, 1.3]),
            *runs("half", [1.0, None], seconds=0.001),
        ]
    )
    ranked = rows(found, "ranking")
    assert list(ranked) == ["slow", "quick", "near", "half"]  # who answers half is last
    assert [row["rank"].value for row in ranked.values()] == [1, 2, 3, 4]
    near = ranked["near"]
    assert near["median gap"].value == pytest.approx(0.2)  # as of reports: the mean of two
    assert near["worst gap"].value == pytest.approx(0.3)
    assert ranked["slow"]["proved"].value == 1.0
    half = ranked["half"]
    assert half["answered"].value == 0.5
    limit = math.exp((math.log(0.011) + math.log(5.01)) / 2) - 0.01
    assert half["mean seconds"].value == pytest.approx(limit)
    assert half["mean seconds of answered"].value == pytest.approx(0.001)
    says = found.chapters[0].sections[0].says
    assert says[0] == "2 instances of no suite; of 2 the optimum is proven."
    assert says[1].startswith("First of 4: slow, which proves 100% of the optima")


def test_who_ran_on_a_part_is_listed_but_not_ranked():
    refusal = runs("picky", [None], status="refused", digest="d1")
    found = board([*runs("a", [1.0, 1.0]), *runs("picky", [2.0]), *refusal])
    assert list(rows(found, "ranking")) == ["a"]
    partly = rows(found, "partly")["picky"]
    assert partly["instances"].text == "1/2"
    assert partly["refused"].value == 1
    assert partly["median gap"].value == pytest.approx(1.0)


def test_a_refuted_claim_disqualifies():
    wrong = runs("liar", [1.0, 1.0], verdict="refuted", reason="the bound is wrong")
    beaten = runs("high", [2.0, 2.0], status="optimal", verdict="proved", bound=2.0, gap=0.0)
    found = board([*runs("a", [1.0, 1.0]), *wrong, *beaten])
    assert list(rows(found, "ranking")) == ["a"]
    out = rows(found, "disqualified")
    assert out["liar"]["why"].text == "x-0: the bound is wrong"
    assert out["high"]["refuted"].value == 2
    assert "a has 1, better than its bound" in out["high"]["why"].text
    assert "2 made a claim that is refuted" in found.chapters[0].sections[0].says[-1]


def test_another_version_is_another_entry_and_the_same_one_is_not():
    old, again = runs("a", [1.0, 1.2]), runs("a", [1.1], day=2)
    found = board(old, again, runs("a", [1.0, 1.0], day=3, environment=NEW))
    ranked = rows(found, "ranking")
    assert list(ranked) == ["a · s2.sqlite", "a · s0.sqlite, s1.sqlite"]
    new, both = ranked.values()
    assert new["version"].text == "0.1.0 bbbbbbbb+"
    assert both["runs of"].text == "2026-11-01 to 2026-11-02"
    assert both["worst gap"].value == pytest.approx(0.2)
    assert both["median gap"].value == pytest.approx(0.15)  # the newer of two runs counts


def test_another_limit_is_another_entry():
    short = {"seconds": 1.0, "evaluations": None, "memory": None}
    sources = [Source("s", (*runs("a", [1.0]), *runs("a", [1.0], day=2, limits=short)))]
    assert [entry.label for entry in entries(sources)] == ["a (5 s)", "a (1 s)"]


def test_memory_and_load_make_no_other_entry():
    made = [{**OLD, "memory": 1, "jobs": 1}, {**OLD, "memory": 2, "jobs": 2}]
    one, other = (runs("a", [1.0], environment=each) for each in made)
    (entry,) = entries([Source("s", tuple(one)), Source("t", tuple(other))])
    assert entry.stores == ("s", "t")


def known(objective):
    """A reference of instance d0."""
    run = record("ref", solver="reference", label="the reference (x@1)", **PROVED)
    own = {"instance": "x-0", "digest": "d0", "objective": objective, "bound": objective}
    return replace(run, **own)


def test_gaps_are_to_the_references_of_a_suite_and_all_its_instances_count():
    suite = Frozen("cpdrl/some", ("d0", "d1"), (known(0.8),))
    found = board(runs("a", [1.0, 1.0]), [*runs("b", [1.0])], suites=[suite])
    assert found.chapters[0].title == "cpdrl/some"
    ranked = rows(found, "ranking")
    assert ranked["a"]["worst gap"].value == pytest.approx(0.25)
    assert rows(found, "partly")["b"]["instances"].text == "1/2"
    assert len(found.chapters) == 1  # nothing is left outside


def test_what_is_better_than_a_reference_is_said():
    suite = Frozen("cpdrl/some", ("d0",), (known(1.5),))
    says = board(runs("a", [1.0]), suites=[suite]).chapters[0].sections[0].says
    assert says[-1] == "Runs have better decisions than the references of 1 instance."


def test_a_suite_that_shares_instances_is_shown_only_where_runs_would_be_lost():
    small, large = Frozen("p/small", ("d0", "d1")), Frozen("p/large", ("d0", "d1", "d2"))
    shown = [c.title for c in board(runs("a", [1.0, 1.0]), suites=[small, large]).chapters]
    assert shown == ["p/small"]
    shown = [c.title for c in board(runs("a", [1.0]), suites=[small, large]).chapters]
    assert shown == ["p/small", "p/large"]
    with pytest.raises(UserError, match=r"No run of these stores is on the suite 'p/other'"):
        board(runs("a", [1.0]), suites=[Frozen("p/other", ("e0",))], only=True)


def test_workloads_are_times_of_the_reference_workload():
    ranked = rows(board([*runs("a", [1.0], yardstick=0.05), *runs("b", [1.0])]), "ranking")
    assert ranked["a"]["workloads"].value == pytest.approx(10.0)
    assert ranked["b"]["workloads"].value is None


ELSEWHERE = {**OLD, "processor": "a faster CPU"}


@pytest.mark.parametrize("marks", [(0.05, 0.01), (0.05, None)])
def test_seconds_of_different_hosts_decide_nothing(marks):
    """The same method on a host that is five times as fast as the other: 10 and 40 workloads."""
    slow = runs("a", [1.0, 1.0], yardstick=marks[0], seconds=0.5)
    fast = runs("b", [1.0, 1.0], yardstick=marks[1], seconds=0.4, environment=ELSEWHERE)
    found = board(slow, fast)
    told = marks[1] is not None
    assert {m: r["rank"].value for m, r in rows(found, "ranking").items()} == {
        "a": 1,
        "b": 1 + told,
    }
    says = found.chapters[0].sections[0].says[-1]
    assert ("workloads, not seconds" if told else "time ranks no one") in says


def test_an_instance_that_is_only_refused_counts_for_no_one():
    refusal = runs("picky", [None], status="refused", digest="d9")
    assert list(rows(board([*runs("a", [1.0]), *refusal]), "ranking")) == ["a"]


def test_who_answers_nothing_is_no_winner_and_one_instance_has_no_interval():
    found = board(runs("a", [None]))
    assert "None of them answered" in found.chapters[0].sections[0].says[1]
    rank = rows(found, "ranking")["a"]["rank"]
    assert (rank.mark, rank.low, rank.high) == ("", None, None)


def test_a_suite_and_a_preset_of_one_name_are_two_chapters():
    suite = Frozen("cpdrl/tiny", ("d0",))
    found = board(runs("a", [1.0, 1.0]), suites=[suite])
    assert [chapter.name for chapter in found.chapters] == ["cpdrl-tiny", "cpdrl-tiny-2"]
    assert len({table.name for table in found.tables}) == 3


def test_no_interval_leaves_its_own_value_out():
    rng = np.random.default_rng(1)
    for _ in range(20):
        every = [Scores(np.ones(3), rng.random(3), np.zeros(3), np.ones(3), 1.0) for _ in range(6)]
        assert all(s.rank[1] <= s.rank[0] <= s.rank[2] for s in standings(every, "x"))


def test_ranks_have_intervals_that_overlap_where_methods_are_alike():
    rng = np.random.default_rng(0)
    ones, limit = np.ones(40), 1.0
    even, odd = (Scores(ones, np.abs(rng.normal(1, 0.3, 40)), 0 * ones, ones, limit) for _ in "ab")
    far = Scores(ones, 5 * ones, 0 * ones, ones, limit)
    found = standings([far, even, odd], "x")
    assert found[0].rank == (3.0, 3.0, 3.0)
    assert {s.rank[1:] for s in found[1:]} == {(1.0, 2.0)}
    assert found == standings([far, even, odd], "x")  # byte by byte
    assert [s.rank[0] for s in standings([far, far], "x")] == [1.0, 1.0]  # ties share a rank


def test_the_suites_of_runs_are_known_by_their_digests():
    digests = digests_of("cpdrl/smoke")
    run = record("a")
    inside = [replace(run, digest=next(iter(digests)))]
    assert suites_of(inside)["cpdrl/smoke"] == digests
    assert suites_of([run]) == {}


@pytest.fixture
def stores(tmp_path):
    paths = [tmp_path / name / "runs.sqlite" for name in ("one", "two")]
    for i, path in enumerate(paths):
        with Store(path) as opened:
            opened.add(record(f"r{i}", environment=(OLD, NEW)[i]), instance())
    return paths


def test_the_verb_writes_a_page_that_tells_the_stores_apart(stores, tmp_path, capsys):
    assert [s.name for s in read_sources(stores)] == ["one/runs.sqlite", "two/runs.sqlite"]
    names = [str(path) for path in stores]
    assert main(["leaderboard", *names, "--out", str(tmp_path / "b"), "--format", "html,csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == str(tmp_path / "b/index.html")
    page = (tmp_path / "b/index.html").read_text()
    assert "greedy · one/runs.sqlite" in page
    assert str(tmp_path) not in page
    assert "two/runs.sqlite" in (tmp_path / "b/tables/stores.csv").read_text()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--suite", "cpdrl/smok"], "did you mean 'cpdrl/smoke'?"),
        (["--suite", "cpdrl/smoke"], "No run of these stores is on the suite"),
        (["--format", "csv"], "name their folder with --out"),
    ],
)
def test_what_cannot_be_is_one_sentence(stores, capsys, flags, says):
    assert main(["leaderboard", str(stores[0]), *flags]) == 2
    assert says in capsys.readouterr().err
    assert main(["leaderboard", str(stores[0]), str(stores[0])]) == 2
    assert "name each store once" in capsys.readouterr().err
