"""Queues of double offloading: the simulator against one in SimPy, generator, limits, solvers."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import simpy

import toolkit
from toolkit import problems
from toolkit.bench.__main__ import main
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems._check import every_number_of_the_data_matters
from toolkit.problems._check.base import verdict
from toolkit.problems.a3c import A3c, law
from toolkit.problems.a3c.queues import Tables

EPISODES = 100  # of each case


class Processor:
    """A device or a server in SimPy: what has come waits, the foremost is served to the end."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env, self.waiting, self.called = env, [], env.event()
        env.process(self.serve())

    def come(self, at, key, takes, done):
        yield self.env.timeout(at)
        self.waiting.append((*key, takes, done))
        if not self.called.triggered:
            self.called.succeed()

    def serve(self):
        while True:
            if not self.waiting:
                self.called = self.env.event()
                yield self.called
            yield self.env.timeout(0)  # all that come at this very moment have come
            self.waiting.sort(key=lambda task: task[:3])
            *_, takes, done = self.waiting.pop(0)
            yield self.env.timeout(takes)
            done(self.env.now)


def simulated(data, target):
    """When the tasks of an episode are done, (slots, users), NaN where there is none."""
    env = simpy.Environment()
    devices = [Processor(env) for _ in data["cpu"]]
    servers = [Processor(env) for _ in data["server_cpu"]]
    done = np.full(target.shape, np.nan)
    for number, (t, i) in enumerate(np.ndindex(*target.shape)):
        if not data["has"][t, i]:
            continue
        note = lambda now, where=(t, i): done.__setitem__(where, now)  # noqa: E731
        start, cycles = float(t * data["slot"]), float(data["cycles"][t, i])
        if target[t, i] == 0:
            takes = cycles / float(data["cpu"][i])
            env.process(devices[i].come(start, (0, start, number), takes, note))
            continue
        s, foreign = int(target[t, i]) - 1, target[t, i] - 1 != data["region"][i]
        at = start + float(data["bits"][t, i] / data["rate"][i])
        at += float(data["forward_delay"]) * bool(foreign)
        rank = int(foreign) if data["own_first"] else 0
        takes = cycles / float(data["server_cpu"][s])
        env.process(servers[s].come(at, (rank, at, number), takes, note))
    env.run()
    return done


def cost(data, target, done):
    """(delay, energy, late) of tasks that are done then."""
    t, i = np.nonzero(data["has"])
    took = done[t, i] - t * data["slot"]
    local = data["kappa"] * data["cycles"][t, i] * data["cpu"][i] ** 2
    sent = data["send_power"] * data["bits"][t, i] / data["rate"][i]
    energy = np.where(target[t, i] == 0, local, sent)
    return took.sum(), energy.sum(), (took > data["tolerance"]).sum()


