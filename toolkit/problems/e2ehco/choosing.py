"""What the problem knows of good choices of servers, apart from its formula."""

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems import Options, Problem


class Choosing(Problem):
    """Rankings, heuristics, and what policies see; for `E2ehco` to derive from."""

    def ranking(self, data: Data) -> Decision:
        """Nearest server, greedy, best responses and pair moves from both; each choice once."""
        from . import ranking

        return {"server": ranking.ranked_choices(data)}

    def nearest(self, data: Data, limit: int = 0) -> Decision:
        """Every user's server of the cheapest transmission; local where all are full."""
        from . import ranking

        return {"server": ranking.nearest(data, limit)}

    def polish(self, data: Data, discrete: Decision, pairs: bool = True) -> Decision:
        """Choices after best responses and, with `pairs`, moves of two users at once.

        Both count with the best shares: where servers are split equally they may be in error, and
        what is not better stays as it was.
        """
        from . import allocation, ranking
        from .problem import shares_are_decided

        before = discrete["server"]
        after = ranking.polished(data, before, pairs)
        if not shares_are_decided(data):
            whole = (allocation.complete(data, server) for server in (before, after))
            old, new = (self.judge(data, decision).objective for decision in whole)
            after = np.where((new < old)[..., None], after, before)
        return {"server": after}

    def features(self, data: Data) -> np.ndarray:
        """What a policy sees of every user: the features of its options, one after the other."""
        from . import features

        return features.features(data)

    def options(self, data: Data) -> Options:
        """What is seen of a user's options while only some users have chosen."""
        from .options import StepOptions

        return StepOptions(data)
