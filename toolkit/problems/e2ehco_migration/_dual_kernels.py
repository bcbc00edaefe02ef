"""One user's best path through an episode at given prices: a compiled dynamic programme.

A request at a server is in state s: below K, so many of its K blocks are uploaded; from K on, so
much work is left; the last state, E: its work is done and it is about to be downloaded. Points in
time are those of the state machine in `_kernels`: `here` is worth what a request at a server is,
within second t before that server gives out CPU; `leaving` and `going` are migrations not yet and
already paid for, before it is that request's turn to migrate; `free` has no request anywhere.

Costs that are infinite forbid. `strict` keeps to what a decision can have for sure: who arrives
takes no CPU in the same second, has a place at once and does not wait on the way, and nobody leaves
with nothing uploaded (a second's named server is that of a new request, or of a migration).
"""

# mypy: ignore-errors

from toolkit.compiled import compiled, inlined

NEVER = -1e300
BLOCKS, TAIL, PATIENCE, FIRST, STRICT = range(5)  # entries of `plan`
LEAVE, STAY = -1, 0  # entries of `pick_here`; above: which move + 1


@compiled
def values(
    reach, place, apart, cpu, room, road, moves, amount, span, plan, here, leaving, going, free
):
    """Fills the values of every point of one user's episode, the last second first.

    reach (seconds, servers) blocks, place (seconds, servers) and apart (seconds,) costs of being
    at a server and at none, cpu (seconds, servers) of a byte, of which there
    are `room`, road (seconds, servers, servers) of
    a migration. moves (n, 2) from state to state, by `amount` (n,) bytes, those from state s at
    span[s] to span[s + 1]. Returns what the episode is worth.
    """
    seconds, servers = place.shape
    last = here.shape[2] - 1
    free[:] = 0.0
    leaving[seconds:] = 0.0
    going[seconds:] = 0.0
    here[seconds:] = 0.0
    for t in range(seconds - 1, -1, -1):
        for m in range(servers):
            for s in range(last + 1):
                leaving[t, m, s] = _leave(t, m, s, road, apart, leaving, going)
        for m in range(servers):
            for s in range(last + 1):
                best = _rest(t, m, s, reach, place, plan, here, free)
                if servers > 1 and (s > 0 or plan[STRICT] == 0):
                    best = max(best, leaving[t, m, s])
                for j in range(span[s], span[s + 1]):
                    if amount[j] <= room[t, m]:
                        then = _after(t, m, moves[j, 1], reach, here, free)
                        best = max(best, then - cpu[t, m] * amount[j])
                here[t, m, s] = best - place[t, m]
        for m in range(servers):
            for s in range(last + 1):
                still = _rest(t, m, s, reach, place, plan, here, free)
                for origin in range(servers):
                    if origin == m:
                        continue
                    worth = NEVER
                    if plan[STRICT] == 0:
                        worth = going[t + 1, origin, m, s] - apart[t]
                    if reach[t, m] > 0:
                        best = still
                        if plan[STRICT] == 1:
                            best -= place[t, m]
                        elif origin < m:
                            best = here[t, m, s]
                        else:
                            for j in range(span[s], span[s + 1]):
                                then = _after(t, m, moves[j, 1], reach, here, free)
                                best = max(best, then - cpu[t, origin] * amount[j])
                            best -= apart[t]
                        worth = max(worth, best)
                    going[t, origin, m, s] = worth
        best = free[t + 1] - apart[t]
        for m in range(servers):
            if reach[t, m] > 0:
                best = max(best, here[t, m, 0])
        free[t] = best
    return _begin(0, reach, apart, plan, here, free)


@inlined
def _begin(t, reach, apart, plan, here, free):
    """What the rest is worth to a user whose first request still waits in second t."""
    seconds = reach.shape[0]
    until = min(plan[PATIENCE] - 1, seconds)
    if t >= until:
        return free[t]
    worth = free[until]
    for u in range(until - 1, t - 1, -1):
        worth -= apart[u]
        if reach[u, plan[FIRST]] > 0:
            worth = max(worth, here[u, plan[FIRST], 0])
    return worth


@inlined
def _after(t, m, s, reach, here, free):
    """The value of state s after second t at server m, CPU given out."""
    if t + 1 >= reach.shape[0]:
        return 0.0
    if reach[t + 1, m] == 0:
        return free[t + 1]
    return here[t + 1, m, s]


@inlined
def _rest(t, m, s, reach, place, plan, here, free):
    """The value of staying in second t without CPU: blocks go up, what is done comes down."""
    seconds = reach.shape[0]
    if s < here.shape[2] - 1:
        if t + 1 < seconds and s < plan[BLOCKS]:
            s = min(s + reach[t + 1, m], plan[BLOCKS])
        return _after(t, m, s, reach, here, free)
    cost = 0.0
    for u in range(t + 1, t + 1 + (plan[TAIL] if plan[STRICT] == 1 else 1)):
        if u >= seconds:
            return 0.0
        if reach[u, m] == 0:
            return free[u] - cost
        cost += place[u, m]
    over = t + 1 + plan[TAIL]
    return 1.0 + free[over] - cost if over < seconds else -cost


