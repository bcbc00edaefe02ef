"""Instances whose optimum was chosen before their data, and the proof of it, without any search."""

from toolkit.arrays import Decision
from toolkit.errors import UserError
from toolkit.instances import Instance, rng_for
from toolkit.problems import Certificate, HasPlant, Problem


def planted_instance(
    problem: Problem, index: int, seed: int
) -> tuple[Instance, Decision, Certificate]:
    """Planted instance number `index` of a seed, its optimal decision and the certificate."""
    if not isinstance(problem, HasPlant):
        raise UserError(f"{problem.name!r} knows no way to plant an optimum; leave out planted.")
    rng = rng_for(
        "plant", problem.name, problem.version, sorted(problem.params.items()), seed, index
    )
    data, decision, certificate = problem.plant(rng)
    name = f"{problem.name}-planted-n{problem.n_users}-s{seed}-{index:03d}"
    instance = Instance(problem.name, problem.version, data, problem.params, name)
    return problem.admit(instance), decision, certificate
