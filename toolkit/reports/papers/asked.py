"""What a plan asks of a study: panels to draw, and claims to measure."""

import math

import msgspec

TREND = 0.75  # of the pairs of settings
OURS = "ours: "  # begins what a claim says that is not the paper's


class Panel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One set of axes. Without `x` every method is one point with its interval."""

    y: str  # a metric
    x: str | None = None  # the field that the plan sweeps, "episode", "tenth" or "evaluations"
    log: bool = False
    methods: list[str] | None = None  # None: all that have the metric


class PaperClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sentence of a paper as something that can be measured by one of the first three.

    below    another method, of which `of` has less on the same instance with the same seed, by
             more than `margin`; `times` (10: an order of magnitude) multiplies what `of` has
    at_most  a number that the median of `of` does not exceed
    trend    "falls" or "grows" along the sweep: in at least TREND of all pairs of its values;
             with `over`, a method: of what `of` has more than that (`relative`: as a share)

    where    in the paper it stands: "Fig. 7", "abstract"; empty where it is no claim of the paper
    paper    what the paper reports there, with its unit; empty where that is not known
    """

    says: str
    metric: str
    of: str
    below: str | None = None
    at_most: float | None = None
    trend: str | None = None
    over: str | None = None
    relative: bool = False
    margin: float = 0.0
    times: float = 1.0
    where: str = ""
    paper: str = ""

    @property
    def own(self) -> bool:
        """Whether we claim it, not the paper."""
        return self.says.startswith(OURS)

    def __post_init__(self) -> None:
        given = [one for one in (self.below, self.at_most, self.trend) if one is not None]
        if len(given) != 1 or self.trend not in (None, "falls", "grows"):
            raise ValueError("give one of below, at_most and trend ('falls' or 'grows')")
        if not math.isfinite(self.margin) or not math.isfinite(self.at_most or 0.0):
            raise ValueError("at_most and margin must be finite")
        if not (math.isfinite(self.times) and self.times > 0):
            raise ValueError("times must be a positive number")
        if self.times != 1.0 and self.below is None:
            raise ValueError("times goes with below")
        if (self.over and not self.trend) or (self.relative and not self.over):
            raise ValueError("over goes with trend, and relative with over")
        if self.own and (self.where or self.paper):
            raise ValueError("where and paper are of the paper's claims, not of ours")
