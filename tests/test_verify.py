"""The checker accepts what is right and refutes everything that was tampered with."""

import copy
import functools
import json
import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit import problems
from toolkit.bench.verify import Verdict, examine, examine_record
from toolkit.errors import UserError
from toolkit.problems import Certificate, Evaluation, Field, Problem, Space, Var
from toolkit.solvers import losses


def golden(value, low, high, steps=48):
    """The maximiser of a concave function of one variable."""
    ratio = (math.sqrt(5) - 1) / 2
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    at_a, at_b = value(a), value(b)
    for _ in range(steps):
        if at_a < at_b:
            low, a, at_a = a, b, at_b
            b = low + ratio * (high - low)
            at_b = value(b)
        else:
            high, b, at_b = b, a, at_a
            a = high - ratio * (high - low)
            at_a = value(a)
    return (low + high) / 2


def leaf_for(proof, region):
    """The best constant prices of a region, by nested golden sections on the proof's own bound."""

    def best_theta(s):
        return golden(lambda theta: proof.bound(region, priced(s, theta)), -3.0, 3.0)

    s = golden(lambda s: proof.bound(region, priced(s, best_theta(s))), 0.0, 2e-3)
    return priced(s, best_theta(s))


def priced(s, theta):
    return {"s1": s, "theta1": theta, "s2": s, "theta2": theta}


def contested():
    """Three users, of whom it is best that some offload: a slow server makes them compete."""
    return problems.load("cpdrl", "paper", n_users=3, f_server=6e9)


@functools.cache
def solved():
    """An instance of three users, all its losses, and a tree with one leaf a cardinality."""
    problem = contested()
    instance = problem.instance(0)
    choices = problem.space(instance.data).choices(0, 8)
    decisions = problem.complete(instance.data, choices)
    judged = problem.evaluate(instance.data, decisions)
    proof = problem.proof(instance.data)
    nodes, region = [], proof.root()
    for k in range(3):
        alone, region = proof.split(region, {"at": k})
        nodes.append({"split": {"at": k}, "children": [2 * k + 1, 2 * k + 2]})
        nodes.append({"leaf": leaf_for(proof, alone)})
    nodes.append({"leaf": leaf_for(proof, region)})
    best = int(np.argmin(judged.objective))
    return {
        "instance": instance.as_json(),
        "decision": {name: block[best].tolist() for name, block in decisions.items()},
        "objective": float(judged.objective[best]),
        "violation": float(judged.violation[best]),
        "bound": float(judged.objective[best]) * (1 - 1e-7),
        "status": "optimal",
        "certificate": {"kind": "tree", "nodes": nodes},
    }


@pytest.fixture
def record():
    return json.loads(json.dumps(solved()))


def enumerated(record):
    record["certificate"] = {"kind": "enumeration", "count": 8}
    return record


def refuted(record, *words):
    """Whether the record is refuted in one sentence that has all the words."""
    said = examine_record(record)
    assert said.verdict == "refuted", said
    assert said.bound is None
    assert said.reason.endswith(".")
    assert "\n" not in said.reason
    for word in words:
        assert word in said.reason, said.reason
    return True


@pytest.mark.parametrize("arithmetic", ["float", "arb"])
@pytest.mark.parametrize("kind", ["tree", "enumeration"])
def test_an_honest_record_is_proved(record, kind, arithmetic):
    record = enumerated(record) if kind == "enumeration" else record
    said = examine_record(record, arithmetic)
    assert said.verdict == "proved"
    assert record["objective"] * (1 - 1e-6) <= said.bound <= record["objective"]
    assert said.gap <= 1e-6


def test_a_status_below_what_is_proved_is_fine(record):
    for bound in (record["bound"], None, "-inf", record["bound"] - 0.1):
        said = examine_record({**record, "status": "feasible", "bound": bound})
        assert said.verdict == "proved"


# The bound.


@pytest.mark.parametrize("by", [1e-6, 1e-3, 1.0])
@pytest.mark.parametrize("kind", ["tree", "enumeration"])
def test_a_tightened_bound_is_refuted(record, kind, by):
    record = enumerated(record) if kind == "enumeration" else record
    record["bound"] = record["objective"] * (1 + by)
    assert refuted(record, "supports only")


