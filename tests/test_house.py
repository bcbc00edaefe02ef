"""The house keeps its promises: names, files, identities, and one file for one new thing."""

import contextlib
import json
import textwrap

import numpy as np
import pytest

import toolkit.problems
import toolkit.solvers
from toolkit import compiled, problems
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems._check import check_problem
from toolkit.solvers import Budget, Probe, Status, registry

TOY = '''
"""A toy with every variable binary: choose items, at most half of them."""

from dataclasses import dataclass

import numpy as np

from toolkit.arrays import array_namespace, at_most
from toolkit.problems import Evaluation, Field, Problem, Space, Var


@dataclass(frozen=True, kw_only=True)
class Toy(Problem):
    """Choose at most half of the items, for the largest sum of values."""

    title = "A toy"
    paper = "none"
    sense = "max"
    presets = {"tiny": {"n_users": 4}, "paper": {"n_users": 6}}
    fields = {"value": Field("value of an item", "1", ("items",)), "room": Field("items", "1")}

    n_users: int = 6

    def sample(self, rng, batch=()):
        value = rng.uniform(1, 2, (*batch, self.n_users))
        return {"value": value, "room": np.full(batch, self.n_users // 2, float)}

    def space(self, data):
        return Space((Var("choose", (data["value"].shape[-1],), "binary"),))

    def judge(self, data, decision):
        xp = array_namespace(decision["choose"])
        total = xp.sum(decision["choose"], axis=-1)
        return Evaluation(
            xp.sum(data["value"] * decision["choose"], axis=-1),
            {"room": at_most(total, data["room"], data["room"])},
        )

    def complete(self, data, discrete):
        return dict(discrete)
'''

FIRST = '''
"""Offers nothing but the lower bounds."""

from dataclasses import dataclass

import numpy as np

from toolkit.solvers import Claim, Solver


@dataclass(frozen=True, kw_only=True)
class First(Solver):
    """Offers nothing but the lower bounds."""

    def solve(self, problem, instance, probe):
        space = problem.space(instance.data)
        probe.offer({v.name: np.broadcast_to(v.lower, v.shape).astype(float) for v in space.vars})
        return Claim()
'''


@pytest.fixture
def one_new_file(tmp_path, monkeypatch):
    """Puts one file beside the others of a package, as a contributor would."""

    def put(package, name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])

    return put


def test_a_new_problem_is_one_new_file(one_new_file):
    """It is listed, conforms, and every generic solver takes it, maximisation included."""
    one_new_file(toolkit.problems, "toy", TOY)
    assert "toy" in problems.registry.names()
    toy = problems.load("toy", "tiny")
    assert not [failed for failed in check_problem(toy) if failed[1]]
    instance = toy.instance(0)
    best = np.sort(instance.data["value"])[-2:].sum()
    for name in ("enumerate", "greedy", "local_search", "ga_pymoo", "ga_deap", "random_search"):
        solver = registry.build(name)
        assert solver.refuses(toy, instance) is None, name
        probe = Probe(toy, instance, Budget(seconds=10), rng_for(0))
        result = probe.certify(solver.solve(toy, instance, probe))
        assert result.objective == pytest.approx(best), name
    assert registry.build("exact").refuses(toy, instance) == "the problem has no relaxation"


