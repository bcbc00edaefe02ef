"""Why a decision is good or bad: how the frame is divided, and what rate each user has of it."""

from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Data, Decision
from toolkit.problems._pictures import HOME, Marks, Picture, Scale, Users

if TYPE_CHECKING:
    from .problem import Droo

NAMES = {0: "computes locally", 1: "offloads"}


def pictures(problem: "Droo", data: Data, decision: Decision) -> list[Picture]:
    """The frame from charging to the last upload; rates and channels."""
    offload = decision["offload"]
    users = Users.of(offload, NAMES, data["weight"] * data["gain"], "the best weighted channel")
    rate = np.zeros(len(offload))
    rate[users.kept] = rates(problem, data, decision, users.kept)
    weighted = "rate times weight (bit/s)"
    return [
        _frame(users, decision),
        users.bars("What every user adds to the objective", weighted, rate),
        users.points(
            "Who offloads: channel against rate",
            Scale(label="channel power gain", log=True),
            Scale(label=weighted),
            data["gain"],
            rate,
        ),
    ]


def rates(problem: "Droo", data: Data, decision: Decision, kept: np.ndarray) -> np.ndarray:
    """What users add to the objective, (kept,), bit/s: what `judge` says where others weigh
    nothing."""
    weight = np.zeros((len(kept), len(data["weight"])))
    weight[np.arange(len(kept)), kept] = data["weight"][kept]
    return np.asarray(problem.judge({**data, "weight": weight}, decision).objective)


def _frame(users: Users, decision: Decision) -> Picture:
    """Charging, then the slots one after the other, each on its user's line."""
    slot = np.where(decision["offload"] > 0, decision["slot"], 0.0)
    end = float(decision["charge"]) + slot.cumsum()
    there = np.flatnonzero(slot[users.kept] > 0)
    upload = users.kept[there]
    rows = len(users.kept)
    marks = [
        Marks(
            label="charging", x=[0.0], y=[rows], x2=[float(decision["charge"])], y2=[rows],
            style="segments", thick=True, category=HOME,
        ),
        Marks(
            label="upload", x=end[upload] - slot[upload], y=there, x2=end[upload], y2=there,
            style="segments", thick=True,
        ),
    ]  # fmt: skip
    used = f"Charging and uploads take {100 * end[-1]:.4g} % of the frame."
    return Picture(
        title="How the frame is divided",
        x=Scale(label="share of the frame"),
        y=Scale(label="user", names=[*(str(i + 1) for i in users.kept), "all"]),
        marks=marks,
        caption=" ".join(filter(None, (used, users.said))),
    )
