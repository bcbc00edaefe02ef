"""Mobility: generators and their laws, the reader of traces and its faults, and `--traces`."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp

from toolkit import problems
from toolkit.bench.__main__ import main
from toolkit.bench._cases._case import _meet_traces
from toolkit.errors import UserError
from toolkit.instances.mobility import (
    HIGH,
    LOW,
    PERIOD,
    GaussMarkov,
    LevyWalk,
    RandomWaypoint,
    Replay,
    Traces,
    _fitted,
    read_traces,
    walks,
)
from toolkit.instances.mobility._compare import compared, distance, measured
from toolkit.instances.mobility._levy import _pause_after_flight, truncated
from toolkit.instances.mobility._region import FASTEST, folded

DATA = Path(os.environ.get("TOOLKIT_DATA", Path(__file__).parents[2] / "shared" / "data"))
KAIST = DATA / "kaist"
MODELS = ("levy", "waypoint", "gauss_markov")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("batch", "users"), [((), 0), ((3,), 0), ((0,), 4)])
def test_nobody_walks_without_a_warning(model: str, batch: tuple, users: int) -> None:
    assert drawn(model, batch, users=users, steps=5).shape == (*batch, 5, users, 2)


def drawn(
    model: str, batch: tuple[int, ...] = (), users: int = 10, steps: int = 100, seed: int = 3
):
    return walks(model).positions(np.random.default_rng(seed), users, steps, batch)


def moved(path: np.ndarray) -> np.ndarray:
    """Metres from row to row, (*batch, steps - 1, users)."""
    gone = np.diff(path, axis=-3)
    return np.hypot(gone[..., 0], gone[..., 1])


# Generators


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("batch", [(), (1,), (3, 2)])
def test_positions_have_the_promised_shape_region_and_speed(model: str, batch: tuple) -> None:
    for steps in (1, 40):
        path = drawn(model, batch, users=7, steps=steps)
        assert path.shape == (*batch, steps, 7, 2)
        assert np.isfinite(path).all()
        assert ((path >= LOW) & (path <= HIGH)).all()
        assert (moved(path) <= FASTEST * PERIOD + 1e-6).all()


@pytest.mark.parametrize("model", MODELS)
def test_the_seed_alone_decides(model: str) -> None:
    np.testing.assert_array_equal(drawn(model, (2,)), drawn(model, (2,)))
    assert not np.array_equal(drawn(model, (2,)), drawn(model, (2,), seed=4))


@pytest.mark.parametrize("model", MODELS)
def test_users_and_episodes_are_independent_of_each_other(model: str) -> None:
    path = drawn(model, (400,), users=2, steps=3)[:, 0]
    pairs = [(path[:, 0, 0], path[:, 1, 0]), (path[:-1, 0, 1], path[1:, 0, 1])]
    for one, other in pairs:
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.15  # three standard errors


@pytest.mark.parametrize("model", MODELS)
def test_a_batch_has_the_law_of_one_episode_after_the_other(model: str) -> None:
    rng = np.random.default_rng(8)
    single = np.stack([walks(model).positions(rng, 10, 30) for _ in range(150)])
    batch = drawn(model, (150,), steps=30)
    for axis in (0, 1):
        assert distance(single[:, -1, :, axis].ravel(), batch[:, -1, :, axis].ravel()) < 0.07
    last, other = moved(single)[:, -1].ravel(), moved(batch)[:, -1].ravel()
    assert distance(last, other) < 0.07


@pytest.mark.parametrize(("model", "least"), [("levy", 0.4), ("waypoint", 0.2)])
def test_episodes_begin_in_the_long_run_law(model: str, least: float) -> None:
    gone = moved(drawn(model, (300,)))
    first, last = gone[:, 0].ravel(), gone[:, -1].ravel()
    assert least < np.mean(first == 0) < 0.6
    assert abs(np.mean(first == 0) - np.mean(last == 0)) < 0.04
    assert abs(np.mean(first) / np.mean(last) - 1) < 0.12


def test_people_stay_where_the_fitted_places_are() -> None:
    path = drawn("levy", (300,))
    for axis in (0, 1):
        early, late = path[:, 0, :, axis].ravel(), path[:, -1, :, axis].ravel()
        assert distance(early, late) < 0.12
    x, y, spread, _ = np.array(_fitted.SPOTS).T
    near = np.hypot(path[..., 0, None] - x, path[..., 1, None] - y) < 3 * spread
    assert near.any(-1).mean() > 0.8  # waypoints: 0.5
    assert distance(drawn("waypoint", (300,))[..., 0].ravel(), path[..., 0].ravel()) > 0.3


def test_truncated_power_laws_are_those_of_their_density() -> None:
    x = np.geomspace(2.0, 50.0, 20_001)
    for power in (-2.3, -0.57, 0.43):
        density = x ** (power - 1)
        share = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) * np.diff(x))])
        quantile = truncated(share / share[-1], power, 2.0, 50.0)
        np.testing.assert_allclose(quantile, x, rtol=1e-6)


def test_flights_and_rests_of_the_levy_walk_follow_the_fitted_laws() -> None:
    walk, rng = LevyWalk(), np.random.default_rng(2)
    begun = walk.begin(rng, 40_000)
    assert np.mean(begun.rests) == pytest.approx(_fitted.STILL, abs=0.01)
    begun.rests[:] = False
    after = walk.next(rng, begun)
    assert np.mean(after.rests) == pytest.approx(_pause_after_flight(), abs=0.003)
    lengths = np.hypot(*(after.way * after.left[:, None])[~after.rests].T)
    power, soft, most = _fitted.FLIGHT
    wanted = truncated(rng.random(40_000), power, soft, soft + most) - soft
    assert distance(lengths, wanted) < 0.02  # the region cuts a few long ones
    rests = after.left[after.rests]
    assert rests.min() >= _fitted.PAUSE[1]
    assert distance(rests, np.floor(truncated(rng.random(40_000), *_fitted.PAUSE))) < 0.06


def test_waypoints_lie_all_over_and_speeds_within_their_bounds() -> None:
    walk = RandomWaypoint(slowest=1.0, fastest=1.5, longest_rest=0.0)
    path = walk.positions(np.random.default_rng(0), 10, 60, (100,))
    speed = moved(path) / PERIOD
    assert speed.max() <= 1.5 + 1e-9
    assert np.mean(speed > 0.9) > 0.95  # legs end on a row: a little slower than drawn
    assert distance(path[:, 0, :, 0].ravel(), path[:, -1, :, 0].ravel()) < 0.06


def test_gauss_markov_keeps_its_speed_and_forgets_as_told() -> None:
    walk = GaussMarkov(memory=0.8, speed=0.1)
    path = walk.positions(np.random.default_rng(0), 50, 40, (40,))
    gone = np.diff(path, axis=1)
    inside = ((path > LOW + 100) & (path < HIGH - 100)).all(axis=(1, 3))  # no border is met
    gone = np.moveaxis(gone, 2, 1)[inside]
    assert np.hypot(*gone.T).mean() / PERIOD == pytest.approx(0.1, rel=0.03)
    again = (gone[:, 1:] * gone[:, :-1]).mean() / (gone**2).mean()
    assert again == pytest.approx(0.8, abs=0.02)


def test_a_border_reflects() -> None:
    out = np.array([np.add(HIGH, [100.0, 50.0]), LOW - [100.0, 50.0], [0.0, 0.0]])
    want = [HIGH - [100.0, 50.0], np.add(LOW, [100.0, 50.0]), [0.0, 0.0]]
    np.testing.assert_allclose(folded(out), want, atol=1e-9)


@pytest.mark.parametrize(
    ("ask", "said"),
    [({"model": "levi"}, "did you mean 'levy'"), ({"part": "tests"}, "did you mean 'test'")],
)
def test_an_unknown_model_or_part_is_one_sentence(ask: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        walks(**ask)


# Reading traces


def table(rows: int = 150, seed: int = 0) -> list[str]:
    """A trace without faults, a line a row."""
    rng = np.random.default_rng(seed)
    path = np.cumsum(rng.normal(0, 20, (rows, 2)), axis=0)
    return [f" {PERIOD * i:.6e}\t {x:.9e}\t{y:.9e}" for i, (x, y) in enumerate(path)]


def folder_of(root: Path, **files: list[str]) -> Path:
    root.mkdir(exist_ok=True)
    for name, lines in files.items():
        (root / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return root


def timed(lines: list[str], seconds: dict[int, float]) -> list[str]:
    """The same with other times from some rows on: seconds later than they were."""
    out, late = [], 0.0
    for i, line in enumerate(lines):
        late += seconds.get(i, 0.0)
        time, rest = line.split(maxsplit=1)
        out.append(f"{float(time) + late} {rest}")
    return out


def leaping(lines: list[str], row: int) -> list[str]:
    """The same with everything from a row on 3 km further east: 100 m/s over one sample."""
    words = [line.split() for line in lines]
    return [f"{t} {float(x) + 3000.0 * (i >= row)} {y}" for i, (t, x, y) in enumerate(words)]


GOOD = table()
FAULTS = {
    "none": (GOOD, 150, ""),
    "blank lines": (["", *GOOD, " "], 150, ""),
    "bad lines": ([*GOOD[:40], "x y z", "1 2", "1 2 nan", *GOOD[40:]], 150, "3 bad lines dropped"),
    "a line lost": (GOOD[:40] + GOOD[41:], 150, "1 gap filled"),
    "a line spoilt": ([*GOOD[:40], "?", *GOOD[41:]], 150, "1 bad line dropped, 1 gap filled"),
    "long gap": (GOOD[:30] + GOOD[41:], 109, "1 gap cut, 30 rows lost by cuts"),
    "odd gap": (timed(GOOD, {20: 17.0}), 130, "1 gap cut, 20 rows lost by cuts"),
    "time goes back": (timed(GOOD, {145: -900.0}), 145, "1 gap cut, 5 rows lost by cuts"),
    "repeated time": ([*GOOD[:9], GOOD[8], *GOOD[9:]], 150, "1 repeated time dropped"),
    "jump": (leaping(GOOD, 120), 120, "1 jump cut, 30 rows lost by cuts"),
    "too short": (GOOD[:60], None, "left out, 60 rows are fewer than 100"),
    "one row": (GOOD[:1], None, "left out, 1 rows are fewer than 100"),
    "wrong period": (GOOD[::2], None, "left out, its period is 60 s, not 30 s"),
    "the same": (table(seed=9), None, "left out, the same as a_first"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_told_and_treated_by_its_rule(fault: str, tmp_path: Path) -> None:
    lines, rows, said = FAULTS[fault]
    found = read_traces(folder_of(tmp_path, a_first=table(seed=9), b=lines))
    assert found.remarks == ((f"b: {said}",) if said else ())
    kept = dict(zip(found.names, found.paths, strict=True))
    assert list(kept) == (["a_first"] if rows is None else ["a_first", "b"])
    if rows is not None:
        assert kept["b"].shape == (rows, 2)
    assert found.summary.startswith(f"{len(kept)} traces, {found.rows} rows of 30 s; ")


def test_what_is_filled_lies_on_a_straight_line(tmp_path: Path) -> None:
    whole = read_traces(folder_of(tmp_path / "a", b=GOOD)).paths[0]
    mended = read_traces(folder_of(tmp_path / "c", b=GOOD[:40] + GOOD[42:])).paths[0]
    np.testing.assert_array_equal(np.delete(mended, [40, 41], 0), np.delete(whole, [40, 41], 0))
    np.testing.assert_allclose(mended[40], (2 * whole[39] + whole[42]) / 3)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (None, "There is no folder"),
        ({}, "holds no traces"),
        ({"a": GOOD, "b": ["time x y", "some words", *GOOD[:1]]}, "b.txt' is no trace: 1 of its 3"),
        ({"a": [""]}, "The trace .*a.txt' is empty; take it out of the folder"),
        ({"a": [], "b": GOOD}, "The trace .*a.txt' is empty; take it out of the folder"),
        ({"a": [f"{line} 7" for line in GOOD]}, r"0 of its 150 .* \(most have 4 words\); mend it"),
        ({"a": GOOD[:50]}, r"No trace in .* can be used \(a: left out, 50 rows"),
    ],
)
def test_a_folder_of_no_use_is_one_sentence(files: dict | None, said: str, tmp_path: Path) -> None:
    folder = tmp_path / "traces"
    if files is not None:
        folder_of(folder, **files)
    with pytest.raises(UserError, match=said):
        walks(traces=str(folder))


def test_a_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(UserError, match="Cannot read the trace"):
        read_traces(tmp_path)


def test_names_may_end_in_capitals_but_not_be_alike(tmp_path: Path) -> None:
    folder_of(tmp_path, a=GOOD)
    (tmp_path / "B.TXT").write_text("\n".join(table(seed=1)))
    assert walks(traces=str(tmp_path)).traces.names == ("B", "a")
    (tmp_path / "a.TXT").write_text("\n".join(table(seed=2)))
    with pytest.raises(UserError, match=r"holds a\.TXT and a\.txt; rename one"):
        walks(traces=str(tmp_path))


@pytest.mark.parametrize("name", ["e2ehco", "e2ehco_migration"])
def test_instances_follow_from_what_traces_hold_and_not_from_where_they_are(
    name: str, tmp_path: Path
) -> None:
    small = {"n_users": 2, **({"seconds": 60} if name == "e2ehco_migration" else {})}
    for place in ("here", "there", "changed"):
        folder_of(tmp_path / place, a=GOOD, b=table(seed=5))
    folder_of(tmp_path / "changed", b=table(seed=6))
    here, there, changed = (
        problems.load(name, traces=str(tmp_path / place), **small).instance(3)
        for place in ("here", "there", "changed")
    )
    assert here.digest == there.digest != changed.digest
    assert here.name == there.name != changed.name
    plain = problems.load(name, **small).instance(3).name
    assert plain == f"{name}-n2-s0-003"
    assert re.fullmatch(rf"{name}-n2-traces[0-9a-f]{{6}}-s0-003", here.name)
    episode = problems.load(name, traces=str(tmp_path / "here"), frames=2, **small).instance(3)
    assert re.fullmatch(rf"{name}-n2-t2-traces[0-9a-f]{{6}}-s0-003", episode.name)


def test_a_changed_folder_is_read_again(tmp_path: Path) -> None:
    folder_of(tmp_path, a=GOOD)
    first = walks(traces=str(tmp_path))
    assert walks(traces=str(tmp_path)) is first
    folder_of(tmp_path, b=table(seed=1))
    assert len(walks(traces=str(tmp_path)).traces.names) == 2


# Following traces


def some_traces(count: int = 20) -> Traces:
    """Traces of 100 rows and more whose positions tell trace (x) and row (y)."""
    rows = [100 + 5 * i for i in range(count)]
    paths = [np.column_stack([np.full(n, 10.0 * i), np.arange(n)]) for i, n in enumerate(rows)]
    return Traces(tuple(f"t{i}" for i in range(count)), tuple(paths))


def test_train_and_test_share_no_trace_and_do_not_depend_on_their_order() -> None:
    whole = some_traces()
    train, test = whole.part("train"), whole.part("test")
    assert len(train.names) == 13
    assert sorted(train.names + test.names) == sorted(whole.names)
    turned = Traces(whole.names[::-1], whole.paths[::-1])
    assert set(turned.part("test").names) == set(test.names)
    with pytest.raises(UserError, match="leave none to test on"):
        some_traces(1).part("test")


def test_users_follow_distinct_traces_each_from_its_own_row() -> None:
    path = Replay(some_traces()).positions(np.random.default_rng(0), 15, 100, (50,))
    assert path.shape == (50, 100, 15, 2)
    trace, row = path[..., 0] / 10, path[..., 1]
    assert (trace == trace[:, :1]).all()
    assert (np.diff(row, axis=1) == 1).all()
    assert all(len(set(users)) == 15 for users in trace[:, 0])
    assert (row[:, -1] <= 99 + 5 * trace[:, 0]).all()
    starts = {(t, r) for t, r in zip(trace[:, 0].ravel(), row[:, 0].ravel(), strict=True)}
    assert len(starts) > 300  # of at most 750: not every user from the first row


def test_with_more_users_than_traces_each_is_taken_once_before_one_is_twice() -> None:
    path = Replay(some_traces()).positions(np.random.default_rng(0), 50, 30)
    _, often = np.unique(path[0, :, 0], return_counts=True)
    assert sorted(often) == [2] * 10 + [3] * 10


def test_traces_shorter_than_the_episode_are_not_taken() -> None:
    path = Replay(some_traces()).positions(np.random.default_rng(0), 20, 150)
    assert path[..., 0].min() == 100.0  # trace 10 is the first of 150 rows
    with pytest.raises(UserError, match="No trace has 196 rows of 30 s"):
        Replay(some_traces()).positions(np.random.default_rng(0), 1, 196)


# The flag

TOY = """
from dataclasses import dataclass
import numpy as np
from toolkit.instances.mobility import walks
from toolkit.problems import Evaluation, Field, Problem, Space, Var

