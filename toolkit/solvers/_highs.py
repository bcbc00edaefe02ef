"""A master on HiGHS: solved with or without integrality, over boxes, with rows that are added."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from toolkit.problems._knowledge import Master


class Linear:
    """One `Master` in HiGHS. `duals` (of the first rows) and `bound` are of the last solve.

    Costs are scaled to at most one, because the tolerances of HiGHS are absolute.
    """

    def __init__(self, master: Master) -> None:
        import highspy

        self.master = master
        self._scale = float(np.abs(master.cost).max()) or 1.0
        self.duals = np.zeros(0)
        self.bound = -math.inf
        self._highs, self._highspy = highspy.Highs(), highspy
        self._error: BaseException | None = None
        for option, value in {"output_flag": False, "threads": 1}.items():
            self._highs.setOptionValue(option, value)
        self._highs.passModel(self._model())

    def _model(self) -> Any:
        """The master as HiGHS takes it, columns continuous."""
        master, lp = self.master, self._highspy.HighsLp()
        rows, columns = master.matrix.shape
        matrix = master.matrix.tocsr()
        lp.num_col_, lp.num_row_ = columns, rows
        lp.col_cost_, lp.offset_ = master.cost / self._scale, master.offset / self._scale
        lp.col_lower_, lp.col_upper_ = master.box
        lp.row_lower_, lp.row_upper_ = master.rows
        lp.a_matrix_.format_ = self._highspy.MatrixFormat.kRowwise
        lp.a_matrix_.num_col_, lp.a_matrix_.num_row_ = columns, rows
        lp.a_matrix_.start_ = matrix.indptr
        lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indices, matrix.data
        return lp

    def confine(self, box: tuple[np.ndarray, np.ndarray]) -> None:
        """Sets the bounds of all columns."""
        columns = np.arange(len(box[0]), dtype=np.int32)
        self._highs.changeColsBounds(len(columns), columns, *box)

    def integral(self, on: bool) -> None:
        """Makes the master's integer columns integer, or continuous again."""
        kinds = self._highspy.HighsVarType
        kind = np.uint8(int(kinds.kInteger if on else kinds.kContinuous))
        columns = np.asarray(self.master.integer, np.int32)
        self._highs.changeColsIntegrality(len(columns), columns, np.full(len(columns), kind))

    def hear(self, improved: Callable[[np.ndarray], None]) -> None:
        """Has a function called with each better integral point while a solve goes on.

        HiGHS must not be asked for anything meanwhile. What it raises, `solve` raises.
        """

        def found(event: Any) -> None:
            if self._error is None:
                try:
                    improved(np.array(event.data_out.mip_solution))
                except BaseException as error:  # it would be lost in the solver's own code
                    self._error = error

        def asked(event: Any) -> None:
            if self._error is not None:
                event.interrupt()

        self._highs.cbMipImprovingSolution += found
        self._highs.cbMipInterrupt += asked

    def solve(self, seconds: float, gap: float = 0.0) -> np.ndarray | None:
        """The best point, None where there is none or the time is over."""
        if math.isfinite(seconds):  # HiGHS counts the run time of all calls together
            self._highs.setOptionValue("time_limit", self._highs.getRunTime() + seconds)
        self._highs.setOptionValue("mip_rel_gap", gap)
        self._highs.run()
        if self._error is not None:
            raise self._error
        status = self._highs.getModelStatus()
        self.bound = self._highs.getInfo().mip_dual_bound * self._scale
        if status != self._highspy.HighsModelStatus.kOptimal:
            return None
        solution = self._highs.getSolution()
        duals = np.array(solution.row_dual)[: self.master.matrix.shape[0]]
        self.duals = duals * self._scale
        return np.array(solution.col_value)

    def cut(self, x: np.ndarray) -> int:
        """Adds the master's cuts at a point; returns their number."""
        matrix, lower = self.master.cuts(x)
        count = len(lower)
        if count:
            matrix = matrix.tocsr()
            infinite = np.full(count, math.inf)
            starts = matrix.indptr[:-1].astype(np.int32)
            index, value = matrix.indices.astype(np.int32), matrix.data
            self._highs.addRows(count, lower, infinite, len(value), starts, index, value)
        return count
