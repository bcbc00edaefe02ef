"""Genetic algorithms: what selection, crossover, mutation and elitism do, and what they find."""

from typing import Any

import numpy as np
import pytest
from searching import Toy, run, solve

from toolkit import problems, solvers
from toolkit.envs import _genetic_kernels as kernels
from toolkit.envs import _inner
from toolkit.envs._genetic import (
    WORST,
    Elitist,
    Keys,
    Published,
    cleaned,
    completed,
    evolve,
    repaired,
    uniforms,
)
from toolkit.envs._inner import genetic_slots
from toolkit.problems import Space, Var
from toolkit.problems._check.base import Bare, Broken
from toolkit.problems._check.choices import prices_are_what_completed_choices_are_worth
from toolkit.problems.dgl_slot import DglSlot
from toolkit.solvers import Budget, Stop

KINDS = ("ga_dgl", "ga_improved", "ga_mask")
LAWS = {"published": Published(), "copied": Published(copies=True), "elitist": Elitist()}
CASES = [("e2ehco", "tiny"), ("droo", "tiny"), ("cpdrl", "tiny"), ("dgl_slot", "tiny")]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def bits(users: int) -> Keys:
    return Keys(Space((Var("x", (users,), "binary"),)))


def sphere(genes: np.ndarray) -> np.ndarray:
    """A fitness of keys alone: larger keys are better."""
    return genes.sum(-1)


# --- selection


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("shift", [0.0, 1e3, -1e9])
def test_parents_are_drawn_by_the_exponential_of_fitness(temperature: float, shift: float) -> None:
    """Whatever is added to all of them: exp(1000) is no number, its ratio to exp(999) is."""
    fitness = np.array([0.0, 1.0, 2.0, -3.0])
    drawn = kernels.drawn(fitness + shift, rng().random(200_000), temperature)
    share = np.exp(fitness / temperature) / np.exp(fitness / temperature).sum()
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 200_000, share, atol=0.005)


def test_what_is_no_number_is_never_a_parent_of_others() -> None:
    """… and where nobody is a number all are equally likely."""
    fitness = cleaned(np.array([np.nan, 3.0, -np.inf, np.inf]))
    assert fitness.tolist() == [-WORST, 3.0, -WORST, WORST]
    assert set(kernels.drawn(fitness[:3], rng().random(1000), 1.0)) == {1}
    alike = kernels.drawn(cleaned(np.full(4, np.nan)), rng().random(40_000), 1.0)
    np.testing.assert_allclose(np.bincount(alike) / 40_000, 0.25, atol=0.01)


def test_the_better_of_two_wins_a_tournament() -> None:
    """Of five the best wins 9 of 25 pairs, the worst one."""
    fitness, pairs = np.array([4.0, 1.0, 5.0, 2.0, 3.0]), rng().random((100_000, 2))
    won = [kernels.tournament(fitness, *pair) for pair in pairs]
    share = np.bincount(won, minlength=5) / len(won)
    np.testing.assert_allclose(share, (2 * fitness - 1) / 25, atol=0.01)


# --- children


def test_without_crossover_and_mutation_children_are_parents() -> None:
    genes, value = rng().random((2, 30, 8)), rng(1).random((2, 30))
    still = Published(crossover=0.0, mutation=0.0)
    children, worth = still.follow(bits(8), (genes, value), sphere, rng(2))
    for row in range(2):
        known = {tuple(one) for one in genes[row]}
        assert {tuple(one) for one in children[row]} <= known
    np.testing.assert_array_equal(worth, sphere(children))


def test_crossover_and_mutation_have_their_rates() -> None:
    """A gene of a child is its parent's but for crossover / 2 and the mutation."""
    people, size = 4000, 50
    genes = np.repeat(np.arange(people)[:, None], size, axis=1)[None] / people
    dice = rng().random((1, people, 3 + 2 * size))
    children = kernels.published_children(genes, np.zeros((1, people)), dice, 0.45, 0.1, 1.0)[0]
    parent = genes[0, np.floor(dice[0, :, 0] * people).astype(int)]
    redrawn = ~np.isin(children, genes[0, :, 0])
    assert redrawn.mean() == pytest.approx(0.1, abs=0.002)
    assert children[redrawn].mean() == pytest.approx(0.5, abs=0.01)
    from_mate = (children != parent) & ~redrawn
    assert from_mate.any(axis=1).mean() == pytest.approx(0.45, abs=0.02)
    crossed = from_mate.any(axis=1)
    assert from_mate[crossed].sum() / (~redrawn)[crossed].sum() == pytest.approx(0.5, abs=0.01)


