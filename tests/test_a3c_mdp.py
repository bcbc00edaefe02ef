"""Double offloading on a lattice of times: the best policy that does not see the future."""

from dataclasses import replace

import numpy as np
import pytest

import toolkit
from toolkit import problems
from toolkit.errors import UserError
from toolkit.instances import rng_for
from toolkit.problems.a3c import A3c, lattice
from toolkit.problems.a3c.lattice import Lattice

KINDS = ("double", "single", "bits")
# times in quarters of a slot: 2 to send, 6 on a device, 3 on a server, as in the preset
BASE = {key: value for key, value in A3c.presets["lattice"].items() if key != "regions"}
# a server that takes longer than a slot: waiting is a choice to be made
SLOW = {**BASE, "server_cpu": 4e9 / 5, "kappa": 2.2e-27}


def small(**params):
    return A3c(**{**SLOW, "regions": (1, 1), "slots": 12, **params})


def first(problem):
    """What every episode of a problem shares."""
    return Lattice.of(next(d for d in map(problem.instance, range(9)) if d.data["has"].any()).data)


def expectimin(problem, density):
    """The least expected cost over all policies, from `judge` alone: every sequence of tasks and
    decisions is judged, then decisions are minimised and tasks averaged, from the last slot on."""
    some = first(problem)
    devices, servers = len(some.local), len(some.server)
    data = problem.sample(rng_for("any"))
    moves = []  # of one slot: (who has tasks, where they go)
    for pattern in range(2**devices):
        has = pattern >> np.arange(devices) & 1
        for code in range((servers + 1) ** devices):
            target = code // (servers + 1) ** np.arange(devices) % (servers + 1)
            if not (target[has == 0]).any():
                moves.append((pattern, has, target))
    each = np.indices((len(moves),) * problem.slots).reshape(problem.slots, -1).T
    has, target = (np.array([move[k] for move in moves], float)[each] for k in (1, 2))
    rows = {key: np.broadcast_to(v, (len(each), *np.shape(v))) for key, v in data.items()}
    rows |= {"has": has, "bits": has * problem.bits, "cycles": has * problem.cycles}
    found = problem.evaluate(rows, {"target": target})
    cost = np.where(found.feasible(), found.objective, np.inf)
    pattern = np.array([move[0] for move in moves])
    chance = density ** np.bitwise_count(pattern) * (1 - density) ** (
        devices - np.bitwise_count(pattern)
    )
    starts = np.flatnonzero(np.diff(pattern, prepend=-1))
    for _ in range(problem.slots):
        best = np.minimum.reduceat(cost.reshape(-1, len(moves)), starts, axis=-1)
        cost = (best * chance[starts]).sum(-1)
    return float(cost[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("regions", "slots"), [((1, 1), 3), ((2, 1), 2), ((1, 0, 1), 2)])
def test_no_policy_costs_less_by_any_other_count(kind, regions, slots):
    """Value iteration against all policies of short episodes, each judged."""
    for density in (0.4, 0.8):
        problem = small(regions=regions, slots=slots, forwarding=kind, density=density)
        expected = expectimin(problem, density)
        assert first(problem).plan().cost == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_playing_it_costs_what_is_expected(kind):
    """Within three standard errors; all its decisions are allowed."""
    problem = small(regions=(2, 1), slots=8, forwarding=kind, density=0.8, cpus=(1e9,))
    data = problem.sample(rng_for("play", kind), (4000,))
    found = problem.evaluate(data, problem.follow(data, "mdp", rng_for(0)))
    assert found.feasible().all()
    error = found.objective.std() / np.sqrt(4000)
    assert abs(found.objective.mean() - lattice.planned(first(problem)).cost) < 3 * error


def test_each_episode_costs_what_the_recursion_says():
    """With all tasks known the recursion's value is the judge's cost of its decision."""
    for kind in KINDS:
        problem = small(density=0.9, forwarding=kind)
        for index in range(5):
            data = problem.instance(index).data
            value, decision = lattice.in_hindsight(data)
            found = problem.evaluate(data, decision)
            assert found.feasible()
            assert found.objective == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_in_hindsight_equals_enumeration(kind):
    problem = small(regions=(2, 1), slots=4, density=0.6, forwarding=kind)
    for index in range(4):
        instance = problem.instance(index)
        assert 0 < instance.data["has"].sum() <= 10
        value, _ = lattice.in_hindsight(instance.data)
        found = toolkit.solve(problem, instance, "enumerate")
        assert found.objective == pytest.approx(value, abs=1e-9)


def test_in_hindsight_equals_the_proven_optimum():
    """Of whole episodes, by `exact`, which knows nothing of lattices."""
    problem = small(regions=(2, 1), slots=8, density=0.8)
    for index in range(2):
        instance = problem.instance(index)
        value, _ = lattice.in_hindsight(instance.data)
        found = toolkit.solve(problem, instance, "exact", seconds=20)
        assert found.gap < 1e-6
        assert found.objective == pytest.approx(value, abs=1e-6)


def test_foresight_is_worth_something_and_never_harms():
    problem = small(density=0.8)
    data = problem.sample(rng_for("foresight"), (40,))
    known = problem.evaluate(data, problem.follow(data, "mdp", rng_for(0))).objective
    rows = ({key: value[k] for key, value in data.items()} for k in range(40))
    best = np.array([lattice.in_hindsight(row)[0] for row in rows])
    assert (best <= known + 1e-9).all()
    assert best.mean() < 0.999 * known.mean()


def test_no_rule_is_better():
    """On the same episodes, double against all rules and single against single ones."""
    problem = small(regions=(2, 1), density=0.8, slots=8)
    data = problem.sample(rng_for("rules"), (1500,))
    cost = {
        rule: problem.evaluate(data, problem.follow(data, rule, rng_for(rule))).objective
        for rule in problem.rules
    }
    for rule, value in cost.items():
        best = "mdp-single" if rule.endswith("-single") or rule in ("own", "local") else "mdp"
        more = value - cost[best]
        assert more.mean() >= -3 * more.std() / np.sqrt(len(more)), rule
    assert cost["mdp"].mean() < cost["mdp-single"].mean()


def test_it_does_not_peek():
    """What comes from slot 4 on changes nothing before."""
    problem = small(density=0.7)
    data = problem.sample(rng_for("peek"), (50,))
    other = {key: value.copy() for key, value in data.items()}
    for key in ("has", "bits", "cycles"):
        other[key][:, 4:] = data[key][::-1, 4:]
    a, b = (problem.follow(d, "mdp", rng_for(0))["target"] for d in (data, other))
    np.testing.assert_array_equal(a[:, :4], b[:, :4])
    assert (a[:, 4:] != b[:, 4:]).any()


def test_longer_queues_gain_nothing():
    """Where the state space ends no policy that pays would go."""
    some = first(small(density=0.9))
    longer = replace(some, device_room=5.0, server_room=6.0)
    assert longer.states > 4 * some.states
    assert longer.plan().cost == pytest.approx(some.plan().cost, abs=1e-9)


def test_queues_carry_over_where_servers_are_slow():
    """Of the preset: longer queues gain nothing, tasks wait for those of earlier slots, and rules
    that do not plan are worse by several per cent."""
    problem = problems.load("a3c", "lattice-slow", density=0.5)
    some = first(problem)
    assert some.states == 43_264
    plan = lattice.planned(some)
    longer = replace(some, device_room=3.5, server_room=4.5).plan()
    assert longer.cost == pytest.approx(plan.cost, abs=1e-9)
    data = problem.sample(rng_for("slow"), (400,))
    cost = {
        rule: problem.evaluate(data, problem.follow(data, rule, rng_for(rule))).objective.mean()
        for rule in ("mdp", "greedy", "drift")
    }
    assert min(cost["greedy"], cost["drift"]) > 1.02 * cost["mdp"]
    target = problem.follow(data, "mdp", rng_for(0))["target"]
    sent = (target[:, :-1, :, None] == [1, 2]).any(2)  # (episodes, slots, servers)
    assert (sent[:, 1:] & sent[:, :-1]).any(-1).mean() > 0.3  # 1.25 slots each: the later one waits


def test_devices_that_are_done_within_a_slot_have_no_queues():
    """Hence no states; with these gone the recursion still finds what enumeration finds."""
    mixed = small(regions=(2, 1), slots=2, cpus=(1e9, 2e9, 5e8), density=0.8)
    some = first(mixed)
    assert sorted(some.local) == [2, 4, 8]
    assert sorted(some.sizes[0].tolist()) == [1, 1, 13]
    assert some.plan().cost == pytest.approx(expectimin(mixed, 0.8), abs=1e-9)


def test_episodes_of_a_batch_may_differ_and_be_empty():
    problem = small(slots=4)
    both = [small(slots=4, density=d).sample(rng_for("batch"), (30,)) for d in (0.02, 0.9)]
    data = {key: np.stack([part[key] for part in both]) for key in both[0]}
    found = problem.follow(data, "mdp", rng_for(0))["target"]
    assert found.shape == (2, 30, 4, 2)
    assert not data["has"].any((-2, -1)).all()
    for part, target in zip(both, found, strict=True):
        np.testing.assert_array_equal(problem.follow(part, "mdp", rng_for(0))["target"], target)


def test_certain_tasks_are_planned_for():
    problem = small(density=1.0, slots=6)
    data = problem.instance().data
    cost = problem.evaluate(data, problem.follow(data, "mdp", rng_for(0))).objective
    assert cost == pytest.approx(lattice.in_hindsight(data)[0], abs=1e-9)


def test_tasks_that_the_density_rules_out_are_said_to_be_too_many():
    data = dict(small(density=1.0, cpus=(4e8,), server_cpu=1e9 / 3, slots=30).instance().data)
    data["density"] = np.array(0.0)
    with pytest.raises(UserError, match="the density rules out"):
        lattice.follow(data, "mdp")


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"discipline": "own-first"}, "first come, first served"),
        ({"forward_delay": 0.25}, "no delay between servers"),
        ({"spread": 0.5}, "all tasks alike"),
        ({"quantum": 0.0, "server_cpu": 1.234567e9}, "whole multiples of a quantum"),
        ({"bits": 2e8}, "before the next slot"),
        ({"regions": (8, 8)}, "take fewer devices"),
        ({"density": 0.0}, "at least one task"),
        ({"regions": (1, 0), "cpus": (1e8,), "server_cpu": 1e8, "density": 1.0}, "have room for"),
    ],
)
def test_other_episodes_are_refused_in_a_sentence(params, says):
    with pytest.raises(UserError, match=says):
        Lattice.of(small(**params).instance().data).plan()


