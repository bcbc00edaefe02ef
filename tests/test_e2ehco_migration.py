"""E2EHCO's requests: the published state machine's totals, its bug, and the ceilings."""

import os
from pathlib import Path

import numpy as np
import pytest

from toolkit import problems
from toolkit.errors import UserError
from toolkit.instances import rng_for
from toolkit.instances.mobility import HIGH, LOW
from toolkit.problems.e2ehco_migration import policies
from toolkit.problems.e2ehco_migration.machine import first_servers, upload_rates

VARIANTS = ("repaired", "as-published")


def load(preset="repaired", **changes):
    return problems.load("e2ehco_migration", preset, **changes)


def total(problem, data, decision):
    return float(problem.evaluate(data, decision).objective)


@pytest.fixture(scope="session")
def kaist():
    folder = Path(os.environ.get("TOOLKIT_DATA", "")) / "kaist"
    if not (os.environ.get("TOOLKIT_DATA") and folder.is_dir()):
        pytest.skip("needs the KAIST traces: TOOLKIT_DATA=FOLDER with kaist/*.txt")
    return str(folder)


# --- the state machine


def one_user(frames, **changes):
    """A user at the first of two servers, 100 m apart."""
    problem = load(n_users=1, n_servers=2, seconds=frames, **changes)
    data = problem.data_of(np.zeros((frames, 1, 2)))
    data["site"] = np.array([[0.0, 0.0], [100.0, 0.0]])
    return problem, data


def played(frames, targets, cpu=2e6, bandwidth=0.0, **changes):
    """Completions when a user names these servers, the last one for good."""
    problem, data = one_user(frames, **changes)
    target = np.array([*targets, *[targets[-1]] * (frames - len(targets))], float)[:frames, None]
    decision = {
        "cpu": np.full((frames, 1), cpu),
        "bandwidth": np.full((frames, 1), bandwidth),
        "target": target,
    }
    return total(problem, data, decision)


def test_a_cycle_takes_four_seconds():
    """The first request connects in second 0, so that it is completed in second 4."""
    assert [played(frames, [1]) for frames in (1, 4, 5, 8, 9, 3000)] == [0, 0, 1, 1, 2, 749]


@pytest.mark.parametrize(("cpu", "seconds"), [(1.08e6, 4), (6e5, 5), (5.4e5, 5), (3e5, 7)])
def test_less_cpu_takes_as_many_seconds_more(cpu, seconds):
    """2 + ceil(upload / rate) + ceil(1.08e6 / R), uploads within one."""
    assert played(1 + 20 * seconds, [1], cpu=cpu) == 20
    assert played(20 * seconds, [1], cpu=cpu) == 19


def test_slow_uploads_take_as_many_seconds_more():
    problem, data = one_user(101, uplink=2e3)
    rate = upload_rates(data)[0, 0, 0]
    seconds = 3 + int(np.ceil(2.7e5 / rate))
    assert seconds > 4
    found = total(problem, data, policies.stay(data))
    assert found == 100 // seconds


def test_a_whole_server_is_not_given_out():
    """The published comparison is strict: who asks for all of it gets nothing."""
    assert played(21, [1], cpu=6.3e7) == 0
    assert played(21, [1], cpu=6.29e7) == 5


def test_migrating_completes_a_request_in_the_published_code():
    """Named another server in second 0, done in second 1; repaired, it never is."""
    assert played(2, [2, 1], unserved=0.0) == 1
    assert played(3000, [2, 1]) == 0


def test_a_request_arrives_where_it_migrates_and_goes_on():
    """Two seconds of a full link, arrival in the third, then upload and the rest."""
    frames = 12
    problem, data = one_user(frames)
    decision = policies.stay(data)
    decision["target"][:] = 2.0
    decision["bandwidth"][:] = 1e9
    for seconds, completed in ((6, 0), (7, 1), (10, 1), (11, 2)):
        cut = {key: value[:seconds] for key, value in decision.items()}
        part = {**data, "position": data["position"][:seconds]}
        assert total(problem, part, cut) == completed


