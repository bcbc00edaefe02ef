"""A stranger's checker: re-proves a `cpdrl` record from docs/certificates.md alone, in one file.

    python check_cpdrl.py RECORD.json

It imports nothing of the toolkit, only python-flint, whose balls enclose every rounding. Read it
from top to bottom to know why a bound holds: what a user costs at least (`Users`), what a leaf is
worth (`leaf_bound`), and that leaves cover everything (`tree_bound`). Guesses are floats: any do.
"""

import json
import math
import sys
from fractions import Fraction
from itertools import pairwise

from flint import arb, ctx

ctx.prec = 128
INF = math.inf
TOLERANCE = 1e-6  # relative: so much a decision may violate a constraint
EDGE = 1 + Fraction(1, 2**40)  # a limit that is just what is needed, or rounded, is kept


class Refuted(Exception):
    """Something is wrong with the record."""


# and what Python says where a value of the record is of another kind than it must be
WRONG = (Refuted, LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


class Users:
    """One instance's users in balls: what they cost at least, here and offloading."""

    def __init__(self, data):
        self.tau, self.total = arb(data["deadline"]), Fraction(data["bandwidth"])
        self.w1, self.w2 = arb(data["weight_delay"]), arb(data["weight_energy"])
        self.p_max, self.kappa = arb(data["p_max"]), arb(data["kappa"])
        self.bits = [arb(v) for v in data["size"]]
        self.cycles = [d * arb(c) for d, c in zip(self.bits, data["cycles"], strict=True)]
        self.f_max = [arb(v) for v in data["f_max"]]
        self.h = [arb(g) / arb(data["noise"]) for g in data["gain"]]
        self.work = [c / arb(data["f_server"]) for c in self.cycles]
        self.n = len(self.bits)
        late = self.tau * float(EDGE)
        self.stuck = [bool(c > late * f) for c, f in zip(self.cycles, self.f_max, strict=True)]
        self.local = [self._local(i) for i in range(self.n)]
        self.slack = [self.line(i, 0.0) for i in range(self.n)]
        self.pace = [self._pace(i, 0.0) for i in range(self.n)]

    def _local(self, i):
        """min of w1 C/f + w2 kappa f^2 C over C/tau <= f <= f_max: convex in f, so at least its
        tangent at any f0, which is least at an end; beyond 2 f0 the energy is fourfold."""
        c, low, high = self.cycles[i], self.cycles[i] / self.tau, self.f_max[i]
        best = (float(self.w1) / (2 * float(self.w2) * float(self.kappa))) ** (1 / 3)
        f0 = arb(min(max(best, float(low)), float(high)))
        hot = self.w2 * self.kappa * f0**2
        slope = 2 * hot / f0 - self.w1 / f0**2
        near = self.w1 / f0 + hot + (slope * (low - f0)).min(slope * (high.min(2 * f0) - f0))
        return c * (near if high < 2 * f0 else near.min(4 * hot))

    def line(self, i, mu):
        """(q, slope, fixed): offloading costs at least 2 s q + k slope - fixed at any price s^2.

        By c/b + s^2 b >= 2 s sqrt(c) for a bandwidth b, c = min over p of (w1 + mu + w2 p) D /
        log2(1 + h p); and mu (T - tau) <= 0 is added. ln(1 + h p) is concave: below its tangent at
        any x = h p0, and linear over linear is monotone, least at p = 0 or p = p_max.
        """
        weight, top = self.w1 + arb(mu), self.h[i] * self.p_max
        x = arb(self._snr(i, mu))
        idle = x.log1p() - x / (1 + x)
        ratio = (weight / idle).min((weight + self.w2 * self.p_max) / (idle + top / (1 + x)))
        root = (self.bits[i] * arb(2).log() * ratio).sqrt()
        return root, weight * self.work[i], arb(mu) * self.tau

    def _snr(self, i, mu):
        """A guess of the best h p = e^y - 1: the root of y e^y - e^y + 1 = (w1 + mu) h / w2."""
        h = float(self.h[i])
        goal, top = (float(self.w1) + mu) * h / float(self.w2), math.log1p(h * float(self.p_max))
        y = min(math.sqrt(2 * goal), 1 + math.log1p(goal), top)
        for _ in range(30):
            step = ((y - 1) * math.exp(y) + 1 - goal) / (y * math.exp(y))
            y = min(max(y - step, 1e-9 * top), top)
            if abs(step) < 1e-15 * y:
                break
        return math.expm1(y)

    def _pace(self, i, mu):
        """Seconds of an upload for each unit of s, about."""
        nats = float(self.bits[i]) * math.log(2)
        return nats / (math.log1p(self._snr(i, mu)) * float(self.line(i, mu)[0]))

    def multiplier(self, i, s, k):
        """A guess of the best mu >= 0: where the upload takes just what the deadline leaves."""
        room = float(self.tau - self.work[i] * k)
        if room <= 0 or s * self.pace[i] <= room:
            return 0.0

        def late(mu):
            return s * self._pace(i, mu) > room

        low, high = 0.0, float(self.w1)
        while late(high) and high < 1e30:
            low, high = high, 4 * high
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if late(middle) else (low, middle)
        return high

    def need(self, i, k):
        """A number that the bandwidth of user i is not below if k offload; INF: none suffices."""
        room = self.tau - self.work[i] * k
        if room <= 0:
            return INF
        least = self.bits[i] * arb(2).log() / ((self.h[i] * self.p_max).log1p() * room)
        return lowest(least) if room > 0 else Fraction(0)


def lowest(ball):
    """The lower end of a ball as a fraction; -INF where there is none."""
    if not ball.is_finite():
        return -INF
    mantissa, exponent = ball.lower().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


# A region: (k1, k2, users inside, users outside). What it is worth at least:


def leaf_bound(users, region, prices):
    """No decision of the region costs less; INF: none of them meets deadlines and bandwidth."""
    k1, k2, inside, outside = region
    # who cannot run here must go; who could not upload even with all of B must stay
    inside = inside | {i for i in range(users.n) if users.stuck[i]}
    k1 = max(k1, len(inside))
    outside = outside | {i for i in range(users.n) if users.need(i, k1) > users.total * EDGE}
    k2 = min(k2, users.n - len(outside))
    if k1 > k2 or inside & outside:
        return INF
    if prices.get("infeasible") is True:
        free = [users.need(i, k1) for i in range(users.n) if i not in inside | outside]
        least = sorted(free)[: k1 - len(inside)]
        needs = [*least, *(users.need(i, k1) for i in inside)]
        return INF if INF in needs or sum(needs) > users.total * EDGE else -INF
    ends = prices_at(region, prices, k1, k2)
    least = worth(users, ends, inside, outside, users.slack)
    lines = [best_line(users, i, ends, i in inside) for i in range(users.n)]
    same = all(one is other for one, other in zip(lines, users.slack, strict=True))
    return least if same else max(least, worth(users, ends, inside, outside, lines))


def prices_at(region, prices, k1, k2):
    """[(k, s, theta)] at k1 and k2: linear between the ends of the region, where they are given."""
    names = ("s1", "theta1") if region[0] == region[1] else ("s1", "theta1", "s2", "theta2")
    given = [prices.get(name) for name in names]
    if not all(type(v) in (int, float) and math.isfinite(v) for v in given):
        raise Refuted("A price is not a number.")
    (s1, theta1), (s2, theta2) = given[:2], given[-2:]
    if min(s1, s2) < 0:
        raise Refuted("A price s is negative.")
    out = []
    for k in sorted({k1, k2}):
        t = (k - region[0]) / max(region[1] - region[0], 1)
        out.append((k, s1 * (1 - t) + s2 * t, theta1 * (1 - t) + theta2 * t))
    return out


def worth(users, ends, inside, outside, lines):
    """A3 of docs/cpdrl.md at both ends, and between, for these users' lines."""
    values = []
    for k, s, theta in ends:
        total = arb(theta) * k - arb(s) ** 2 * arb(float(users.total))
        for i, (q, slope, fixed) in enumerate(lines):
            away = 2 * arb(s) * q + k * slope - fixed - arb(theta)
            if i in outside:
                total += users.local[i]
            else:
                total += away if i in inside else away.min(users.local[i])
        values.append(lowest(total))
    if len(ends) == 1 or -INF in values:
        return min(values)
    # in between f is concave plus alpha j (j - L): above the chord, plus that where alpha > 0
    (k1, s1, theta1), (k2, s2, theta2) = [tuple(map(Fraction, end)) for end in ends]
    length, rise = k2 - k1, (values[1] - values[0]) / (k2 - k1)
    alpha = (theta2 - theta1) / length - users.total * ((s2 - s1) / length) ** 2
    if alpha <= 0:
        return min(values)
    vertex = math.floor(length / 2 - rise / (2 * alpha))
    beside = {min(max(Fraction(j), Fraction(0)), length) for j in (vertex, vertex + 1)}
    return min(values[0] + rise * j + alpha * j * (j - length) for j in beside)


def best_line(users, i, ends, forced):
    """The line that is worth most, of mu = 0 and of guesses at both ends; any are valid."""
    mus = {users.multiplier(i, s, k) for k, s, _ in ends}
    tried = [users.slack[i], *(users.line(i, mu) for mu in {*mus, sum(mus) / len(mus)} - {0.0})]
    cap = INF if forced else float(users.local[i])

    def sums(line):
        q, slope, fixed = map(float, line)
        return sum(min(2 * s * q + k * slope - fixed - theta, cap) for k, s, theta in ends)

    return max(tried, key=sums)


# The tree covers everything, and every node but the first is a child once.


def tree_bound(users, nodes):
    """The least leaf."""
    seen, least = [False] * len(nodes), INF
    stack = [(0, (0, users.n, frozenset(), frozenset()))]
    while stack:
        number, region = stack.pop()
        if type(number) is not int or not 0 <= number < len(nodes) or seen[number]:
            raise Refuted(f"Node {number!r} is none, or reached twice.")
        seen[number] = True
        node = nodes[number]
        if set(node) == {"leaf"}:
            least = min(least, leaf_bound(users, region, node["leaf"]))
        elif set(node) == {"split", "children"}:
            parts = split(users, region, node["split"])
            if len(parts) != len(node["children"]):
                raise Refuted(f"Node {number} has not a child for each part.")
            stack += zip(node["children"], parts, strict=True)
        else:
            raise Refuted(f"Node {number} is neither a leaf nor a split.")
    if not all(seen):
        raise Refuted("A node is never reached.")
    return least


def split(users, region, how):
    """Regions that cover the region together."""
    k1, k2, inside, outside = region
    ((word, value),) = how.items()
    if word == "k":
        cuts = [k1, *(value if isinstance(value, list) else [value]), k2]
        if sorted(cuts) == cuts and all(type(cut) is int for cut in cuts):
            return [(low, high, inside, outside) for low, high in pairwise(cuts)]
    elif word == "at" and type(value) is int and k1 <= value < k2:
        return [(k1, value, inside, outside), (value + 1, k2, inside, outside)]
    elif word == "user" and type(value) is int and 0 <= value < users.n:
        return [(k1, k2, inside | {value}, outside), (k1, k2, inside, outside | {value})]
    raise Refuted(f"{how!r} does not split {k1} to {k2}.")


# The decision, by the problem's own formula.


def cost_of(users, decision):
    """Program (10): a ball around the cost; None where a constraint is violated by over 1e-6."""
    names = ("offload", "bandwidth", "power", "frequency")
    bit, band, power, speed = ([arb(v) for v in decision[name]] for name in names)
    k, room, slack = sum(1 for b in bit if b == 1), arb(float(users.total)), 1 + arb(TOLERANCE)
    good, cost = bool(sum(band, arb(0)) <= room * slack), arb(0)
    for i in range(users.n):
        if bit[i] == 1:
            upload = users.bits[i] * arb(2).log() / (band[i] * (power[i] * users.h[i]).log1p())
            delay, energy = upload + users.work[i] * k, power[i] * upload
            good = good and bool(speed[i] == 0 and 0 < power[i] <= users.p_max * slack)
        else:
            delay = users.cycles[i] / speed[i]
            energy = users.kappa * speed[i] ** 2 * users.cycles[i]
            good = good and bool(bit[i] == 0 and band[i] == 0 and power[i] == 0)
            good = good and bool(0 < speed[i] <= users.f_max[i] * slack)
        good = good and bool(delay <= users.tau * slack)
        cost += users.w1 * delay + users.w2 * energy
    return cost if good else None


def check(record):
    """(what no decision costs less than, what the stored one costs at most); None: it is none."""
    certificate = record["certificate"]
    if certificate["kind"] != "tree":
        raise Refuted(f"Only trees are checked here, not {certificate['kind']!r}.")
    users = Users(record["instance"]["data"])
    bound = tree_bound(users, certificate["nodes"])
    cost = cost_of(users, record["decision"]) if record["decision"] else None
    return bound, None if cost is None else -lowest(-cost)


def main():
    try:
        with open(sys.argv[1]) as file:
            bound, cost = check(json.load(file))
    except WRONG as error:
        sys.exit(f"Refuted: {error!r}")
    print(f"No decision costs less than {float(bound):.12g}.")  # inf: none is feasible
    if cost is not None:
        print(
            f"The stored one costs at most {float(cost):.12g}: {float(cost / bound - 1):.2g} more."
        )


if __name__ == "__main__":
    main()
