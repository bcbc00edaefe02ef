"""What a generic solver finds while it runs reaches the probe through the solver's own callbacks.

So a run that has to be killed keeps the best decision and the last bound. Pyomo's interfaces have
no callbacks for this: each is extended at the one place where it has made the solver's own model.
"""

import math
import time
from collections.abc import Callable, Iterable
from typing import Any

Value = tuple[Any, float]  # a Pyomo variable and what it is
QUIET = 0.1  # seconds between two bounds that are told


class Watch:
    """What callbacks call. They run inside the solver's C code, where an exception would be lost:
    it is kept as `error` for whoever called the solver, which is then to stop."""

    def __init__(self, solution: Callable[[], None], bound: Callable[[float], None]) -> None:
        self._solution, self._bound = solution, bound
        self.error: BaseException | None = None
        self._told, self._closed = -math.inf, False

    def close(self) -> None:
        """What solvers say while they are taken down is no news."""
        self._closed = True

    def found(self, values: Iterable[Value]) -> None:
        """Puts an incumbent into the Pyomo model and has it judged."""
        for variable, value in values:
            variable.set_value(value, skip_validation=True)
        self._guarded(self._solution)

    def bounded(self, value: float) -> None:
        """Tells a dual bound, not too often; solvers write numbers from 1e20 on for none."""
        now = time.monotonic()
        if now - self._told >= QUIET and abs(value) < 1e20:
            self._told = now
            self._guarded(lambda: self._bound(value))

    def _guarded(self, act: Callable[[], None]) -> None:
        if self.error is None and not self._closed:
            try:
                act()
            except BaseException as error:
                self.error = error


def scip(watch: Watch) -> Any:
    """Pyomo's interface to SCIP, watched."""
    import pyscipopt
    from pyomo.contrib.solver.solvers.scip.scip_direct import ScipDirect

    kinds = pyscipopt.SCIP_EVENTTYPE
    bounds = getattr(kinds, "DUALBOUNDIMPROVED", kinds.NODESOLVED)  # SCIP 10; before: every node

    class Listener(pyscipopt.Eventhdlr):  # type: ignore[misc,name-defined]
        def __init__(self, pairs: Any) -> None:
            self.pairs = pairs

        def eventinit(self) -> None:
            for kind in (kinds.BESTSOLFOUND, bounds):
                self.model.catchEvent(kind, self)

        def eventexit(self) -> None:
            for kind in (kinds.BESTSOLFOUND, bounds):
                self.model.dropEvent(kind, self)

        def eventexec(self, event: Any) -> None:
            scip = self.model
            if scip.getStage() != pyscipopt.SCIP_STAGE.SOLVING:
                return  # a tree that is taken down has no open node: its "bound" is the incumbent
            if event.getType() == kinds.BESTSOLFOUND:
                best = scip.getBestSol()
                values = [(v, scip.getSolVal(best, own)) for v, own in self.pairs.items()]
                watch.found(values)
            watch.bounded(scip.getDualbound())
            if watch.error:
                scip.interruptSolve()

    class Watched(ScipDirect):  # type: ignore[misc]
        def _create_solver_model(self, model: Any, config: Any) -> Any:
            made = super()._create_solver_model(model, config)
            listener = Listener(self._pyomo_var_to_solver_var_map)
            self._solver_model.includeEventhdlr(listener, "toolkit", "incumbents and bounds")
            return made

    return Watched()


def gurobi(watch: Watch) -> Any:
    """Pyomo's interface to Gurobi's nonlinear models, watched."""
    from gurobipy import GRB
    from pyomo.contrib.solver.solvers.gurobi.gurobi_direct_minlp import GurobiDirectMINLP

    class Watched(GurobiDirectMINLP):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._callback = self._hear

        def _hear(self, model: Any, where: int) -> None:
            if where == GRB.Callback.MIPSOL:
                pairs = list(self._pyomo_gurobi_var_iter())
                values = model.cbGetSolution([own for _, own in pairs])
                watch.found((v, value) for (v, _), value in zip(pairs, values, strict=True))
            elif where == GRB.Callback.MIP:
                watch.bounded(model.cbGet(GRB.Callback.MIP_OBJBND))
            if watch.error:
                model.terminate()

    return Watched()


def highs(watch: Watch) -> Any:
    """Pyomo's interface to HiGHS, watched."""
    from pyomo.contrib.solver.solvers.highs import Highs

    class Watched(Highs):  # type: ignore[misc]
        def set_instance(self, model: Any) -> None:
            super().set_instance(model)
            self._solver_model.cbMipImprovingSolution += self._improved
            self._solver_model.cbMipInterrupt += self._asked

        def _improved(self, event: Any) -> None:
            found = event.data_out.mip_solution
            columns = self._pyomo_var_to_solver_var_map.items()
            watch.found((self._vars[key][0], found[k]) for key, k in columns)

        def _asked(self, event: Any) -> None:
            watch.bounded(event.data_out.mip_dual_bound)
            if watch.error:
                event.interrupt()

    return Watched()