@inlined
def _leave(t, m, s, road, apart, leaving, going):
    """The value of a migration that is not paid for when its turn comes in second t."""
    seconds, servers = road.shape[0], road.shape[1]
    if t + 1 >= seconds:
        return 0.0
    best = leaving[t + 1, m, s] - apart[t + 1]
    for k in range(servers):
        if k != m:
            best = max(best, going[t + 1, m, k, s] - road[t, m, k])
    return best


@compiled
def follow(
    reach, place, apart, cpu, room, road, moves, amount, span, plan,
    here, leaving, going, free, used, worked, moved, asked, target, path,
):  # fmt: skip
    """Walks along a best path of `values`; returns the completions on it.

    Adds 1 to used (seconds, servers), bytes to worked (seconds, servers), 1 to moved (seconds,
    servers, servers). Writes asked (seconds,), CPU in bytes, -1: none is wanted; target (seconds,),
    -1: the next one named; path (seconds,), the server where the user has a place, or -1.
    """
    seconds, servers = place.shape
    last = here.shape[2] - 1
    asked[:], target[:], path[:] = -1.0, -1, -1
    done, t, m, s = 0, 0, -1, 0
    begun, arrived, origin = False, False, 0
    while t < seconds:
        if m < 0:  # no request is anywhere
            bound = not begun and t < plan[PATIENCE] - 1
            worth = _begin(t, reach, apart, plan, here, free) if bound else free[t]
            for k in range(servers):
                open_ = reach[t, k] > 0 and (not bound or k == plan[FIRST])
                if m < 0 and open_ and here[t, k, 0] >= worth:
                    m, s, begun, arrived = k, 0, True, False
            if m < 0:
                t += 1
                continue
        option, best = 0, _rest(t, m, s, reach, place, plan, here, free)
        source = origin if arrived else m  # who arrives late has CPU of where it came from
        if not arrived or plan[STRICT] == 0:
            for j in range(span[s], span[s + 1]):
                worth = _after(t, m, moves[j, 1], reach, here, free) - cpu[t, source] * amount[j]
                if amount[j] <= room[t, source] and worth > best:
                    option, best = j + 1, worth
        may = not arrived and servers > 1 and (s > 0 or plan[STRICT] == 0)
        if may and leaving[t, m, s] > best:
            option = -1
        if not arrived or plan[STRICT] == 1:
            used[t, m] += 1
            path[t] = m
        target[t], asked[t] = m, 0.0
        arrived = False
        if option < 0:
            origin = m
            t, m, arrived = _travel(
                t, m, s, reach, apart, road, plan, leaving, going, moved, asked, target
            )
            continue
        if option > 0:
            s = moves[option - 1, 1]
            worked[t, source] += amount[option - 1]
            asked[t] = amount[option - 1]
        elif s == last:
            t, over = _finish(t, m, reach, plan, used, asked, target, path)
            done, m = done + over, -1
            continue
        elif s < plan[BLOCKS] and t + 1 < seconds:
            s = min(s + reach[t + 1, m], plan[BLOCKS])
        t += 1
        if t < seconds and reach[t, m] == 0:
            m = -1
    return done


@compiled
def _finish(t, m, reach, plan, used, asked, target, path):
    """The download after second t: the second of the next request, and whether it is completed."""
    seconds = reach.shape[0]
    for u in range(t + 1, t + 1 + plan[TAIL]):
        if u >= seconds:
            return seconds, 0
        charged = plan[STRICT] == 1 or u == t + 1
        if charged and reach[u, m] == 0:
            return u, 0
        target[u], asked[u] = m, 0.0
        if charged:
            used[u, m] += 1
            path[u] = m
    over = t + 1 + plan[TAIL]
    return over, 1 if over < seconds else 0


@compiled
def _travel(t, m, s, reach, apart, road, plan, leaving, going, moved, asked, target):
    """A migration from server m in second t: when and where it ends; whether after the CPU was
    given out there."""
    seconds, servers = road.shape[0], road.shape[1]
    begun, server = t, -1
    while server < 0:
        if t + 1 >= seconds:  # it gives its request up, and its place
            target[begun:] = (m + 1) % servers
            return seconds, m, False
        best = leaving[t + 1, m, s] - apart[t + 1]
        for k in range(servers):
            if k != m:
                worth = going[t + 1, m, k, s] - road[t, m, k]
                if worth > best:
                    server, best = k, worth
        if server >= 0:
            moved[t, m, server] += 1
        t += 1
        if server < 0:
            asked[t] = 0.0
    target[begun:t] = server
    while t < seconds:
        target[t], asked[t] = server, 0.0
        wait = going[t + 1, m, server, s] - apart[t] if plan[STRICT] == 0 else NEVER
        if reach[t, server] > 0 and going[t, m, server, s] > wait:
            return t, server, m > server or plan[STRICT] == 1
        t += 1
    return seconds, server, False
