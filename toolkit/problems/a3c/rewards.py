"""What a step of an episode pays: the cost that it adds, or the article's two parts."""

from dataclasses import dataclass

import numpy as np

from toolkit.component import parse_spec
from toolkit.errors import UserError, unknown

from .online import Online


@dataclass(frozen=True, kw_only=True)
class Article:
    """r_ts + r_cs of part I; the coefficients are assumptions, the article's are not at hand.

    r_ts of a task that is offloaded is what it saves against its device; of one that stays, the
    bonus while its server's burden signal is up, else 0; of one that is late, -punishment. r_cs of
    a task that is sent on is its cost where it was, less its cost where it went. Costs are the
    task's own as they seem when it is decided, if nobody came after it: not what `judge` adds up.
    """

    burden: float = 2.0  # s of work, in flight too, above which a server's signal is up
    bonus: float = 0.5
    punishment: float = 1.0

    def __post_init__(self) -> None:
        for key, value in vars(self).items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and 0 <= value < np.inf):
                raise UserError(f"reward article: {key} is {value!r}; give 0 or more.")

    def up(self, load: np.ndarray) -> np.ndarray:
        """The burden signals (…, servers) of loads (…, servers, 3)."""
        return np.asarray((load.sum(-1) > self.burden) * 1.0)

    def pay(self, line: Online, task: np.ndarray, target: np.ndarray) -> np.ndarray:
        """The reward (rows,) of a decision that is about to be taken; 0 where there is no task."""
        rows = np.arange(len(task))
        own = line.of(line.tasks.region, task)
        goes = np.where(target > 0, target - 1, own)
        delay = line.look(task, np.stack([own, goes], axis=-1))[1]
        cost = line.cost(task, delay)
        spared = np.where(target > 0, cost[:, 0] - cost[:, 2], 0.0)
        burdened = self.up(line.queues.load)[rows, own]
        kept = np.where(target == 0, self.bonus * burdened, 0.0)
        late = delay[rows, np.where(target > 0, 2, 0)] > line.tolerance
        sent = np.where((target > 0) & (goes != own), cost[:, 1] - cost[:, 2], 0.0)
        return np.where(task >= 0, np.where(late, -self.punishment, spared + kept) + sent, 0.0)


REWARDS = {
    "cost": "less the cost that a decision adds; the sum is less the episode's cost",
    "article": "r_ts + r_cs; takes burden, bonus and punishment: article[bonus=1]",
}


def reward_of(text: str) -> tuple[bool, Article]:
    """(whether it is the cost, the article's coefficients) of a reward as it is written."""
    name, given = parse_spec(str(text), "reward")
    if name not in REWARDS:
        raise unknown("reward of 'a3c'", name, REWARDS)
    known = {} if name == "cost" else vars(Article())
    for key in given:
        if key not in known:
            raise unknown(f"parameter of reward {name!r}", key, known)
    return name == "cost", Article(**given)