def test_a_new_solver_is_one_new_file(one_new_file):
    one_new_file(toolkit.solvers, "first", FIRST)
    assert "first" in registry.names()
    problem = problems.load("cpdrl", "tiny")
    probe = Probe(problem, problem.instance(0), Budget(), rng_for(0))
    result = probe.certify(registry.build("first").solve(problem, problem.instance(0), probe))
    assert result.status is Status.UNKNOWN  # all resources at zero violate the consistency


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: problems.load("cpdlr"), "did you mean 'cpdrl'"),
        (lambda: problems.load("cpdrl", "papper"), "did you mean 'paper'"),
        (lambda: problems.load("cpdrl", n_user=3), "did you mean 'n_users'"),
        (lambda: problems.load("cpdrl", n_users="three"), "takes a value of type int"),
        (lambda: problems.load("cpdrl", n_users=0), "at least 1"),
        (lambda: problems.load("cpdrl", n_users=10**9), "10,000,000"),
        (lambda: problems.load("cpdrl", bandwidth=-1), "positive"),
        (lambda: problems.load("cpdrl", deadline=float("nan")), "positive"),
        (lambda: problems.load("cpdrl", size_low=500.0), "swap"),
        (lambda: registry.build("exakt"), "did you mean 'exact'"),
    ],
)
def test_a_wrong_name_or_value_is_one_sentence_with_the_mend(call, says):
    with pytest.raises(UserError, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_an_instance_survives_its_file(tmp_path, suffix):
    problem = problems.load("cpdrl", "paper")
    instance = problem.instance(3, seed=7)
    instance.write(tmp_path / f"case{suffix}")
    again = problem.admit(Instance.read(tmp_path / f"case{suffix}"))
    assert again.digest == instance.digest
    assert problems.registry.build(again.problem, **again.params) == problem


def test_a_digest_depends_on_data_alone_and_on_all_of_it():
    problem = problems.load("cpdrl", "tiny")
    instance = problem.instance(0)
    digests = {instance.digest}
    for key, value in instance.data.items():
        changed = value.copy()
        changed.flat[-1] = np.nextafter(changed.flat[-1], np.inf)
        data = {**instance.data, key: changed}
        digests.add(Instance("cpdrl", problem.version, data).digest)
    assert len(digests) == 1 + len(instance.data)
    renamed = Instance("cpdrl", problem.version, dict(reversed(instance.data.items())), {}, "other")
    assert renamed.digest == instance.digest


def damage(content: dict, how: str) -> str:
    """The text of an instance file with one thing wrong."""
    if how == "truncated":
        return json.dumps(content)[:200]
    if how == "not an object":
        return "[1, 2]"
    if how == "data a list":
        content["data"] = [1, 2]
    elif how == "ragged":
        content["data"]["size"] = [[1.0], [2.0, 3.0]]
    elif how == "not finite":
        content["data"]["gain"][0] = float("nan")
    elif how == "shape":
        content["data"]["gain"] = content["data"]["gain"][:-1]
    elif how == "negative":
        content["data"]["size"][1] = -5.0
    elif how == "missing":
        del content["data"]["noise"]
    elif how == "unknown":
        content["data"]["weather"] = 1.0
    elif how == "version":
        content["version"] = 99
    elif how == "problem":
        content["problem"] = "droo"
    elif how == "text":
        content["data"]["noise"] = "1e-13"
    elif how == "texts":
        content["data"]["gain"][0] = "1e-5"
    elif how == "truth":
        content["data"]["deadline"] = True
    elif how == "truths":
        content["data"]["size"][0] = True
    elif how == "version true":
        content["version"] = True
    elif how == "version 1.0":
        content["version"] = 1.0
    elif how == "more":
        content["name"] = "mine"
    elif how == "empty":
        content["data"] = {k: [] for k in content["data"]}
    return json.dumps(content)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("truncated", "damaged"),
        ("not an object", "lacks 'problem'"),
        ("data a list", "'data' is not an object"),
        ("ragged", "not a rectangle"),
        ("not finite", "not a finite number"),
        ("shape", "other arrays have"),
        ("negative", "must be above 0"),
        ("missing", "lacks 'noise'"),
        ("unknown", "does not know"),
        ("version", "version"),
        ("problem", "droo"),
        ("empty", "shape"),
        ("text", r"data\['noise'\] is not a rectangle of numbers"),
        ("texts", r"data\['gain'\] is not a rectangle of numbers"),
        ("truth", r"data\['deadline'\] is not a rectangle of numbers"),
        ("truths", r"data\['size'\] is not a rectangle of numbers"),
        ("version true", "'version' is not a whole number"),
        ("version 1.0", "'version' is not a whole number"),
        ("more", "has 'name', which is no part of an instance"),
    ],
)
def test_a_damaged_instance_file_is_refused_in_words(tmp_path, how, says):
    problem = problems.load("cpdrl", "tiny")
    path = tmp_path / "case.json"
    path.write_text(damage(problem.instance(0).as_json(), how))
    with pytest.raises(UserError, match=says):
        problem.admit(Instance.read(path))