def test_a_turned_gene_has_another_value() -> None:
    """All others equally often."""
    keys, uniform = rng().random(30_000), rng(1).random(30_000)
    turned = np.array([kernels.turned(k, u, 5.0) for k, u in zip(keys, uniform, strict=True)])
    step = (np.floor(turned * 5) - np.floor(keys * 5)) % 5
    np.testing.assert_allclose(np.bincount(step.astype(int), minlength=5)[1:] / 30_000, 0.25, 0.05)
    assert not (step == 0).any()


def test_elitism_keeps_the_best_of_both() -> None:
    genes, children = rng().random((2, 30, 8)), rng(1).random((2, 30, 8))
    kept, worth = kernels.survivors(genes, sphere(genes), children, sphere(children))
    pool = np.sort(np.concatenate([sphere(genes), sphere(children)], axis=1), axis=1)
    np.testing.assert_array_equal(worth, pool[:, :-31:-1])
    np.testing.assert_array_equal(sphere(kept), worth)


def test_copies_go_first() -> None:
    """Of equals one stays, the parent; copies come back only where others are too few."""
    genes = np.array([[[0.1], [0.2], [0.3]]])
    worth = np.array([[3.0, 2.0, 2.0]])
    children, value = genes + 0.5, np.array([[3.0, 1.0, 3.0]])
    kept, left = kernels.survivors(genes, worth, children, value)
    assert left.tolist() == [[3.0, 2.0, 1.0]]
    assert kept[0, :, 0].tolist() == [0.1, 0.2, 0.7]
    alike = kernels.survivors(genes, worth * 0, children, value * 0)[0]
    np.testing.assert_array_equal(alike, genes)


@pytest.mark.parametrize("seed", range(5))
def test_elitism_never_loses(seed: int) -> None:
    problem = problems.load("e2ehco", n_users=10)
    curve = solve("ga_mask", problem, seed=seed, generations=30).details["curve"]["reward"]
    assert len(curve) == 31
    assert np.all(np.diff(curve) >= 0)


# --- starts and encodings


def test_a_copied_start_is_one_individual() -> None:
    first = Published(copies=True).start(bits(8), 3, rng())
    assert first.shape == (3, 30, 8)
    assert np.all(first == first[:, :1])
    assert len(np.unique(first)) == 24
    assert len(np.unique(Published().start(bits(8), 3, rng()))) == 3 * 30 * 8


def test_an_elitist_start_has_its_densities() -> None:
    """From a tenth to nine tenths off the lower bound, elsewhere uniform."""
    keys = Keys(Space((Var("x", (2000,), "integer", 1.0, 4.0),)))
    first = keys.read(Elitist().start(keys, 2, rng()))["x"]
    density = (first > 1).mean(axis=(0, 2))
    np.testing.assert_allclose(density, np.linspace(0.1, 0.9, 30), atol=0.03)
    values, counts = np.unique(first[first > 1], return_counts=True)
    assert values.tolist() == [2, 3, 4]
    np.testing.assert_allclose(counts / counts.sum(), 1 / 3, atol=0.01)


def test_keys_cover_a_space() -> None:
    """Bits, integers, reals with bounds of their own, and integer weights."""
    space = Space(
        (
            Var("x", (2,), "integer", -1.0, np.array([1.0, 3.0])),
            Var("y", (), "real", 2.0, 6.0),
        )
    )
    keys, genes = Keys(space, levels=4), rng().random((20_000, 3))
    seen = keys.read(genes)
    assert seen["x"].shape == (20_000, 2)
    assert np.unique(seen["x"][:, 0]).tolist() == [-1, 0, 1]
    np.testing.assert_allclose(np.bincount((seen["x"][:, 1] + 1).astype(int)) / 20_000, 0.2, 0.1)
    assert np.unique(seen["y"]).tolist() == [3, 4, 5, 6]
    np.testing.assert_array_equal(Keys(space).read(genes)["y"], 2 + 4 * genes[:, 2])
    np.testing.assert_array_equal(Keys(Space(space.vars[:1])).radix, [3, 5])


@pytest.mark.parametrize(("name", "preset"), CASES)
@pytest.mark.parametrize("coarse", [False, True])
def test_what_keys_stand_for_is_consistent(name: str, preset: str, coarse: bool) -> None:
    """For a batch of instances, each with a population; rounded shares fit their budgets too."""
    problem = problems.load(name, preset)
    data = {key: value[:, None] for key, value in problem.sample(rng(), (3,)).items()}
    for rounded in (False, True):
        keys, decide = repaired(problem, data, coarse, rounded)  # type: ignore[arg-type]
        found = decide(rng(1).random((3, 20, keys.size)))
        broken = problem.space(data).violations(found)
        assert max(np.max(value) for value in broken.values()) < 1e-12
        judged = problem.judge(data, found)
        budgets = {k: v for k, v in judged.violations.items() if k not in ("deadline", "rates")}
        assert all(np.max(value) < 1e-9 for value in budgets.values()), budgets.keys()


