"""Every learner beats chance on an identity problem: the data say what to decide."""

from pathlib import Path

import numpy as np
import pytest
import torch

from toolkit import learners, problems
from toolkit.bench._cases._plugins import load_plugins
from toolkit.learners import Training, fit
from toolkit.learners._check import best_choices

IDENTITY = '''
from dataclasses import dataclass
import numpy as np
from toolkit.problems import Evaluation, Field, Problem, Space, Var


@dataclass(frozen=True, kw_only=True)
class IdentityProblem(Problem):
    """Say for every user what the data say: a mistake costs one."""

    title = "Identity"
    paper = "none"
    sense = "min"
    version = 1
    presets = {"tiny": {}, "paper": {}}
    fields = {"wanted": Field("wanted bit", "1", ("users",), strict=False)}
    n_users: int = 4

    def sample(self, rng, batch=()):
        return {"wanted": rng.integers(0, 2, (*batch, self.n_users)).astype(float)}

    def space(self, data):
        return Space((Var("said", (data["wanted"].shape[-1],), "binary"),))

    def judge(self, data, decision):
        wrong = abs(decision["said"] - data["wanted"]).sum(-1)
        return Evaluation(wrong, {"none": 0.0 * wrong})

    def complete(self, data, discrete):
        return {"said": np.broadcast_to(discrete["said"], discrete["said"].shape)}

    def features(self, data):
        return data["wanted"][..., None].astype(np.float32)
'''
STEPS = {"sb3": 30}
FIELDS = {"imitate": {"vary": ""}, "self_label": {"vary": ""}}
FAMILY = ("ddpg", "ste_ddpg", "aste_ddpg", "cpdrl")  # they know the actions of cpdrl only


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    path: Path = tmp_path_factory.mktemp("plugins") / "identity_problem.py"
    path.write_text(IDENTITY)
    load_plugins([str(path)])
    return problems.load("identity_problem")


def test_no_learner_is_left_out():
    assert set(learners.registry.names()) >= {"imitate", "self_label", *FAMILY}


@pytest.mark.parametrize("name", sorted(set(learners.registry.names()) - {*FAMILY, "constant"}))
def test_it_learns_the_identity(name, identity):
    """Chance is wrong for half of the users; it is wrong for less than one in ten."""
    learner = learners.registry.build(name, **FIELDS.get(name, {})).modest()
    if reason := learner.refuses(identity):
        pytest.skip(f"{name} refuses: {reason}")
    teacher = best_choices if learner.taught else None
    run = Training(problem=identity, max_steps=STEPS.get(name, 150), teacher=teacher)
    net = fit(learner, run)
    data = identity.sample(np.random.default_rng(0), (200,))
    said = learner.act(net, identity, data)["said"][:, 0]
    assert np.abs(said - data["wanted"]).mean() < 0.1


def test_a_constant_choice_does_not_learn_the_identity(identity):
    """It looks at nothing, so it is wrong for half of the users."""
    learner = learners.registry.build("constant")
    net = fit(learner, Training(problem=identity, max_steps=50))
    data = identity.sample(np.random.default_rng(0), (200,))
    said = learner.act(net, identity, data)["said"][:, 0]
    assert 0.4 < np.abs(said - data["wanted"]).mean() < 0.6


@pytest.mark.parametrize("name", FAMILY)
def test_a_method_of_the_paper_learns_who_should_offload(name):
    """Two users compute fast and are far away, two are slow and near: one answer is right."""
    problem = problems.load("cpdrl", n_users=4)
    data = {key: value.copy() for key, value in problem.instance().data.items()}
    data["f_max"][:] = [2e9, 2e9, 6e8, 6e8]
    data["cycles"][:] = [300.0, 300.0, 900.0, 900.0]
    data["gain"][:] = [1e-14, 1e-14, 1e-5, 1e-5]
    learner = learners.registry.build(name)
    batch = {key: value[None] for key, value in data.items()}
    run = Training(problem=problem, max_steps=800)
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # else what it learns depends on the tests before
        net = learner.build(problem)
        learner.explore(net, run, batch, lambda decision: None)
    ours = learner.act(net, problem, batch)
    assert ours["offload"][0, 0].tolist() == [0, 0, 1, 1]
    chance = problem.space(data).sample(np.random.default_rng(0), (200,))
    spread = {key: value[None] for key, value in data.items()}
    worth = problem.evaluate(spread, {key: value[:, 0] for key, value in ours.items()})
    others = problem.evaluate(data, chance)
    better = others.feasible() & (others.objective < worth.objective)
    assert worth.feasible().all()
    assert better.mean() < 0.05
