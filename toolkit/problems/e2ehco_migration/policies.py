"""Rules that do not learn, and the ceiling that they reach: what a learner is measured against."""

import numpy as np

from toolkit.arrays import Data, Decision

from .machine import first_servers, upload_rates
from .paths import Costs, Network, Rule
from .planning import planned

ALMOST = 1 - 1e-9  # a server is never given out whole
ROUNDS = 2  # over all users, of plans


def by_rule(data: Data, rule: str) -> Decision:
    """The decisions of a rule for a batch of instances, (*batch, seconds, users) each."""
    every = {"stay": stay, "nearest": follow, "toggle": toggle, "plan": plan}
    one = {**every, "plan-never": plan_never, "plan-nearest": plan_nearest}[rule]
    many = np.shape(data["limit"])
    rows = [one({key: value[place] for key, value in data.items()}) for place in np.ndindex(many)]
    return {
        name: np.stack([row[name] for row in rows]).reshape(*many, *block.shape)
        for name, block in rows[0].items()
    }


def stay(data: Data) -> Decision:
    """Every user keeps to the server of its first request, with CPU for one second's processing;
    with the like of a server's connections where that is less."""
    first, share = first_servers(data), ALMOST * float(data["server_cpu"]) / float(data["limit"])
    seconds, users = np.shape(data["position"])[:2]
    return {
        "cpu": np.full((seconds, users), min(float(data["process"]), share)),
        "bandwidth": np.zeros((seconds, users)),
        "target": np.broadcast_to(first + 1.0, (seconds, users)).copy(),
    }


def follow(data: Data) -> Decision:
    """Every user is always served by the nearest server, or on its way there."""
    decision = stay(data)
    sent = np.full_like(decision["bandwidth"], min(float(data["migrate"]), float(data["link"])))
    return {**decision, "bandwidth": sent, "target": upload_rates(data).argmax(-1) + 1.0}


def toggle(data: Data) -> Decision:
    """Another server every second, with no bandwidth to go there.

    Where a migrating request counts as served (`unserved` is 0) every second one is.
    """
    decision = stay(data)
    servers = len(data["site"])
    when = np.arange(len(decision["target"]))[:, None] + 1
    return {**decision, "target": (decision["target"] - 1 + when) % servers + 1}


def plan(data: Data) -> Decision:
    """All users planned, one after the other and anew, with migrations where they pay."""
    return _plan(data, "free")


def plan_never(data: Data) -> Decision:
    """The same, and nobody migrates."""
    return _plan(data, "never")


def plan_nearest(data: Data) -> Decision:
    """The same, and everybody is served by the nearest server, or on the way there."""
    return _plan(data, "nearest")


def _plan(data: Data, rule: Rule) -> Decision:
    network = Network(data, rule)
    nothing = Costs.zeros(network.seconds, network.servers)
    return planned(network, nothing, ROUNDS, 0).decision()


def ceiling(data: Data) -> float:
    """Completions that no decision exceeds.

    A request is connected for a second, then uploads, is processed and downloads, each in as many
    seconds as the best rate needs, and holds a place all the while; the first second completes
    nothing. If migrating ends a request sooner: connected, migrating, and as many seconds as
    `unserved` takes, without a place.
    """
    whole, users = np.shape(data["position"])[:2]
    one = {key: float(data[key]) for key in data if np.ndim(data[key]) == 0}
    best = float(upload_rates(data).max())
    if best == 0:  # no server is ever in reach
        return 0.0
    seconds = 1 + sum(
        int(np.ceil(size / rate))
        for size, rate in (
            (one["upload"], best),
            (one["process"], one["server_cpu"]),
            (one["download"], one["receive"]),
        )
    )
    down = int(np.ceil(one["download"] / one["receive"]))
    short = 2 + int(np.ceil(one["unserved"] / one["receive"]))
    if short < seconds:
        return float(users * (whole // short))
    places = int(one["limit"]) * len(data["site"])
    held = seconds - down + 1  # who migrates while it downloads gives its place up
    return float(min(users * ((whole - 1) // seconds), places * (whole - 1) // held))


def migrating_completes(data: Data) -> bool:
    """Whether an episode is long enough for a migrating request to pass for a completed one."""
    seconds = np.shape(data["position"])[0]
    return bool(float(data["unserved"]) < (seconds + 1) * float(data["receive"]))
