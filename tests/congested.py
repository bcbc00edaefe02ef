"""Assignments with convex congestion to test on: a problem that is its own table, and laws."""

from dataclasses import dataclass, replace

import numpy as np

from toolkit.bench._reprove import least_loss
from toolkit.instances import Instance, rng_for
from toolkit.problems import Evaluation, Problem, Space, Var
from toolkit.problems._congestion import Congestion
from toolkit.problems._congestion.proof import CongestionProof, Enclosure
from toolkit.problems._congestion.relaxation import PricedCongestion
from toolkit.solvers import Budget, Probe, Result, registry


@dataclass(frozen=True, kw_only=True)
class Tables(Problem):
    """A problem that is its own table form."""

    title = paper = "tables"
    sense = "min"
    presets = {"tiny": {}, "paper": {}}  # noqa: RUF012
    fields = {}  # noqa: RUF012
    n_users: int = 1

    def sample(self, rng, batch=()):
        raise NotImplementedError

    def form(self, data) -> Congestion:
        resource = data["resource"].astype(int)
        return Congestion(data["cost"], resource, data["weight"], float(data["offset"]))

    def space(self, data) -> Space:
        users, options = data["cost"].shape
        return Space((Var("option", (users,), "integer", upper=options - 1.0),))

    def judge(self, data, decision) -> Evaluation:
        loss = self.form(data).loss(decision["option"])
        barred = ~np.isfinite(loss)
        return Evaluation(np.where(barred, 1e9, loss), {"barred": barred * 1.0})

    def relaxation(self, data):
        return PricedCongestion(self.form(data), lambda x: {"option": x.astype(float)})

    def proof(self, data, arithmetic="float"):
        form = self.form(data)
        weight = np.stack([form.weight, form.weight])
        known = Enclosure(form.cost, weight, form.resource, form.offset)
        return CongestionProof(known, lambda decision: decision["option"], arithmetic)


def instance(form: Congestion) -> tuple[Tables, Instance]:
    data = {
        "cost": form.cost,
        "resource": form.resource.astype(float),
        "weight": form.weight,
        "offset": np.array(form.offset),
    }
    return Tables(n_users=len(form.cost)), Instance("tables", 0, data)


def steps(rng, users, servers, cycles=(900, 1100), speed=(5, 5), kbit=(300, 500)) -> Congestion:
    """The law of an offloading step: unequal users, a server's CPU shared as is best."""
    apart = rng.uniform(0, 2000, (users, 1, 2)) - rng.uniform(0, 2000, (servers, 2))
    distance = np.linalg.norm(apart, axis=-1) + 0.01
    band = 1e7 / users
    rate = band * np.log2(1 + 0.1 * distance**-3 / (10**-20.4 * band))
    sent = 0.55 * 1024 * rng.uniform(*kbit, (users, 1)) / rate
    mega = rng.uniform(*cycles, (users, 1))
    cost = np.concatenate([mega / 1000, sent], axis=1)
    resource = np.tile(np.arange(-1, servers)[:, None], (users, 1, 1))
    return Congestion(cost, resource, np.sqrt(0.55e-3 * mega / rng.uniform(*speed, servers)))


def slots(rng, users, servers, share=0.5) -> Congestion:
    """The law of a slot: a cell's bandwidth by unequal weights, a server's CPU by the count."""
    cell = np.arange(users) * servers // users
    root, local = np.sqrt(10 ** rng.uniform(-2.5, -0.5, users)), rng.uniform(0.5, 1.0, users)
    cost = np.where(rng.random((users, servers + 1)) < share, 0.0, np.inf)
    cost[:, 0] = local
    resource = np.full((users, servers + 1, 2), -1)
    resource[:, 1:, 0], resource[:, 1:, 1] = cell[:, None], servers + np.arange(servers)
    weight = np.concatenate([np.tile(root[:, None], servers), np.full((users, servers), 0.158)], 1)
    return Congestion(cost, resource, weight, -float(users))


def anything(rng) -> Congestion:
    """Options that touch none, one or two of some resources; in any units."""
    users, options, resources = (int(rng.integers(1, top)) for top in (7, 5, 5))
    width, scale = int(rng.integers(1, 3)), 10 ** rng.uniform(-3, 3)
    resource = np.full((users, options, width), -1)
    for i, j in np.ndindex(users, options):
        many = min(int(rng.integers(0, width + 1)), resources)
        resource[i, j, :many] = rng.permutation(resources)[:many]
    cost, weight = rng.uniform(0, 1, (users, options)), rng.uniform(0.1, 1, (users, resources))
    cost[:, 1:][rng.random((users, options - 1)) < 0.2] = np.inf
    weight[:, rng.random(resources) < 0.4] = 0.5
    return Congestion(cost * scale, resource, weight * np.sqrt(scale), rng.normal() * scale)


def solve(form: Congestion, gap=1e-9, seconds=60.0) -> Result:
    problem, case = instance(form)
    probe = Probe(problem, case, Budget(seconds=seconds), rng_for(0))
    return probe.certify(registry.build("exact", gap=gap).solve(problem, case, probe))


def reproved(form: Congestion, result: Result, arithmetic="float", nodes=None) -> float:
    problem, case = instance(form)
    certificate = result.certificate
    if nodes is not None:
        certificate = replace(certificate, body={"nodes": nodes})
    return least_loss(problem, case, certificate, arithmetic)


def solve_with(problem, data, name="exact", seconds=300.0, **params):
    """(instance, result) of one run of any problem; the first one of all compiles."""
    instance = Instance(problem.name, problem.version, data, problem.params, "case")
    probe = Probe(problem, instance, Budget(seconds=seconds), np.random.default_rng(0))
    solver = registry.build(name, **params)
    return instance, probe.certify(solver.solve(problem, instance, probe))