def best_leaf(record):
    """The number of the leaf that limits the bound: that of the optimum's cardinality."""
    k = int(sum(record["decision"]["offload"]))
    return 2 * k + 1 if k < 3 else 6


@pytest.mark.parametrize(("key", "by"), [("s1", 1e-4), ("theta1", 1.0), ("theta1", -1.0)])
def test_a_changed_price_still_bounds_but_supports_less(record, key, by):
    prices = record["certificate"]["nodes"][best_leaf(record)]["leaf"]
    prices[key] += by
    assert refuted(record, "supports only")
    record["bound"] = None
    assert refuted(record, "optimal", "gap")
    record["status"] = "feasible"
    said = examine_record(record)
    assert said.verdict == "bounded"
    assert said.bound < record["objective"]
    assert said.gap > 1e-6


def test_prices_that_claim_an_empty_leaf_do_not_make_it_empty(record):
    record["certificate"]["nodes"][best_leaf(record)]["leaf"] = {"infeasible": True}
    assert refuted(record, "supports only")
    said = examine_record({**record, "status": "feasible", "bound": None})
    assert said.verdict == "feasible"
    assert said.bound is None


@pytest.mark.parametrize("index", range(7))
def test_a_dropped_node_is_refuted(record, index):
    del record["certificate"]["nodes"][index]
    assert refuted(record)


@pytest.mark.parametrize("index", range(7))
def test_a_node_that_nothing_reaches_is_refuted(record, index):
    record["certificate"]["nodes"].append(record["certificate"]["nodes"][index])
    assert refuted(record, "never reached")


@pytest.mark.parametrize(
    ("node", "children"),
    [
        (0, [1, 1]),
        (0, [2, 2]),
        (0, [0, 1]),
        (2, [3, 0]),
        (2, [1, 4]),
        (4, [5, 4]),
        (4, [5, 2]),
        (0, [1]),
        (0, [1, 2, 3]),
        (0, []),
        (0, [1, 7]),
        (0, [1, -5]),
        (0, [1, 2.0]),
        (0, [True, 2]),
        (0, [1, None]),
        (0, "12"),
        (0, {"1": 2}),
        (0, 1),
    ],
)
def test_cycles_twins_and_wrong_children_are_refuted(record, node, children):
    record["certificate"]["nodes"][node]["children"] = children
    assert refuted(record, "tree")


@pytest.mark.parametrize(
    "how", [{"at": 5}, {"at": 3}, {"k": [9]}, {"user": 7}, {}, None, 3, {"x": 1}]
)
def test_a_split_that_does_not_cover_is_refuted(record, how):
    record["certificate"]["nodes"][0]["split"] = how
    assert refuted(record)


def test_another_cut_than_the_leaves_were_priced_for_is_not_proved(record):
    record["certificate"]["nodes"][0]["split"] = {"at": 1}
    assert refuted(record)


@pytest.mark.parametrize(
    "certificate",
    [
        {},
        [],
        "tree",
        7,
        {"kind": None},
        {"kind": []},
        {"kind": "proof"},
        {"kind": "tree"},
        {"kind": "tree", "nodes": []},
        {"kind": "tree", "nodes": {}},
        {"kind": "tree", "nodes": [None]},
        {"kind": "tree", "nodes": [[]]},
        {"kind": "tree", "nodes": [{}]},
        {"kind": "tree", "nodes": [{"leaf": None}]},
        {"kind": "tree", "nodes": [{"leaf": {"s1": math.nan}}]},
        {"kind": "tree", "nodes": [{"leaf": {}, "split": {"at": 1}, "children": [1, 2]}]},
        {"kind": "tree", "nodes": [{"split": {"k": []}, "children": [0]}]},
        {"kind": "enumeration"},
        {"kind": "enumeration", "count": 7},
        {"kind": "enumeration", "count": 9},
        {"kind": "enumeration", "count": 8.0},
        {"kind": "enumeration", "count": True},
        {"kind": "enumeration", "count": "8"},
        None,
    ],
)
def test_a_malformed_certificate_is_refuted_without_a_traceback(record, certificate):
    record["certificate"] = certificate
    assert refuted(record)


