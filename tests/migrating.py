"""Episodes of e2ehco_migration as whole programmes: a time-indexed model, and every decision."""

import itertools

import numpy as np

from toolkit import problems
from toolkit.problems.e2ehco_migration import _kernels, machine
from toolkit.problems.e2ehco_migration.paths import Network


def small(seed, **changes):
    """A random small episode: its problem and data."""
    rng = np.random.default_rng(seed)
    fields = {
        "n_users": int(rng.integers(2, 4)),
        "n_servers": int(rng.integers(1, 4)),
        "seconds": int(rng.integers(8, 12)),
        "held": int(rng.integers(3, 7)),
        "limit": float(rng.integers(1, 3)),
        "block": float(rng.choice([9e4, 1.35e5])),
        "uplink": float(rng.choice([2.5e4, 5e4])),
        "server_cpu": float(rng.choice([4e6, 9e6, 1.5e7])),
        "link": float(rng.choice([2e7, 5e7])),
        "link_back": float(rng.choice([0.0, 2e7])),
        "patience": float(rng.integers(1, 5)),
    } | changes
    problem = problems.load("e2ehco_migration", "hardened-tiny", **fields)
    data = problem.instance(seed).data
    shift = rng.uniform(-600, 600, data["position"].shape[-2:])
    return problem, {**data, "position": data["position"] + shift}


def time_indexed(data):
    """The most completions by whole paths, by HiGHS through Pyomo.

    Arcs of a network over time for each user; CPU in the pieces that plans use.
    """
    import pyomo.environ as pyo

    net = Network(data)
    arcs, limits = [], {}
    for user in range(net.users):
        for tail, head, worth, needs in _reached(_arcs(net, user)):
            arcs.append(((user, tail), (user, head), worth))
            for what, much in needs:
                limits.setdefault(what, []).append((len(arcs) - 1, much))
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(len(arcs)), domain=pyo.Binary)
    flow = {}
    for a, (tail, head, _) in enumerate(arcs):
        flow.setdefault(tail, []).append(-model.x[a])
        flow.setdefault(head, []).append(model.x[a])
    model.limits = pyo.ConstraintList()
    for (_, node), terms in flow.items():
        if node != "end":
            model.limits.add(sum(terms) == (-1 if node == "start" else 0))
    rooms = {"place": net.places, "cpu": net.cpu}
    for what, terms in limits.items():
        room = rooms[what[0]] if what[0] in rooms else net.roads[what[2:]]
        model.limits.add(sum(much * model.x[a] for a, much in terms) <= room)
    model.most = pyo.Objective(
        expr=sum(w * model.x[a] for a, (_, _, w) in enumerate(arcs)), sense=pyo.maximize
    )
    pyo.SolverFactory("appsi_highs").solve(model)
    return round(pyo.value(model.most))


def _reached(arcs):
    """The arcs on paths from the start; they come in no order."""
    out = {}
    for arc in arcs:
        out.setdefault(arc[0], []).append(arc)
    found, stack = [], ["start"]
    seen = {"start"}
    while stack:
        for arc in out.get(stack.pop(), ()):
            found.append(arc)
            if arc[1] not in seen:
                seen.add(arc[1])
                stack.append(arc[1])
    return found


def _arcs(net, user):
    """(tail, head, completions, needs) of all arcs that a user's path may take."""
    reach, seconds, last = net.reach[user], net.seconds, net.strict.states - 1
    servers, until = range(net.servers), min(net._plan[2] - 1, net.seconds)

    def after(t, m, s):
        if t + 1 >= seconds:
            return "end"
        return ("here", t + 1, m, s) if reach[t + 1, m] else ("free", t + 1)

    def served(t, m, s, source):
        """What a second at a server leads to: (head, completions, needs)."""
        if s == last:
            head = after(t, m, s)
            if head == "end" or head[0] == "free":
                yield head, 0, []
                return
            over = t + 1 + net.tail
            head = ("free", over) if over < seconds else "end"
            yield head, int(over < seconds), [(("place", t + 1, m), 1)]
            return
        on = t + 1 < seconds and s < net.blocks
        yield after(t, m, min(s + reach[t + 1, m], net.blocks) if on else s), 0, []
        for (tail, head), much in zip(net.strict.pairs, net.strict.amount, strict=True):
            if tail == s:
                yield after(t, m, int(head)), 0, [(("cpu", t, source), much)]

    yield "start", ("free", until) if until < seconds else "end", 0, []
    for t in range(until):
        if reach[t, net.first[user]]:
            yield "start", ("here", t, int(net.first[user]), 0), 0, []
    for t in range(seconds):
        later = t + 1 < seconds
        yield ("free", t), ("free", t + 1) if later else "end", 0, []
        for m, s in itertools.product(servers, range(last + 1)):
            if s == 0 and reach[t, m]:
                yield ("free", t), ("here", t, m, 0), 0, []
            place = [(("place", t, m), 1)]
            for head, worth, needs in served(t, m, s, m):
                yield ("here", t, m, s), head, worth, needs + place
            yield ("here", t, m, s), ("gone", t, m, s), 0, place
            yield ("gone", t, m, s), ("gone", t + 1, m, s) if later else "end", 0, []
            for k in servers:
                if k == m:
                    continue
                if net.roads[m, k] > 0 and later:
                    yield ("gone", t, m, s), ("paid", t + 1, m, k, s), 0, [(("road", t, m, k), 1)]
                yield ("paid", t, k, m, s), ("paid", t + 1, k, m, s) if later else "end", 0, []
                if reach[t, m] and k < m:
                    yield ("paid", t, k, m, s), ("here", t, m, s), 0, []
                elif reach[t, m]:
                    for head, worth, needs in served(t, m, s, k):
                        yield ("paid", t, k, m, s), head, worth, needs


def every_decision(data):
    """The most completions of decisions of none or a piece of CPU, by the machine itself.

    Second after second, all records of users that can be reached, with their most completions.
    """
    net = Network(data)
    rate, upload = machine.counted(data)
    sizes = machine.sizes_of(data, upload)
    room, link = np.empty(net.servers), np.empty((net.servers, net.servers))
    ways = list(itertools.product((0.0, net.strict.amount[0]), range(net.servers)))
    whole, left = np.zeros((net.users, 6), np.int64), np.zeros((net.users, 5))
    _kernels.begin(net.first, whole, left, sizes)
    sent, known = np.full(net.users, float(data["migrate"])), {b"": (0.0, whole, left)}
    for t in range(net.seconds):
        found = {}
        for done, whole, left in known.values():
            for choice in itertools.product(ways, repeat=net.users):
                cpu, target = (np.array(part) for part in zip(*choice, strict=True))
                w, v, more = whole.copy(), left.copy(), np.zeros(net.users)
                _kernels.second(rate[t], cpu, sent, target, w, v, room, link, more, sizes)
                key = w.tobytes() + v.tobytes()
                if key not in found or found[key][0] < done + more.sum():
                    found[key] = (done + more.sum(), w, v)
        known = found
    return max(done for done, _, _ in known.values())