def test_integer_weights_are_as_published() -> None:
    """Weights 1..S+1 of the S + 1 choices, normalised over those who share a server."""
    problem = problems.load("e2ehco", "tiny")
    instance = problem.instance()
    keys, decide = repaired(problem, instance.data, coarse=True)
    found = decide(rng().random((500, keys.size)))
    share, server = found["share"], found["server"]
    for user in range(1, 4):
        both = (server[:, 0] == server[:, user]) & (server[:, 0] > 0)
        ratio = share[both, 0] / share[both, user]
        weights = np.arange(1, 4)
        assert np.abs(ratio[:, None] - (weights[:, None] / weights).ravel()).min(1).max() < 1e-12


def test_rounded_shares_are_thousandths() -> None:
    """… of which one that would be 0 is 0.01; they are scaled back only where they exceed all."""
    problem = problems.load("e2ehco", "tiny")
    data = problem.instance().data
    keys, decide = repaired(problem, data, rounded=True)
    genes = rng().random((200, keys.size))
    at = keys.size - problem.n_users
    genes[:, at] = 1e-9  # the first user's share
    found = decide(genes)
    alone = found["server"][:, 0] > 0
    shared = [(found["server"][:, :1] == found["server"]).sum(1) > 1][0] & alone
    np.testing.assert_allclose(found["share"][shared, 0], 0.01, rtol=0.011)