def test_a_tree_of_any_depth_is_walked(record):
    """One child a node, 20,000 deep: a recursive walk would not survive it."""
    nodes = record["certificate"]["nodes"]
    depth = 20_000
    chain = [{"split": {"k": []}, "children": [i + 1]} for i in range(depth)]
    for node in nodes:
        if "children" in node:
            node["children"] = [child + depth for child in node["children"]]
    record["certificate"]["nodes"] = chain + nodes
    assert examine_record(record).verdict == "proved"


# The decision.


@pytest.mark.parametrize("user", range(3))
def test_a_flipped_bit_is_refuted(record, user):
    bits = record["decision"]["offload"]
    bits[user] = 1 - bits[user]
    assert refuted(record, "objective")


@pytest.mark.parametrize("value", [0.5, 2.0, -1.0, 1e-3])
def test_a_bit_that_is_none_is_refuted_even_with_matching_figures(record, value):
    record["decision"]["offload"][0] = value
    problem, instance = case()
    arrays = {name: np.array(block) for name, block in record["decision"].items()}
    found = problem.evaluate(instance.data, arrays)
    record |= {"objective": float(found.objective), "violation": float(found.violation)}
    assert refuted(record, "no feasible decision")


def case():
    return contested(), contested().instance(0)


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "x", [1.0], {}, 10**400])
@pytest.mark.parametrize("block", ["offload", "bandwidth", "power", "frequency"])
def test_an_entry_that_is_no_finite_number_is_refuted(record, block, value):
    record["decision"][block][1] = value
    assert refuted(record, block)


@pytest.mark.parametrize("block", ["offload", "bandwidth", "power", "frequency"])
def test_a_missing_or_misshapen_block_is_refuted(record, block):
    whole = record["decision"][block]
    for wrong in ([whole], whole[:-1], [*whole, 0.0], 1.0, None, "none"):
        record["decision"][block] = wrong
        assert refuted(record, block)
    del record["decision"][block]
    assert refuted(record, block)


@pytest.mark.parametrize("by", [1 - 1e-8, 1 + 1e-8, 0.5, -1.0, math.nan, math.inf])
def test_an_objective_that_the_formula_does_not_yield_is_refuted(record, by):
    record["objective"] *= by
    assert refuted(record, "objective")


def test_a_violation_that_is_made_smaller_is_refuted(record):
    record["decision"]["bandwidth"] = [2 * b for b in record["decision"]["bandwidth"]]
    problem, instance = case()
    arrays = {name: np.array(block) for name, block in record["decision"].items()}
    found = problem.evaluate(instance.data, arrays)
    record |= {"objective": float(found.objective), "violation": 0.0}
    assert refuted(record, "violation")
    record["violation"] = float(found.violation)
    assert refuted(record, "no feasible decision")


@pytest.mark.parametrize("key", ["objective", "violation", "bound"])
@pytest.mark.parametrize("value", [math.nan, "nan", "1.0", True, [], {}, 10**400])
def test_a_figure_that_is_no_number_is_refuted(record, key, value):
    record[key] = value
    assert refuted(record, key)


@pytest.mark.parametrize("key", ["objective", "violation"])
def test_a_feasible_decision_without_its_figures_is_refuted(record, key):
    record[key] = None
    assert refuted(record, "without")


@pytest.mark.parametrize("decision", [None, {}, [], 3, "none"])
@pytest.mark.parametrize("status", ["optimal", "feasible"])
def test_a_status_without_its_decision_is_refuted(record, status, decision):
    record |= {"decision": decision, "status": status}
    assert refuted(record, "decision")


@pytest.mark.parametrize("status", ["proved", "", None, 3, [], "Optimal"])
def test_an_unknown_status_is_refuted(record, status):
    record["status"] = status
    assert refuted(record, "status")


# The instance.


def test_another_instance_is_refuted(record):
    record["instance"] = contested().instance(1).as_json()
    assert refuted(record)


