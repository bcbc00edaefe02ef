"""What the problem knows of good choices of targets, apart from its formula."""

from collections.abc import Callable

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems import Problem


class Choosing(Problem):
    """Rankings, heuristics, and what policies see; for `DglSlot` to derive from."""

    def ranking(self, data: Data) -> Decision:
        """Local, own servers, greedy by the roots; and all of them polished. Each choice once."""
        from . import ranking

        return {"target": ranking.ranked_choices(data)}

    def nearest(self, data: Data, limit: int = 0) -> Decision:
        """Every user on its own cell's server, whatever is cached there; local where it is full."""
        from . import ranking

        return {"target": ranking.nearest(data, limit)}

    def polish(self, data: Data, discrete: Decision, pairs: bool = True) -> Decision:
        """Choices after moves of single users and, with `pairs`, of two at once.

        They count with noise of the whole band: where it is that of a part they may be in error,
        and what is not better stays as it was.
        """
        from . import allocation, ranking
        from .costs import noise_is_fixed

        before = np.asarray(discrete["target"])
        after = ranking.polished(data, before, pairs)
        if not noise_is_fixed(data):
            whole = (allocation.complete(data, choice) for choice in (before, after))
            old, new = (self.judge(data, decision).objective for decision in whole)
            after = np.where((new > old)[..., None], after, before)
        return {"target": after}

    def pricing(self, data: Data) -> Callable[[Decision], np.ndarray] | None:
        """By costs and squared loads, where the noise is that of the whole band."""
        from . import ranking
        from .costs import noise_is_fixed

        return ranking.pricing(data) if noise_is_fixed(data) else None

    def features(self, data: Data) -> np.ndarray:
        """What a policy sees of every user: of itself, and of every server."""
        from . import features

        return features.features(data)
