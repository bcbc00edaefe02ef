"""The verb `suite freeze`: a recipe's instances solved, re-proved and written down."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

import toolkit
from toolkit.bench._cases._case import make_cases
from toolkit.bench._cases._plan import make_plan
from toolkit.bench._command._run import OK, REFUTED, Runs
from toolkit.bench._engine._fields import plain
from toolkit.bench._store import Reader, Reference, Store
from toolkit.bench._suite._files import Suite, keep
from toolkit.bench._suite._found import Found, Refuted
from toolkit.bench._suite._plant import planted_instance
from toolkit.bench._suite._recipe import Row
from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.reports import numbers


def freeze(args: Namespace) -> int:
    """Freezes suites from their recipes, or takes into them what a store has that is better."""
    if not args.names:
        raise UserError("No suite is named; give PROBLEM/SUITE or a recipe, FILE.toml.")
    suites = [Suite.read(name) for name in args.names]
    for suite in suites:
        _sensible(suite, args)
    for suite in suites:
        try:
            if args.update:
                _update(suite, Path(args.store))
            else:
                _make(suite, args)
        except Refuted as refuted:
            print(f"refuted   {suite.name}: {refuted} Nothing was written.")
            return REFUTED
    return OK


def _sensible(suite: Suite, args: Namespace) -> None:
    """UserError where what is there does not fit what is asked for."""
    frozen = suite.recipe.frozen is not None
    if frozen and not (args.update or args.anew):
        raise UserError(
            f"The suite {suite.name!r} is frozen; take what is better in a store with --update, or "
            "freeze it again with --anew."
        )
    if args.update and not frozen:
        raise UserError(f"The suite {suite.name!r} is not frozen yet; leave out --update.")


def _make(suite: Suite, args: Namespace) -> None:
    """Draws, plants, solves and writes."""
    instances = suite.drawn()
    found = [one for number, each in enumerate(instances) for one in _begun(suite, number, each)]
    with Store(Path(args.store)) as store:
        found = [
            one for each in _solved(suite, args, store, instances, iter(found)) for one in each
        ]
    references = [one.reference(suite.recipe.audit) for one in found]
    keep(suite, instances, references)
    print(f"frozen    {suite.name}: {summary(references)}")


def _begun(suite: Suite, number: int, instances: Sequence[Instance]) -> Iterator[Found]:
    """Nothing found yet, except where the optimum was planted."""
    problem = suite.problems[number]
    for index, instance in enumerate(instances):
        found = Found(problem, instance)
        if suite.recipe.draw[number].planted:
            _, decision, certificate = planted_instance(problem, index, suite.recipe.seed)
            by = f"plant@{toolkit.__version__}"
            found = found.with_solution(plain(dict(decision)), by).with_proof(certificate, by)
        yield found


def _solved(
    suite: Suite,
    args: Namespace,
    store: Store,
    instances: Sequence[Sequence[Instance]],
    found: Iterator[Found],
) -> Iterator[list[Found]]:
    """With the runs of the recipe's solvers; what the store has of them is not run again."""
    for draw, problem, each in zip(suite.recipe.draw, suite.problems, instances, strict=True):
        before = [next(found) for _ in each]
        solvers = suite.recipe.solvers if draw.solvers is None else draw.solvers
        if not solvers:
            yield before
            continue
        flags = {"plugin": args.plugin, "quiet": args.quiet, "store": args.store}
        asked = {"solvers": solvers, "seconds": suite.recipe.seconds, "rerun": "timeouts"}
        plan = make_plan({**asked, **flags})
        study = Runs(plan, make_cases(plan, problem, each), store)
        study.run()
        yield [one.with_runs(study.records) for one in before]


def _update(suite: Suite, path: Path) -> None:
    """Takes what runs of a store have found that is better."""
    instances, old = suite.instances(), suite.references()
    pairs = [(p, one) for p, each in zip(suite.problems, instances, strict=True) for one in each]
    wanted = {one.digest for _, one in pairs}
    with Reader(path) as store:
        records = [record for record in store if record.digest in wanted]
    found = [Found.of(*pair, ref).with_runs(records) for pair, ref in zip(pairs, old, strict=True)]
    new = [one.reference(suite.recipe.audit, ref) for one, ref in zip(found, old, strict=True)]
    changed = [trio for trio in zip(found, old, new, strict=True) if trio[1] != trio[2]]
    for one, before, after in changed:
        print(f"better    {one.instance.name}: {_ends(after)}, was {_ends(before)}; {after.method}")
    if changed:
        keep(suite, instances, new)
    print(f"updated   {suite.name}: {len(changed)} of {len(new)} references")


def _ends(reference: Reference) -> str:
    lower, upper = (numbers.number(end, 12) for end in (reference.lower, reference.upper))
    return f"{lower} to {upper} ({reference.kind})"


def summary(references: Sequence[Reference | Row]) -> str:
    """How many, and how many of them are proved."""
    proved = sum(reference.kind == "proved" for reference in references)
    best = len(references) - proved
    known = f", {best} best known" * bool(best)
    return f"{counted(len(references))}, {proved} proved{known}"


def counted(instances: int) -> str:
    """So many instances."""
    return f"{instances} instance{'s' * (instances != 1)}"
