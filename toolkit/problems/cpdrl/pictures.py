"""Why a decision is good or bad: who offloads, who is given what, and what that costs each."""

from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._pictures import Picture, Scale, Users, level

if TYPE_CHECKING:
    from .problem import Cpdrl

NAMES = {0: "on the device", 1: "at the server"}


def pictures(problem: "Cpdrl", data: Data, decision: Decision) -> list[Picture]:
    """Delays against the deadline, energies, shares of what there is, and the channels."""
    delay, energy = np.asarray(problem.outcome(data, decision)).T
    users = Users.of(decision["offload"], NAMES, delay, "the largest delay")
    limit = level("deadline", float(data["deadline"]), len(users.kept))
    offloaders = int(decision["offload"].sum())
    cpu = f"{offloaders} offload; each has 1/{offloaders} of the server's CPU."
    work = data["size"] * data["cycles"]
    return [
        users.bars("Delay", "delay (s)", delay, limit, caption=cpu if offloaders else ""),
        users.bars("Energy", "energy (J)", energy),
        users.compared(
            "What everybody is given",
            "share of what there is at most",
            {
                "bandwidth": decision["bandwidth"] / data["bandwidth"],
                "power": decision["power"] / data["p_max"],
                "own CPU": decision["frequency"] / data["f_max"],
            },
            "Bandwidth: of what all share; power and CPU: of the user's largest.",
        ),
        users.points(
            "Who offloads: channel against work",
            Scale(label="channel power gain", log=True),
            Scale(label="work of the task (cycles)"),
            data["gain"],
            work,
        ),
    ]