CASES = [
    {"regions": regions, "discipline": discipline, "forward_delay": delay, **more}
    for regions, more in (
        ((3, 2), {"density": 0.9}),
        # tasks that overtake each other on their way, and servers that are never idle
        ((3, 0, 2, 1), {"density": 0.7, "bandwidth": 1e6, "server_cpu": 1e9}),
        # whole quarters of a second: everything happens at the same time
        ((2, 1, 1), {"quantum": 0.25, "spread": 0.0, "server_cpu": 1.5e9, "density": 0.95}),
    )
    for discipline in ("fcfs", "own-first")
    for delay in (0.0, 0.25)
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_simulator_equals_one_in_simpy(case):
    """1,200 episodes in all, each task's completion and the sums, to 1e-9."""
    problem = A3c(slots=6, **case)
    rng = rng_for("simpy", str(case))
    data = problem.sample(rng, (EPISODES,))
    target = problem.space(data).sample(rng, (EPISODES,))["target"]
    _, done = Tables.of(data).play(target, times=True)
    found = problem.evaluate(data, {"target": target})
    for k in range(EPISODES):
        one = {key: value[k] for key, value in data.items()}
        expected = simulated(one, target[k])
        np.testing.assert_allclose(done[k], expected, rtol=0, atol=1e-9)
        delay, energy, late = cost(one, target[k], expected)
        assert found.terms["delay"][k] == pytest.approx(delay, abs=1e-9)
        assert found.terms["energy"][k] == pytest.approx(energy, abs=1e-9)
        assert found.terms["late"][k] == late
        assert found.objective[k] == pytest.approx((delay + energy) / 2, abs=1e-9)


def queue_of(arrivals, own_first):
    """An episode of single slots: tasks (slot, device) of one second's work on servers of 1 Hz."""
    has = np.zeros((6, 3))
    for t, i in arrivals:
        has[t, i] = 1
    ones = np.ones(3)
    scalars = {"slot": 0.25, "send_power": 1.0, "kappa": 1.0, "weight_delay": 1.0}
    return {
        "has": has,
        "bits": 0.5 * has,
        "cycles": has,
        "rate": ones,
        "region": np.array([0.0, 0.0, 1.0]),
        "cpu": ones,
        "server_cpu": np.ones(2),
        **{key: np.array(value) for key, value in scalars.items()},
        "weight_energy": np.array(0.0),
        "forward_delay": np.array(0.0),
        "own_first": np.array(float(own_first)),
        "forwarding": np.array(2.0),
        "tolerance": np.array(1.6),
        "density": np.array(0.5),
    }


@pytest.mark.parametrize(
    ("own_first", "second", "third"), [(False, 2.5, 3.5), (True, 3.5, 2.5)], ids=["fcfs", "own"]
)
def test_an_own_task_passes_one_that_was_sent_on(own_first, second, third):
    """Three of one second's work at server 1: own, sent on at 0.25 s, own at 0.5 s; sent 0.5 s."""
    data = queue_of([(0, 0), (1, 2), (2, 1)], own_first)
    target = data["has"]
    _, done = Tables.of(data).play(target, times=True)
    assert [done[0, 0], done[1, 2], done[2, 1]] == [1.5, second, third]
    found = A3c(regions=(2, 1)).evaluate(data, {"target": target})
    assert found.objective == pytest.approx(1.5 + 2.5 + 3.5 - 0.75)
    assert found.terms["late"] == 2  # the first takes 1.5 s


def test_at_the_same_moment_a_free_server_takes_its_own():
    """Device 0, of the other region, has the lower number and waits all the same."""
    data = queue_of([(0, 0), (0, 2)], own_first=True)
    data["region"] = np.array([1.0, 1.0, 0.0])
    _, done = Tables.of(data).play(data["has"], times=True)
    assert (done[0, 2], done[0, 0]) == (1.5, 2.5)
    data["own_first"] = np.array(0.0)
    _, done = Tables.of(data).play(data["has"], times=True)
    assert (done[0, 2], done[0, 0]) == (2.5, 1.5)


def test_limits_of_forwarding():
    """Single: to the own server only; bits: a region's tasks of a slot that go, go to one."""
    data = queue_of([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)], own_first=True)
    problem, of = A3c(regions=(2, 1)), 18
    choices = {
        (1, 1, 2, 1, 0): (0, 0, 0),  # rows: target of the tasks; breaches of single, bits, double
        (2, 2, 1, 1, 1): (3, 0, 0),
        (2, 1, 1, 0, 2): (3, 1, 0),
        (1, 2, 0, 2, 1): (2, 2, 0),
    }
    for row, breaches in choices.items():
        target = np.zeros((6, 3))
        target[data["has"] > 0] = row
        for limit, expected in enumerate(breaches):
            limited = {**data, "forwarding": np.array(float(limit))}
            found = problem.judge(limited, {"target": target}).violations["forwarding"]
            assert found == pytest.approx(expected / of)


def test_enumeration_finds_what_simpy_finds():
    """All choices of small episodes, one by one in SimPy, both disciplines."""
    for discipline in ("own-first", "fcfs"):
        problem = problems.load("a3c", "tiny", discipline=discipline, density=0.5)
        for index in range(3):
            instance = problem.instance(index)
            data, places = instance.data, np.argwhere(instance.data["has"])
            least = np.inf
            for row in itertools.product(range(3), repeat=len(places)):
                target = np.zeros(data["has"].shape)
                target[tuple(places.T)] = row
                delay, energy, _ = cost(data, target, simulated(data, target))
                least = min(least, (delay + energy) / 2)
            found = toolkit.solve(problem, instance, "enumerate")
            assert found.objective == pytest.approx(least, abs=1e-9)
            assert found.gap == pytest.approx(0, abs=1e-9)