def test_nothing_goes_back_over_a_link_but_at_no_rate():
    """From the second server to the first the published table has 0."""
    problem, data = one_user(40)
    data["position"] = data["position"] + (100.0, 0.0)
    assert list(first_servers(data)) == [1]
    decision = policies.stay(data)
    decision["target"][:] = 1.0
    decision["bandwidth"][:] = 1e9
    assert total(problem, data, decision) == 9
    decision["bandwidth"][:] = 0.0
    assert total(problem, data, decision) == 0  # it starts, and never arrives


def test_a_request_without_a_place_is_asked_anew_elsewhere():
    """Two users, one place: the other waits for five seconds and then names another server."""
    problem = load(n_users=2, n_servers=2, seconds=30, limit=1.0)
    data = problem.data_of(np.zeros((30, 2, 2)))
    data["site"] = np.array([[0.0, 0.0], [100.0, 0.0]])
    assert list(first_servers(data)) == [0, 1]
    decision = policies.stay(data)
    assert total(problem, data, decision) == 14
    data["site"] = np.array([[0.0, 0.0], [0.0, 0.0]])
    one = {**data, "limit": np.array(0.5)}
    assert total(problem, one, decision) == 0


# --- totals of the published code


@pytest.mark.parametrize("users", [10, 20, 40])
def test_staying_reaches_the_ceiling_of_the_repaired_code(users):
    """7,490, 14,980 and 29,960 requests in 3,000 s: 749 a user."""
    problem = load(n_users=users)
    data = problem.instance(0).data
    assert total(problem, data, policies.stay(data)) == 749 * users
    assert policies.ceiling(data) == 749 * users
    slow = {**policies.stay(data), "cpu": np.full((3000, users), 6e5)}
    assert total(problem, data, slow) == 599 * users


@pytest.mark.parametrize("users", [10, 20, 40])
def test_toggling_reaches_the_ceiling_of_the_published_code(users):
    """1,500 a user, one request in two seconds, within 0.1 %: twice what serving them gives."""
    problem = load("as-published", n_users=users)
    data = problem.instance(0).data
    assert policies.ceiling(data) == 1500 * users
    found = total(problem, data, policies.toggle(data))
    assert 0.999 * 1500 * users <= found <= 1500 * users
    assert total(problem, data, policies.stay(data)) == 749 * users


@pytest.mark.parametrize(("users", "measured"), [(10, 11_728), (20, 23_120), (40, 40_541)])
def test_the_random_policy_is_worth_what_was_measured(kaist, users, measured):
    """The published exploration noise, clipped normal rates and any server, within 1.5 %.

    Migrating counts; repaired, next to nothing is completed.
    """
    problem = load("as-published", n_users=users, traces=kaist)
    data, rng = problem.instance(0).data, np.random.default_rng(0)
    cpu, bandwidth = np.clip(rng.standard_normal((2, 3000, users)), 0, 1)
    target = rng.integers(1, 11, (3000, users)).astype(float)
    decision = {"cpu": cpu * 6.3e7, "bandwidth": bandwidth * 1e9, "target": target}
    assert total(problem, data, decision) == pytest.approx(measured, rel=0.015)
    repaired = {**data, "unserved": np.array(1e12)}
    assert total(problem, repaired, decision) <= 5


@pytest.mark.parametrize("seed", range(12))
def test_no_decision_exceeds_the_ceiling(seed):
    """Random ones, staying and toggling, on small cases of all kinds."""
    rng = np.random.default_rng(seed)
    problem = load(
        ("tiny", *VARIANTS)[seed % 3],
        n_users=int(rng.integers(1, 6)),
        n_servers=int(rng.integers(1, 4)),
        seconds=int(rng.integers(1, 60)),
        limit=float(rng.integers(1, 4)),
    )
    data = problem.instance(seed).data
    most = policies.ceiling(data)
    drawn = problem.space(data).sample(rng, (40,))
    assert problem.evaluate(data, drawn).objective.max() <= most
    for policy in (policies.stay, policies.toggle):
        assert total(problem, data, policy(data)) <= most


