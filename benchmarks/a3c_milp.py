"""Episodes of a few slots as mixed-integer programs: HiGHS and SCIP, both forms and disciplines.

python benchmarks/a3c_milp.py [--slots 1 2 3] [--instances 2] [--seconds 60] [--gap 1e-4]
"""

import argparse
import itertools
import time

from pyomo.contrib.solver.common.factory import SolverFactory

from toolkit import problems

ROUTES = {
    "highs": ("highs", {"threads": 1}),
    "scip": ("scip_direct", {"display/verblevel": 0}),
}


def solve(problem, instance, form, solver, given):
    """One line: the model's objective, the judge's of its decision, the gap left, seconds."""
    route, options = ROUTES[solver]
    algebraic, begun = problem.pyomo(instance, form), time.process_time()
    found = SolverFactory(route).solve(
        algebraic.model,
        rel_gap=given.gap,
        time_limit=given.seconds,
        solver_options=options,
        load_solutions=False,
        raise_exception_on_nonoptimal_result=False,
    )
    took = time.process_time() - begun
    found.solution_loader.load_vars()
    judged = float(problem.evaluate(instance.data, algebraic.read()).objective)
    left = (judged - found.objective_bound) / judged
    return f"{found.incumbent_objective:.6f} {judged:.6f} {left:8.1e} {took:6.1f} s"


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--slots", type=int, nargs="+", default=[1, 2, 3])
    asked.add_argument("--instances", type=int, default=2)
    asked.add_argument("--seconds", type=float, default=60.0)
    asked.add_argument("--gap", type=float, default=1e-4)
    asked.add_argument("--disciplines", nargs="+", default=["fcfs", "own-first"])
    asked.add_argument("--forms", nargs="+", default=["backlog", "lindley"])
    given = asked.parse_args()
    print("discipline tasks form solver: own objective, judged, gap left, processor seconds")
    for discipline, slots in itertools.product(given.disciplines, given.slots):
        problem = problems.load("a3c", slots=slots, density=0.9, discipline=discipline)
        for index in range(given.instances):
            instance = problem.instance(index)
            tasks = int(instance.data["has"].sum())
            forms = given.forms if discipline == "fcfs" else ["backlog"]
            for form, solver in itertools.product(forms, ROUTES):
                line = solve(problem, instance, form, solver, given)
                print(f"{discipline:9} {tasks:3} {form:8} {solver:5}", line, flush=True)


if __name__ == "__main__":
    main()