def test_generic_solvers_stay_above_the_optimum():
    """They know nothing of queues; to an episode of eight tasks most come near."""
    problem = problems.load("a3c", "tiny")
    instance = problem.instance(0)
    best = toolkit.solve(problem, instance, "enumerate")
    assert (instance.data["has"].sum(), best.status) == (8, "optimal")
    within = {"local_search": 1 + 1e-9, "random_search": 1.05, "ga_pymoo": 1.05, "greedy": 1.4}
    for name, factor in within.items():
        found = toolkit.solve(problem, instance, name, evaluations=3000)
        assert best.objective - 1e-12 <= found.objective <= factor * best.objective


def test_tables_say_how_many_tasks_there_are_and_how_many_are_late(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = ["--problem", "a3c", "--preset", "tiny", "--set", "tolerance=1.5", "--instances", "1"]
    for report in ([], ["--report", "page"]):  # as it ends, and from the store
        assert main([*flags, "--solvers", "local_only", *report]) == 0
        out = capsys.readouterr().out
        assert "4 users, 8 tasks in 2 slots · minimise" in out
        assert "objective = sum over tasks" in out
        heads = [line.split()[-1] for line in out.splitlines()[1:3]]
        problem = problems.load("a3c", "tiny", tolerance=1.5)
        data = problem.instance().data
        late = problem.evaluate(data, {"target": np.zeros((2, 4))}).terms["late"]
        row = next(line for line in out.splitlines() if line.startswith("local_only"))
        assert (heads, float(row.split()[-1])) == (["tasks", "late"], late)
        assert late > 0
    assert "8 tasks in 2 slots" in (tmp_path / "page/index.html").read_text()


def test_the_ranking_keeps_to_the_limits_of_forwarding():
    """… and `local_search` goes on from it."""
    for preset in ("single", "bits", "clean"):
        problem = problems.load("a3c", preset, slots=8)
        instance = problem.instance(0)
        judged = problem.evaluate(instance.data, problem.ranking(instance.data))
        assert judged.feasible().all()
        found = toolkit.solve(problem, instance, "local_search", evaluations=5000)
        assert found.status == "feasible"
        assert found.objective < judged.objective.min()


def test_costs_are_those_of_the_trial():
    """All local and all own, cost of a task at four densities, within the trial's errors."""
    trial = {"local": (1.223, 1.652, 2.468, 3.685), "own": (0.491, 0.636, 1.732, 3.533)}
    for kind, expected in trial.items():
        for density, value in zip((0.3, 0.5, 0.7, 0.9), expected, strict=True):
            problem = problems.load("a3c", density=density)
            data = problem.sample(rng_for("table"), (300,))
            target = data["has"] * (data["region"] + 1)[:, None] * (kind == "own")
            judged = problem.evaluate(data, {"target": target})
            mean = (judged.objective / data["has"].sum((-2, -1))).mean()
            assert mean == pytest.approx(value, abs=0.15 if density > 0.6 else 0.08)


def test_a_denser_episode_has_the_tasks_of_a_thinner_one():
    thin, dense = (problems.load("a3c", density=density) for density in (0.4, 0.8))
    few, many = (p.instance(3, dice=thin).data for p in (thin, dense))
    assert few["has"].sum() < many["has"].sum()
    for key in ("bits", "cycles"):
        np.testing.assert_array_equal(few[key], many[key] * few["has"])
    assert (few["density"], many["density"]) == (0.4, 0.8)


def test_densities_of_episodes_may_differ():
    data = A3c(density=0.3, density_to=0.95).sample(rng_for("densities"), (400,))
    found = data["has"].mean((-2, -1))
    assert 0.3 <= data["density"].min() < 0.35 < 0.9 < data["density"].max() <= 0.95
    assert np.corrcoef(found, data["density"])[0, 1] > 0.95


def test_devices_send_within_a_slot():
    """Rates of 66 to 113 Mbit/s: whoever sends is done before the next slot."""
    problem = A3c(regions=(40, 20), n_users=600)
    data = problem.sample(rng_for("rates"))
    assert 66e6 < data["rate"].min() < 70e6
    assert 105e6 < data["rate"].max() < 114e6
    assert (data["bits"] / data["rate"]).max() < data["slot"]
    assert np.bincount(data["region"].astype(int)).tolist() == [400, 200]
    assert [(data["cpu"] == f).sum() for f in (0.5e9, 0.8e9, 1e9)] == [200, 200, 200]


def test_the_lattice_case_takes_whole_quarters():
    data = problems.load("a3c", "lattice", density=1.0).instance().data
    assert (data["bits"] / data["rate"] == 0.5).all()
    assert (data["cycles"] / data["cpu"] == 1.5).all()
    assert (data["cycles"][..., None] / data["server_cpu"] == 0.75).all()


def test_regions_are_numbers_of_devices_or_proportions():
    assert A3c(regions=(7, 1)).n_users == 8
    assert law.regions_of(8, (6, 2)).tolist() == [0] * 6 + [1] * 2
    assert law.regions_of(16, (6, 2)).tolist() == [0] * 12 + [1] * 4
    assert law.regions_of(3, (6, 2)).tolist() == [0, 0, 1]
    assert law.regions_of(2, (0, 3, 1)).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"regions": []}, "give the devices of each server"),
        ({"regions": [6, -2]}, "give the devices of each server"),
        ({"regions": [0, 0]}, "give the devices of each server"),
        ({"regions": [1.5]}, "give the devices of each server"),
        ({"n_users": -1}, "at least 1"),
        ({"cpus": [1e9, 0]}, "give positive numbers"),
        ({"cpus": []}, "give positive numbers"),
        ({"discipline": "lifo"}, "own-first or fcfs"),
        ({"forwarding": "triple"}, "single or bits or double"),
        ({"slots": 0}, "give 1 to"),
        ({"density": float("nan")}, "from 0 to 1"),
        ({"density": 1.5}, "from 0 to 1"),
        ({"spread": 1.0}, "below 1"),
        ({"near": 200.0}, "at most far"),
        ({"topology": -1}, "it is a seed"),
        ({"server_cpu": 0.0}, "positive number"),
        ({"forward_delay": -0.1}, "0 or a positive number"),
        ({"kappa": float("inf")}, "0 or a positive number"),
    ],
)
def test_wrong_parameters_are_refused_in_a_sentence(params, says):
    with pytest.raises(UserError, match=says):
        problems.load("a3c", **params)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("own_first", 2.0, "whole numbers from 0 to 1"),
        ("forwarding", 0.5, "whole numbers from 0 to 2"),
        ("region", 2.0, "whole numbers from 0 to 1"),
        ("has", 1.0, "positive where a task comes"),
        ("cycles", 1.0, "positive where a task comes"),
        ("density", 1.5, "from 0 to 1"),
    ],
)
def test_wrong_data_are_refused_in_a_sentence(key, value, says):
    problem = A3c()
    data = dict(problem.instance().data)
    data[key] = np.full(data[key].shape, value)
    with pytest.raises(UserError, match=says):
        problem.admit(Instance("a3c", 0, data, problem.params, "mine"))