# --- batches


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["e2ehco", "dgl_slot"])
def test_a_batch_gives_what_each_slot_alone_gives(
    kind: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a generator a row; in one block, in several, and by the solver on each instance."""
    problem = problems.load(name, n_users=8)
    data, limits = problem.sample(rng(), (5,)), Budget()
    solve_slots = genetic_slots(problem, kind, generations=6)
    together = solve_slots(data, [rng(seed) for seed in range(5)])
    value = problem.evaluate(data, together).objective
    monkeypatch.setattr(_inner, "ENTRIES", 1)
    apart = solve_slots(data, [rng(seed) for seed in range(5)])
    for key in together:
        np.testing.assert_array_equal(together[key], apart[key])
    for row in range(5):
        instance = problem.instance()
        instance = type(instance)(
            problem=instance.problem,
            version=instance.version,
            data={key: block[row] for key, block in data.items()},
            params=instance.params,
            name=str(row),
        )
        found = run(kind, problem, instance, limits, row, generations=6)[0]
        assert found.objective == pytest.approx(value[row], rel=1e-12)


def test_the_same_generator_gives_the_same_slots() -> None:
    problem = problems.load("dgl_slot", n_users=8)
    data, solve_slots = problem.sample(rng(), (4,)), genetic_slots(problem, "ga_dgl", 4)
    one, two, other = (solve_slots(data, rng(seed))["target"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()
    assert uniforms(rng(), 3, (2,)).shape == (3, 2)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())
def test_rows_do_not_mix(law: Any) -> None:
    """What one row's fitness is does not touch another's population."""

    def spoilt(genes: np.ndarray) -> np.ndarray:
        value = sphere(genes)
        value[1] = -value[1]
        return value

    def third(fitness: Any) -> np.ndarray:
        way = evolve(law, bits(8), fitness, [rng(s) for s in range(2)], rows=2)
        return [next(way) for _ in range(4)][-1][0]

    plain, other = third(sphere), third(spoilt)
    np.testing.assert_array_equal(plain[0], other[0])
    assert (plain[1] != other[1]).any()


def test_a_population_can_go_on() -> None:
    """In the next slot, say: the start that is handed over is the first generation."""
    genes = rng().random((2, 30, 8))
    kept, value = next(evolve(Published(), bits(8), sphere, rng(), rows=2, start=genes))
    np.testing.assert_array_equal(kept, genes)
    np.testing.assert_array_equal(value, sphere(genes))


def test_an_inner_solver_has_a_known_name() -> None:
    with pytest.raises(Exception, match="did you mean 'ga_mask'"):
        genetic_slots(problems.load("e2ehco"), "ga_masks")  # type: ignore[arg-type]


# --- what comes of them


@pytest.mark.parametrize(("name", "preset"), CASES)
def test_completed_choices_find_the_optimum_of_tiny_cases(name: str, preset: str) -> None:
    problem = problems.load(name, preset)
    hits = 0
    for index in range(8):
        best = solve("enumerate", problem, index).objective
        found = solve("ga_mask", problem, index, seed=index, generations=30).objective
        assert best is not None
        hits += found == pytest.approx(best, rel=1e-9)
    assert hits >= 7


@pytest.mark.parametrize("name", ["ga_dgl", "ga_improved"])
@pytest.mark.parametrize("case", ["e2ehco", "dgl_slot"])
def test_the_published_come_near_the_optimum_of_tiny_cases(name: str, case: str) -> None:
    """The best of 100 generations, on the mean of six; never better than all choices completed."""
    problem, gaps = problems.load(case, "tiny"), []
    for index in range(6):
        best = solve("enumerate", problem, index).objective
        found = solve(name, problem, index, seed=index, generations=100, answer="best").objective
        assert best is not None
        assert found is not None
        gaps.append(problem.sign * (found - best) / abs(best))
    assert min(gaps) >= -1e-9
    assert np.mean(gaps) < 0.05


@pytest.mark.parametrize("name", ["ga_dgl", "ga_improved"])
def test_the_answer_is_of_the_last_generation_or_of_all(name: str) -> None:
    """Same generations, another answer; the last costs one more evaluation, of the answer alone."""
    problem = problems.load("dgl_slot")
    for seed in range(3):
        last = solve(name, problem, seed=seed)
        best = solve(name, problem, seed=seed, answer="best")
        curve = last.details["curve"]["reward"]
        assert curve == best.details["curve"]["reward"]
        assert len(curve) == 21
        assert last.objective == pytest.approx(curve[-1], rel=1e-7)
        assert best.objective == pytest.approx(max(curve), rel=1e-7)
        assert (last.evaluations, best.evaluations) == (631, 630)


def test_a_budget_ends_at_a_whole_generation() -> None:
    """100 evaluations are the start, two generations, and the answer."""
    found = solve("ga_dgl", problems.load("dgl_slot"), max_evaluations=100)
    assert (found.evaluations, found.stop) == (91, Stop.EVALUATIONS)
    assert len(found.details["curve"]["reward"]) == 3
    none = solve("ga_dgl", problems.load("dgl_slot"), max_evaluations=30)
    assert (none.evaluations, none.stop) == (1, Stop.EVALUATIONS)
    assert none.objective is not None


@pytest.mark.parametrize("limit", [30, 100])
def test_priced_individuals_count_as_evaluations(limit: int) -> None:
    """The start, two generations and the answer of 100; with 30 each individual is judged."""
    found = solve("ga_mask", problems.load("dgl_slot"), max_evaluations=limit)
    assert found.stop == Stop.EVALUATIONS
    assert found.evaluations == {30: 30, 100: 91}[limit]
    best = found.details["curve"]["reward"][-1]
    assert found.objective == pytest.approx(best, rel=1e-7)


def test_wrong_prices_do_not_pass_the_check() -> None:
    class Dear(DglSlot):
        def pricing(self, data: Any) -> Any:
            price = super().pricing(data)
            return None if price is None else lambda choices: price(choices) + 1e-6

    with pytest.raises(Broken, match="prices"):
        prices_are_what_completed_choices_are_worth(Dear(n_users=4))


def test_they_say_what_does_not_fit() -> None:
    toy = Toy()
    bare = Bare(n_users=4, inner=problems.load("cpdrl", "tiny"))
    for name in ("ga_dgl", "ga_improved"):
        solver = solvers.registry.build(name)
        assert "has no `repair`" in (solver.refuses(toy, toy.instance()) or "")
    mask = solvers.registry.build("ga_mask")
    assert mask.refuses(toy, toy.instance()) is None
    assert "has no `complete`" in (mask.refuses(bare, toy.instance()) or "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"population": 1},
        {"generations": 0},
        {"crossover": 1.5},
        {"mutation": -0.1},
        {"temperature": 0.0},
        {"penalty": 0.0},
        {"answer": "first"},
    ],
    ids=str,
)
def test_senseless_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=next(iter(wrong))):
        solvers.registry.build("ga_dgl", **wrong)


def test_several_blocks_of_choices_are_completed_together() -> None:
    """Integers and a bit of the toy, of different numbers of values, in one chromosome."""
    problem = Toy()
    data = problem.instance().data
    keys, decide = completed(problem, data)  # type: ignore[arg-type]
    assert keys.radix.tolist() == [5, 5, 5, 5, 2]
    found = decide(Elitist().start(keys, 1, rng())[0])
    assert found["x"].shape == (30, 4)
    best = solve("enumerate", problem).objective
    assert solve("ga_mask", problem).objective == pytest.approx(best, rel=1e-9)