def test_episodes_follow_distinct_traces(kaist):
    problem = load(traces=kaist, n_users=12, seconds=90)
    where = problem.instance(0).data["position"].reshape(3, 30, 12, 2)
    assert np.all(where == where[:, :1])
    assert np.any(where[0] != where[1])
    assert problem.sites().shape == (10, 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n_servers": 0}, "positive"),
        ({"link_back": -1.0}, "0 or a positive"),
        ({"seconds": 0}, "seconds"),
        ({"placement": "line"}, "groups or grid"),
    ],
)
def test_fields_that_make_no_sense_are_refused(change, said):
    with pytest.raises(UserError, match=said):
        load(**change)


# --- out of reach


def test_a_request_out_of_reach_is_lost():
    """Where the user stands from second 6 on, the server is out of reach; what is done is done."""
    problem, data = one_user(20, radius=50.0)
    data["position"][6:] = (0.0, 60.0)
    assert total(problem, data, policies.stay(data)) == 1
    data["position"][4:] = (0.0, 60.0)
    assert total(problem, data, policies.stay(data)) == 1  # it was downloaded in second 3
    data["position"][3:] = (0.0, 60.0)
    assert total(problem, data, policies.stay(data)) == 0


def test_uploads_go_in_whole_blocks():
    _, data = one_user(1, block=1e5)
    rate = upload_rates(data)[0, 0]
    assert np.all(rate % 1e5 == 0)
    exact = upload_rates({**data, "block": np.array(0.0)})[0, 0]
    assert np.all((rate <= exact) & (exact < rate + 1e5))


# --- where servers are, and what is asked of them


def test_a_grid_has_a_server_amid_every_cell():
    sites = load(placement="grid", n_servers=9).sites()
    assert len(np.unique(sites.round(6), axis=0)) == 9
    assert np.allclose(sites.mean(axis=0), (LOW + HIGH) / 2)
    for servers in (1, 2, 3, 5, 7):
        sites = load(placement="grid", n_servers=servers).sites()
        assert sites.shape == (servers, 2)
        assert np.all((sites > LOW) & (sites < HIGH))


def test_repaired_decisions_ask_for_no_more_than_there_is():
    """… of any server in any second by those who name it; what fits is left as it is."""
    problem = load("hardened-tiny", n_users=6)
    data = problem.instance(0).data
    raw = problem.space(data).sample(np.random.default_rng(0), (20,))
    fixed = problem.repair(data, raw)
    for server in (1.0, 2.0):
        named = raw["target"] == server
        for name, most in (("cpu", data["server_cpu"]), ("bandwidth", data["link"])):
            asked, given = ((named * d[name]).sum(-1) for d in (raw, fixed))
            assert np.all(given <= most * (1 + 1e-12))
            fits = asked < 0.999 * most
            assert fits.any()
            assert np.all(given[fits] == asked[fits])
            assert np.allclose(given[~fits], most, rtol=2e-3)


def test_rules_are_those_of_the_policies_and_take_batches():
    problem = problems.load("e2ehco_migration", "hardened-tiny")
    data = problem.sample(np.random.default_rng(0), (2,))
    for rule in problem.rules:
        found = problem.follow(data, rule, np.random.default_rng(0))
        judged = problem.evaluate(data, found)
        assert judged.objective.shape == (2,), rule
        assert (judged.violation <= 1e-6).all(), rule
    one = {key: value[1] for key, value in data.items()}
    last = problem.follow(one, "plan", np.random.default_rng(0))
    np.testing.assert_array_equal(found["target"][1], last["target"])


def test_a_server_that_is_none_is_the_nearest_number():
    """It violates the domain; the machine once went by it into memory that was not its own."""
    problem = problems.load("e2ehco_migration", "tiny")
    data = problem.instance(0).data
    point = problem.space(data).sample(rng_for("none"))
    servers = len(data["site"])
    for wrong, legal in ((-1e6, 1), (0, 1), (servers + 1, servers), (1e6, servers), (np.nan, 1)):
        moved, near = point["target"].copy(), point["target"].copy()
        moved[::3], near[::3] = wrong, legal
        judged = problem.evaluate(data, {**point, "target": moved})
        assert not judged.feasible()
        assert judged.objective == problem.evaluate(data, {**point, "target": near}).objective
