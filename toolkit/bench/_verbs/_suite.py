"""The verb `suite`: list, freeze, verify."""

from argparse import Namespace
from collections.abc import Iterator

from toolkit.bench._command._run import OK, REFUTED
from toolkit.bench._store import Reference
from toolkit.bench._suite._files import Suite, names
from toolkit.bench._suite._known import ends, status_of
from toolkit.bench.verify import examine
from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import TOLERANCE, Certificate, Problem
from toolkit.problems._proof import Arithmetic

from ._suite_freeze import counted, freeze, summary


def suite(args: Namespace) -> int:
    """Does what the word after `suite` says."""
    return DOES[args.what](args)


def show(args: Namespace) -> int:
    """Prints a line a suite: what it is of, how many instances, what is known of them."""
    for name in args.names or names():
        suite = Suite.read(name)
        asked = sum(draw.instances for draw in suite.recipe.draw)
        known = f"{counted(asked)}, not frozen"
        if suite.recipe.frozen is not None:
            known = summary(suite.rows)
        size = sum(path.stat().st_size for path in (suite.path, suite.npz) if path.exists())
        print(f"{name:<24}{known:<40}{size / 1e3:>7.1f} kB  {suite.recipe.title}")
    return OK


def verify(args: Namespace) -> int:
    """Re-checks digests, solutions and certificates; 4 where one does not hold."""
    suites = [Suite.read(name) for name in args.names or names()]
    if not args.names:
        suites = [suite for suite in suites if suite.recipe.frozen is not None]
    told = [(suite, summary(suite.rows)) for suite in suites]  # refuses what is a recipe only
    faults = 0
    for suite, said in told:
        wrong = list(_faults(suite, args.arithmetic))
        for text in wrong:
            print(f"refuted   {suite.name}{text}", flush=True)
        if not (wrong or args.quiet):
            print(f"ok        {suite.name}: {said}", flush=True)
        faults += len(wrong)
    print(f"{len(suites)} suite{'s' * (len(suites) != 1)}: {faults or 'nothing'} refuted")
    return REFUTED if faults else OK


def _faults(suite: Suite, arithmetic: Arithmetic) -> Iterator[str]:
    """What is wrong with a suite's files, or with its references."""
    try:
        for name, said in _checked(suite, arithmetic):
            if said:
                yield f" {name}: {said}"
    except UserError as error:
        yield f": {error}"


def _checked(suite: Suite, arithmetic: Arithmetic) -> Iterator[tuple[str, str]]:
    """Every instance's name, and what is wrong with its reference; empty: nothing."""
    drawn = zip(suite.problems, suite.instances(), strict=True)
    pairs = [(problem, one) for problem, each in drawn for one in each]
    for (problem, one), reference in zip(pairs, suite.references(), strict=True):
        yield one.name, fault(problem, one, reference, arithmetic)


def fault(
    problem: Problem, instance: Instance, reference: Reference, arithmetic: Arithmetic = "float"
) -> str:
    """What the checker has against a reference; empty: it holds."""
    worth, bound = ends(problem, reference)
    proof = reference.certificate
    said = examine(
        problem,
        instance,
        decision=reference.solution or None,
        objective=worth,
        violation=None if worth is None else TOLERANCE,
        bound=bound,
        status=status_of(problem, reference),
        certificate=None if proof is None else Certificate.from_json(proof),
        arithmetic=arithmetic,
    )
    return said.reason if said.verdict in ("refuted", "claimed") else ""


DOES = {"list": show, "freeze": freeze, "verify": verify}
