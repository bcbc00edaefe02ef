"""discopt (spatial branch and bound, Rust) on the problem's Pyomo model, through a .nl file.

Its Pyomo plug-in writes objective and bound into each other's field (0.8.0), so `from_nl` is used.
"""

import tempfile
from pathlib import Path

from toolkit.instances import Instance
from toolkit.problems import HasPyomo, Problem

from .answers import Found, Peer, completed, make_finite


class Discopt(Peer):
    name, needs, install = "discopt", ("discopt",), "discopt"

    def __init__(self, **forms: str) -> None:
        self._forms = forms

    def refuses(self, problem: Problem, instance: Instance) -> str | None:
        return None if isinstance(problem, HasPyomo) else "no algebraic model"

    def solve(self, problem: Problem, instance: Instance, gap: float, seconds: float) -> Found:
        import discopt.modeling as dm
        from pyomo.repn.plugins.nl_writer import NLWriter

        assert isinstance(problem, HasPyomo)
        form = self._forms.get(problem.name, next(iter(problem.formulations)))
        algebraic = problem.pyomo(instance, form)
        make_finite(problem, instance, algebraic)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.nl")
            with path.open("w") as file:
                told = NLWriter().write(
                    algebraic.model, file, linear_presolve=False, scale_model=False
                )
            model = dm.from_nl(str(path))
        result = model.solve(time_limit=seconds, gap_tolerance=gap, threads=1)
        said = {"optimal": "optimal", "infeasible": "infeasible"}.get(result.status, "time")
        if result.x is None:
            return Found(None, result.bound, said)
        for i, variable in enumerate(told.variables):  # in the file's order; its own follow
            variable.set_value(float(result.x[f"x{i}"]), skip_validation=True)
        return Found(completed(problem, instance, algebraic.read()), result.bound, said)