@dataclass(frozen=True, kw_only=True)
class Toy(Problem):
    title = "Walk"
    paper = "none"
    sense = "min"
    presets = {"tiny": {"n_users": 2}, "paper": {}}
    fields = {"position": Field("where", "m", ("users", "axes"), low=-1e9)}
    n_users: int = 3
    traces: str = ""

    def sample(self, rng, batch=()):
        path = walks(traces=self.traces).positions(rng, self.n_users, 1, batch)
        return {"position": path[..., 0, :, :]}

    def space(self, data):
        return Space((Var("on", (data["position"].shape[-2],), "binary"),))

    def judge(self, data, decision):
        cost = decision["on"].sum(-1)
        return Evaluation(cost, {"none": 0.0 * cost})
"""


def exported(out: str, *flags: str) -> dict:
    assert (
        main(["export", "--problem", "strolls", "--plugin", "strolls.py", "--out", out, *flags])
        == 0
    )
    (file,) = Path(out).glob("*-000.json")
    return json.loads(file.read_text())


def test_the_flag_is_short_for_the_field_and_warns_of_faults_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("strolls.py").write_text(TOY)
    folder_of(Path("walked"), a=GOOD, b=leaping(table(seed=5), 120))
    short = exported("short", "--traces", "walked")
    assert capsys.readouterr().err == (
        "warning: --traces walked: 2 traces, 270 rows of 30 s; "
        "b: 1 jump cut, 30 rows lost by cuts\n"
    )
    assert short == exported("long", "--set", "traces=walked")
    assert short["params"]["traces"] == "walked"
    run = ["--problem", "strolls", "--plugin", "strolls.py", "--solvers", "random", "--quiet"]
    assert main([*run, "--traces", "walked", "--instances", "1"]) == 0


@pytest.mark.parametrize(
    "verb",
    [[], ["export", "--out", "o"], ["train", "--learner", "imitate", "--out", "o", "--steps", "1"]],
)
def test_a_problem_that_knows_no_traces_refuses_in_one_sentence(
    verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _meet_traces.cache_clear()
    assert main([*verb, "--problem", "cpdrl", "--traces", "any"]) == 2
    assert capsys.readouterr().err == (
        "error: The users of 'cpdrl' do not move along traces; leave out --traces.\n"
    )


def test_a_missing_folder_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("strolls.py").write_text(TOY)
    flags = ["--problem", "strolls", "--plugin", "strolls.py", "--traces", "nowhere"]
    assert main(flags) == 2
    assert "There is no folder 'nowhere' of traces" in capsys.readouterr().err


# Against people


def test_the_distance_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    one, other = np.round(rng.normal(size=300), 1), np.round(rng.normal(0.3, 1.2, 200), 1)
    assert distance(one, other) == pytest.approx(ks_2samp(one, other).statistic)
    assert distance(one, one) == 0.0


LIMITS = {"speed": 0.12, "moved_5": 0.18, "moved_45": 0.18, "x": 0.15, "y": 0.18, "apart": 0.15}


def test_the_levy_walk_moves_as_people_do_whom_it_was_not_fitted_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not KAIST.is_dir():
        pytest.skip("needs the KAIST traces; set TOOLKIT_DATA to the folder above kaist/")
    real = measured(walks(traces=str(KAIST), part="test"), seed=0, episodes=60)
    found = {m: compared(real, measured(walks(m), seed=1, episodes=60)) for m in MODELS}
    with capsys.disabled():
        for name, value in found["levy"].items():
            print(f"\n{name:>9}: {value:.3f} (at most {LIMITS[name]})", end="")
    for name, most in LIMITS.items():
        assert found["levy"][name] <= most, name
    for name in ("speed", "moved_5", "moved_45", "x"):
        for other in ("waypoint", "gauss_markov"):
            assert found["levy"][name] < found[other][name] / 2, (name, other)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"part": "test"}, "name a folder with --traces"),
        ({"model": "waypoint", "traces": "somewhere"}, "give one of them"),
    ],
)
def test_what_would_not_be_used_is_refused(asked: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        walks(**asked)
