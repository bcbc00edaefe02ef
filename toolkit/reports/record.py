"""A record: everything that is kept of one run, as plain JSON values."""

import math
from typing import Annotated, Any

import msgspec

from toolkit.problems import TOLERANCE

# The keys of a line of `--json`, in this order; `environment` and what is large stay in the store.
PUBLIC = (
    "problem",
    "preset",
    "n_users",
    "instance",
    "digest",
    "solver",
    "params",
    "label",
    "seed",
    "status",
    "stop",
    "verdict",
    "reason",
    "claim",
    "sense",
    "objective",
    "bound",
    "gap",
    "gap_to_best",
    "violation",
    "terms",
    "seconds",
    "wall",
    "cpu_seconds",
    "peak_memory",
    "yardstick",
    "signal",
    "evaluations",
    "message",
    "details",
    "key",
)
FAILED = "error"
BROKEN_OFF = ("crashed", "killed", "memory")  # stops of a run that did not end by itself, or well


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One run. Numbers are finite or None; `seconds` is the solver's own time, `wall` all of it.

    problem_params  the generator's fields; `params` are the solver's
    label           how tables call the solver: its name and the parameters that were changed
    limits          {"seconds": s or None, "evaluations": e or None, "memory": bytes or None}
    cpu_seconds     of processor while it was solving, what it started included; None: not measured
    peak_memory     bytes: the most that its process and what that started held at a time
    signal          the name of the signal that ended its process, where one did
    load            the host's load average over a minute when it began
    yardstick       seconds that the reference workload took there, at most half a minute before
    environment     versions, host, threads: what the numbers were made with
    decision        {block: nested lists}, as judged; empty where there is none
    certificate     `Certificate.as_json()`, or None
    trace           [[seconds, evaluations, objective, bound], …], one row an improvement
    details         what else the solver keeps; reports know these keys, all optional:
      note                              what a table says below the row
      training_seconds, training_steps  what a policy cost before its first decision
      batch, batch_seconds              instances decided at once, and the seconds for one of them
      first_feasible                    whether its first guess was feasible, before any repair
      choice, uniform                   its discrete choices as text; whether all are the same
      final                             objective, violation, feasible of the policy left at the end
      explored, explored_feasible       decisions tried while learning, and the share feasible
      curve                             {name: [value an episode]}
      tenths                            {name: [mean over a tenth of the frames of an episode]}:
                                        objective, and candidates judged a frame while learning
      processor_seconds_each            of the process, for a frame that was decided and learnt from
    log             what the solver printed, and the traceback of a failure
    about           what the problem says of itself, all optional: {"instance": words, "objective":
                    words, "terms": {term that tables show: its unit}}
    """

    key: str
    problem: str
    version: int
    preset: str | None
    n_users: int
    problem_params: dict[str, Any]
    instance: str
    digest: str
    sense: str
    solver: str
    params: dict[str, Any]
    label: str
    seed: int
    status: str
    stop: str
    verdict: str = ""
    reason: str = ""
    claim: str = ""
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None
    violation: float | None = None
    seconds: float = 0.0
    wall: float = 0.0
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    signal: str = ""
    load: float | None = None
    yardstick: float | None = None
    evaluations: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    message: str = ""
    terms: dict[str, float | None] = {}
    limits: dict[str, float | None] = {}
    environment: dict[str, Any] = {}
    decision: dict[str, Any] = {}
    certificate: dict[str, Any] | None = None
    trace: list[list[float | None]] = []
    details: dict[str, Any] = {}
    log: str = ""
    about: dict[str, Any] = {}

    @property
    def refused(self) -> bool:
        return self.status == "refused"

    @property
    def failed(self) -> bool:
        """Whether it broke off, be there a decision to show for it or not."""
        return self.status == FAILED or self.stop in BROKEN_OFF

    @property
    def refuted(self) -> bool:
        return self.verdict == "refuted"

    @property
    def sign(self) -> int:
        """+1 where the problem minimises, -1 where it maximises."""
        return 1 if self.sense == "min" else -1

    @property
    def feasible(self) -> bool:
        """Whether it has a feasible decision that nothing speaks against."""
        return (
            finite(self.objective) is not None
            and self.violation is not None
            and self.violation <= TOLERANCE
            and not self.refuted
        )

    @property
    def said(self) -> str:
        """The checker's verdict; where there is none, the solver's own word in brackets."""
        return self.verdict or (f"({self.claim})" if self.claim else "-")

    @property
    def proven(self) -> bool:
        """Whether the checker has re-proved its bound."""
        return self.verdict in ("proved", "bounded")

    def public(self, gap_to_best: float | None = None) -> dict[str, Any]:
        """The row of `--json`."""
        row = {name: getattr(self, name) for name in PUBLIC if name != "gap_to_best"}
        return {name: gap_to_best if name == "gap_to_best" else row[name] for name in PUBLIC}


def finite(value: float | None) -> float | None:
    """The number itself, or None where JSON has no word for it."""
    try:
        return None if value is None or not math.isfinite(value) else float(value)
    except OverflowError:  # an integer of hundreds of digits
        return None