def test_one_changed_datum_is_refuted_by_the_objective_and_by_the_digest(record):
    digest = case()[1].digest
    assert examine_record({**record, "digest": digest}).verdict == "proved"
    record["instance"]["data"]["noise"] *= 1.01
    assert refuted(record, "objective")
    assert refuted({**record, "digest": digest}, "instance")


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.pop("instance"),
        lambda r: r["instance"].pop("data"),
        lambda r: r["instance"].update(data=[1, 2]),
        lambda r: r["instance"].update(problem="cpdrll"),
        lambda r: r["instance"].update(problem=["cpdrl"]),
        lambda r: r["instance"].update(version=-1),
        lambda r: r["instance"].update(params={"self": 1}),
        lambda r: r["instance"].update(params=[]),
        lambda r: r["instance"]["data"].update(noise=math.nan),
        lambda r: r["instance"]["data"].update(size=[[1.0]]),
        lambda r: r["instance"]["data"].pop("gain"),
    ],
)
def test_a_record_without_a_usable_instance_is_a_user_error(record, change):
    change(record)
    with pytest.raises(UserError, match=r"\S"):
        examine_record(record)


# Infeasible instances, claims, and runs that claim nothing.


def impossible():
    """Users that must offload, for want of local speed, need more bandwidth than there is."""
    hopeless = problems.load("cpdrl", "paper-kbyte", f_server=1e13, bandwidth=1e6)
    instance = hopeless.instance(0)
    nothing = dict.fromkeys(("decision", "objective", "violation"))
    return {"instance": instance.as_json(), **nothing, "bound": "inf", "status": "infeasible"}


@pytest.mark.parametrize(
    "certificate",
    [
        {"kind": "enumeration", "count": 256},
        {"kind": "tree", "nodes": [{"leaf": {"infeasible": True, "why": "no time to upload"}}]},
    ],
)
def test_infeasibility_is_proved(certificate):
    said = examine_record({**impossible(), "certificate": certificate})
    assert (said.verdict, said.bound, said.gap) == ("proved", math.inf, None)
    assert examine_record({**impossible(), "certificate": certificate, "bound": None}) == said


def test_infeasibility_that_is_not_proved_is_refuted(record):
    nothing = dict.fromkeys(("decision", "objective", "violation"))
    false = {**record, **nothing, "status": "infeasible", "bound": "inf"}
    assert refuted(false, "supports only")
    assert refuted({**false, "bound": None}, "infeasible")
    assert refuted({**enumerated(false), "bound": None}, "infeasible")
    assert refuted({**false, "certificate": None})
    assert refuted({**false, **{k: record[k] for k in nothing}}, "feasible")


def test_a_weak_proof_of_infeasibility_is_refuted():
    prices = {"s1": 1e-4, "theta1": 0.0, "s2": 1e-4, "theta2": 0.0}
    tree = {"kind": "tree", "nodes": [{"leaf": prices}]}
    assert refuted({**impossible(), "certificate": tree}, "supports only")


def test_a_solvers_word_stays_a_claim_unless_its_own_decision_beats_it(record):
    record |= {"certificate": {"kind": "claim", "by": "somebody 1.0"}, "status": "feasible"}
    for factor in (0.5, 1.0, 1 + 1e-6):
        said = examine_record({**record, "bound": record["objective"] * factor})
        assert (said.verdict, said.bound, said.gap) == ("claimed", None, None)
    assert refuted({**record, "bound": record["objective"] * 1.001}, "better than the bound")
    assert refuted({**record, "bound": "inf"}, "better than the bound")


def test_a_claim_of_infeasibility_stays_a_claim():
    claim = {"kind": "claim", "by": "somebody 1.0"}
    assert examine_record({**impossible(), "certificate": claim}).verdict == "claimed"


def test_relabelling_a_proof_as_a_claim_never_yields_a_proof(record):
    record["certificate"]["kind"] = "claim"
    assert examine_record(record).verdict == "claimed"


def test_an_enumeration_too_large_to_repeat_is_a_claim():
    problem = problems.load("cpdrl", "paper", n_users=25)
    instance = problem.instance(0)
    said = examine(
        problem,
        instance,
        decision=None,
        objective=None,
        violation=None,
        bound=1.0,
        status="unknown",
        certificate=Certificate("enumeration", {"count": 2**25}),
    )
    assert said.verdict == "claimed"
    assert "33,554,432" in said.reason


def test_a_decision_without_a_bound_is_feasible(record):
    record |= {"certificate": None, "bound": None, "status": "feasible"}
    assert examine_record(record).verdict == "feasible"