def test_decisions_for_each_of_several_episodes():
    """Rows of decisions (3,) for episodes (4,): as each pair alone, completions too."""
    problem = A3c(regions=(2, 1), slots=5, forward_delay=0.2)
    data = problem.sample(rng_for("episodes"), (4,))
    target = problem.space(data).sample(rng_for("rows"), (3, 4))["target"]
    found, done = Tables.of(data).play(target, times=True)
    assert (found.shape, done.shape) == ((3, 4, 4), (3, 4, 5, 3))
    for k in range(4):
        one = Tables.of({key: value[k] for key, value in data.items()})
        alone, times = one.play(target[:, k], times=True)
        np.testing.assert_array_equal(found[:, k], alone)
        np.testing.assert_array_equal(done[:, k], times)


@pytest.mark.parametrize(
    ("key", "context", "says"),
    [("kappa", True, "'kappa' is context"), ("density", False, "'density' changes nothing")],
)
def test_the_suite_sees_what_is_context(monkeypatch, key, context, says):
    """A price that depends on it is found; so is a number that nothing reads and is none."""
    fields = {**A3c.fields, key: replace(A3c.fields[key], context=context)}
    monkeypatch.setattr(A3c, "fields", fields)
    assert says in verdict(every_number_of_the_data_matters, problems.load("a3c", "tiny"))