def test_a_damaged_npz_is_refused_in_words(tmp_path):
    problem = problems.load("cpdrl", "tiny")
    path = tmp_path / "case.npz"
    problem.instance(0).write(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match="damaged"):
        Instance.read(path)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("a list for a head", "lacks 'problem'"),
        ("an array, not an archive", "damaged or not an instance file"),
        ("no head", "damaged or not an instance file"),
        ("complex", r"data\['size'\] is not a rectangle of numbers"),
        ("truths", r"data\['size'\] is not a rectangle of numbers"),
        ("texts", r"data\['size'\] is not a rectangle of numbers"),
        ("more", "has 'notes', which is no part of an instance"),
    ],
)
def test_an_npz_of_something_else_is_refused_in_words(tmp_path, how, says):
    """And nothing else: no traceback, no warning that a part of the numbers was dropped."""
    problem = problems.load("cpdrl", "tiny")
    path = tmp_path / "case.npz"
    problem.instance(0).write(path)
    parts = dict(np.load(path))
    if how == "a list for a head":
        parts["head"] = np.array("[1]")
    elif how == "no head":
        del parts["head"]
    elif how == "more":
        parts["notes"] = np.zeros(3)
    elif how in ("complex", "truths", "texts"):
        kind = {"complex": complex, "truths": bool, "texts": str}[how]
        parts["data.size"] = parts["data.size"].astype(kind)
    with path.open("wb") as file:
        np.save(file, np.zeros(3)) if "an array" in how else np.savez(file, **parts)
    with pytest.raises(UserError, match=says):
        problem.admit(Instance.read(path))


@pytest.mark.parametrize("at", [0.2, 0.4, 0.6, 0.8])
def test_an_npz_with_a_wrong_byte_is_read_or_refused(tmp_path, at):
    """Whatever NumPy, zipfile and zlib raise at it, the user meets one sentence."""
    problem = problems.load("cpdrl", "tiny")
    path = tmp_path / "case.npz"
    problem.instance(0).write(path)
    good = path.read_bytes()
    for offset in range(0, len(good) // 5, 3):
        content = bytearray(good)
        content[int(at * len(good)) + offset - len(good) // 5] ^= 0x55
        path.write_bytes(content)
        with contextlib.suppress(UserError):
            problem.admit(Instance.read(path))


def test_the_number_of_users_is_that_of_the_data():
    """A file's `params` only say how it was drawn; they may be edited, or those of others."""
    drawn = problems.load("cpdrl", n_users=8)
    other = problems.load("cpdrl", n_users=5)
    assert other.users(drawn.instance(0).data) == 8
    assert other.users(drawn.sample(rng_for(0), (2, 3))) == 8


def test_instance_data_cannot_be_changed():
    instance = problems.load("cpdrl", "tiny").instance(0)
    with pytest.raises(ValueError, match="read-only"):
        instance.data["size"][0] = 1.0


def test_the_compiled_code_of_other_sources_is_never_used(tmp_path, monkeypatch):
    """Numba sees a change in a kernel's own file only: the cache's folder must see the others."""
    monkeypatch.setattr(compiled, "PACKAGE", tmp_path)
    seen = set()
    for name, text in (("a_kernels.py", "one"), ("b_kernels.py", "one"), ("b_kernels.py", "two")):
        (tmp_path / name).write_text(text)
        compiled._digest.cache_clear()
        kernel = compiled.compiled(lambda x: x + 1.0)
        assert kernel(1.0) == 2.0
        seen.add(kernel.stats.cache_path)
    compiled._digest.cache_clear()
    assert len(seen) == 3
