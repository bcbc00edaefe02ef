"""Why a decision is good or bad: which tasks go to the edge, at what rates, at what cost."""

from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._pictures import MOST, Picture, Scale, Users, by_kind, heaviest

if TYPE_CHECKING:
    from .problem import Ddlo

NAMES = {0: "on the device", 1: "at the edge"}
SOME = {0: "nothing offloaded", 1: "some offloaded"}
MOST_TASKS = 400  # that are drawn one by one
MEGABIT = 1e6


def pictures(problem: "Ddlo", data: Data, decision: Decision) -> list[Picture]:
    """Where every task is computed; delays, energies and uplinks of the users."""
    delay, energy = np.asarray(problem.outcome(data, decision)).T
    some = decision["offload"].max(-1)
    users = Users.of(some, SOME, delay, "the largest delay")
    uplink = decision.get("uplink", data["share"] * data["capacity"])
    return [
        _matrix(data["size"], decision["offload"]),
        users.bars("Time until device and edge are done", "delay (s)", delay),
        users.bars("Energy", "energy (J)", energy),
        users.stacked(
            "How much is computed where",
            "input (Mbit)",
            {
                "on the device": (data["size"] * (1 - decision["offload"])).sum(-1) / MEGABIT,
                "at the edge": (data["size"] * decision["offload"]).sum(-1) / MEGABIT,
            },
        ),
        users.bars("Uplink", "rate (Mbit/s)", uplink / MEGABIT),
    ]


def _matrix(size: np.ndarray, offload: np.ndarray) -> Picture:
    """A mark for every task of all users, or of those with the largest inputs."""
    rows = max(1, min(MOST, MOST_TASKS // size.shape[1]))
    kept, said = heaviest(size.sum(-1), f"users the {rows} with the most bits", rows)
    where = offload[kept].astype(int).ravel()
    row, task = np.indices(size[kept].shape).reshape(2, -1)
    told = [f"{bits / MEGABIT:.4g} Mbit" for bits in size[kept].ravel()]
    return Picture(
        title="Where every task is computed",
        x=Scale(label="task", names=[str(k + 1) for k in range(size.shape[1])]),
        y=Scale(label="user", names=[str(i + 1) for i in kept]),
        marks=by_kind(where, NAMES, task, row, "points", told),
        caption=said,
    )