def test_only_lattices_have_the_rule():
    assert {"mdp", "mdp-single"} <= set(problems.load("a3c", "lattice").rules)
    problem = problems.load("a3c")
    assert not {"mdp", "mdp-single"} & set(problem.rules)
    with pytest.raises(UserError, match="No rule of 'a3c' is called 'mdp'"):
        toolkit.solve(problem, problem.instance(), "rule[rule=mdp]")
    with pytest.raises(UserError, match="on a lattice"):
        problem.follow(problem.instance().data, "mdp", rng_for(0))


def test_the_solver_plays_it():
    problem = small()
    instance = problem.instance()
    found = toolkit.solve(problem, instance, "rule[rule=mdp]")
    target = problem.follow(instance.data, "mdp", rng_for(0))["target"]
    np.testing.assert_array_equal(found.decision["target"], target)


# the design's table: the least expected cost of a task, double and single
TABLE = {0.5: (0.6849, 0.7197), 0.7: (0.7184, 0.7476), 0.9: (0.7630, 0.7755)}


@pytest.mark.slow
@pytest.mark.parametrize("density", TABLE)
def test_the_whole_lattice_costs_what_the_trial_found(density):
    for kind, expected in zip(("double", "single"), TABLE[density], strict=True):
        problem = problems.load("a3c", "lattice", density=density, forwarding=kind)
        some = first(problem)
        assert some.states == 224_939
        plan = lattice.planned(some)
        assert plan.cost_per_task == pytest.approx(expected, abs=1e-4)
        data = problem.sample(rng_for("whole", kind), (2000,))
        cost = problem.evaluate(data, problem.follow(data, "mdp", rng_for(0))).objective
        assert abs(cost.mean() - plan.cost) < 3 * cost.std() / np.sqrt(2000)