@pytest.mark.parametrize("status", ["unknown", "error", "refused"])
def test_runs_that_claim_nothing_get_no_verdict(record, status):
    nothing = dict.fromkeys(("decision", "objective", "violation", "bound", "certificate"))
    said = examine_record({**record, **nothing, "status": status})
    assert said.verdict == ""
    assert said.reason


def test_a_bound_without_a_decision_is_bounded_or_refuted(record):
    nothing = dict.fromkeys(("decision", "objective", "violation"))
    said = examine_record({**record, **nothing, "status": "unknown"})
    assert said.verdict == "bounded"
    assert said.gap is None
    assert refuted({**record, **nothing, "status": "unknown", "bound": record["bound"] * 1.1})


# Anything else that may be done to a record.

JUNK = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1,
        3,
        0.0,
        1e-4,
        -2.5,
        1e308,
        math.nan,
        math.inf,
        "",
        "inf",
        [],
        {},
        [0],
        1e9,
    ]
)


def places(value, path=()):
    """The paths of all values inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_no_tampering_makes_a_wrong_bound_or_decision_accepted(data):
    """Up to three values replaced, scaled, deleted, or copied from elsewhere in the record."""
    record = copy.deepcopy(solved())
    truth = record["objective"]
    instance = record.pop("instance")
    for _ in range(data.draw(st.integers(1, 3))):
        every = list(places(record))
        *path, last = data.draw(st.sampled_from(every))
        home = functools.reduce(lambda box, key: box[key], path, record)
        match data.draw(st.sampled_from(["junk", "scale", "delete", "copy"])):
            case "junk":
                home[last] = data.draw(JUNK)
            case "scale" if isinstance(home[last], int | float):
                home[last] *= data.draw(st.sampled_from([0.0, 0.5, 1.001, 2.0, -1.0]))
            case "delete":
                del home[last]
            case _:
                source = data.draw(st.sampled_from(every))
                found = functools.reduce(lambda box, key: box[key], source, solved_part(record))
                home[last] = copy.deepcopy(found)
        if not record:
            break
    said = examine_record({**record, "instance": instance})
    assert isinstance(said, Verdict)
    if said.verdict == "proved":
        assert abs(record["objective"] - truth) <= 2e-6 * truth
    if said.verdict in ("proved", "bounded"):
        assert said.bound <= truth * (1 + 1e-12)
        stored = record.get("bound")
        assert stored is None or float(stored) <= truth * (1 + 1e-8)


def solved_part(record):
    """A copy of what is being changed, so that a value is never put inside itself."""
    return copy.deepcopy(record)


# A problem that maximises, and one that cannot prove: the checker knows neither.


@dataclass(frozen=True, kw_only=True)
class Picking(Problem):
    """Choose items of values v and weights w <= capacity; nothing is known but its formula."""

    title = "A knapsack"
    paper = "none"
    sense: ClassVar[Literal["min", "max"]] = "max"
    presets: ClassVar = {"tiny": {}, "paper": {}}
    fields: ClassVar = {
        "value": Field("value", dims=("items",)),
        "weight": Field("weight", dims=("items",)),
        "capacity": Field("capacity"),
    }
    n_users: int = 4

    def sample(self, rng, batch=()):
        shape = (*batch, self.n_users)
        return {
            "value": rng.uniform(1, 2, shape),
            "weight": rng.uniform(1, 2, shape),
            "capacity": np.full(batch, self.n_users * 0.75),
        }

    def space(self, data):
        return Space((Var("take", (data["value"].shape[-1],), "binary"),))

    def judge(self, data, decision):
        over = (decision["take"] * data["weight"]).sum(-1) / data["capacity"] - 1
        worth = (decision["take"] * data["value"]).sum(-1)
        return Evaluation(worth, {"weight": np.maximum(over, 0)})


class PickingProof:
    """Regions are (item, bit) pairs; the price of a unit of weight bounds the value."""

    def __init__(self, data):
        self.data = data

    def root(self):
        return ()

    def split(self, region, how):
        if not isinstance(how, dict) or how.get("item") not in range(len(self.data["value"])):
            raise ValueError("not an item")
        return [(*region, (how["item"], bit)) for bit in (0, 1)]

    def bound(self, region, prices):
        price = prices["price"]
        if not price >= 0:
            raise ValueError("a negative price")
        gain = self.data["value"] - price * self.data["weight"]
        fixed = dict(region)
        value = price * self.data["capacity"]
        for i, g in enumerate(gain):
            value += fixed[i] * g if i in fixed else max(g, 0.0)
        return -float(value)

    def bound_each(self, discrete):
        take = discrete["take"]
        over = (take * self.data["weight"]).sum(-1) > self.data["capacity"]
        return np.where(over, np.inf, -(take * self.data["value"]).sum(-1))


class ProvablePicking(Picking):
    def proof(self, data, arithmetic="float"):
        return PickingProof(data)


@functools.cache
def picked():
    """The optimum of a small knapsack, its loss, and the best price by trying many."""
    problem = ProvablePicking()
    instance = problem.instance(0)
    choices = problem.space(instance.data).choices(0, 16)
    loss = losses(problem, problem.evaluate(instance.data, choices))
    best = int(np.argmin(loss))
    proof = problem.proof(instance.data)
    bounds = {p: -proof.bound((), {"price": p}) for p in np.linspace(0, 3, 301).tolist()}
    return (
        problem,
        instance,
        choices["take"][best],
        -float(loss[best]),
        min(bounds.items(), key=lambda b: b[1]),
    )


def examine_picked(problem=None, **changes):
    ours, instance, take, value, (price, bound) = picked()
    said = {
        "decision": {"take": take},
        "objective": value,
        "violation": 0.0,
        "bound": bound,
        "status": "feasible",
        "certificate": Certificate("tree", {"nodes": [{"leaf": {"price": price}}]}),
    }
    return examine(problem or ours, instance, **{**said, **changes})


def test_a_maximum_has_its_bounds_above():
    *_, value, (_, bound) = picked()
    said = examine_picked()
    assert said.verdict == "bounded"
    assert said.bound == pytest.approx(bound)
    assert said.bound > value
    assert examine_picked(bound=bound * 1.01).verdict == "bounded"
    every = Certificate("enumeration", {"count": 16})
    said = examine_picked(status="optimal", bound=value, certificate=every)
    assert (said.verdict, said.bound) == ("proved", pytest.approx(value))


def test_bounds_of_the_wrong_sense_are_refuted():
    *_, value, (_, bound) = picked()
    for wrong in (bound * (1 - 1e-6), value * 0.9, -bound, -math.inf):
        assert examine_picked(bound=wrong).verdict == "refuted"
    assert examine_picked(objective=-value).verdict == "refuted"
    claim = Certificate("claim", {"by": "somebody"})
    assert examine_picked(bound=value * 0.99, certificate=claim).verdict == "refuted"
    assert examine_picked(bound=value * 1.01, certificate=claim).verdict == "claimed"


def test_a_problem_that_cannot_prove_leaves_a_claim():
    said = examine_picked(replace(Picking()))
    assert said.verdict == "claimed"
    assert examine_picked(Picking(), bound=0.0).verdict == "refuted"


def test_whatever_a_proof_raises_becomes_a_refutation():
    for leaf in ({}, None, {"price": "1"}, {"price": -1.0}, {"price": math.nan}):
        tree = Certificate("tree", {"nodes": [{"leaf": leaf}]})
        assert examine_picked(certificate=tree).verdict == "refuted"


def test_a_decision_that_beats_a_re_proved_bound_is_refuted():
    """A proof that is wrong is found out by the decision at hand."""

    class Wrong(ProvablePicking):
        def proof(self, data, arithmetic="float"):
            proof = PickingProof(data)
            proof.bound = lambda region, prices: 0.0
            return proof

    said = examine_picked(Wrong(), bound=None)
    assert said.verdict == "refuted"
    assert "better than the bound" in said.reason


def test_a_proof_that_yields_no_number_is_refuted():
    class Silent(ProvablePicking):
        def proof(self, data, arithmetic="float"):
            proof = PickingProof(data)
            proof.bound = lambda region, prices: math.nan
            proof.bound_each = lambda discrete: np.full(len(discrete["take"]), np.nan)
            return proof

    nothing = dict.fromkeys(("decision", "objective", "violation", "bound"))
    every = Certificate("enumeration", {"count": 16})
    for changes in ({}, {"certificate": every}):
        said = examine_picked(Silent(), **nothing, status="unknown", **changes)
        assert said.verdict == "refuted"
        assert "yields no bound" in said.reason
