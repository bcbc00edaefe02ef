"""The compiled state machine of requests: one episode of one decision, second after second.

States: 0 connected, 1 uploading, 2 processing, 3 downloading, 4 done, 5 waiting, 6 migrating. The
order of what happens within a second is that of the published code (1.3.2 of the formulation).
"""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled, inlined

CONNECTED, UPLOADING, PROCESSING, DOWNLOADING, DONE, WAITING, MIGRATING = range(7)
# columns of a user's record
STATE, GOAL, GROUP, TIMER, BEFORE, LAST = range(6)
UP, WORK, DOWN, MOVED, RATE = range(5)
# entries of `sizes`
UPLOAD, PROCESS, DOWNLOAD, MIGRATE, RECEIVE, CPU, LINK, LINK_BACK, LIMIT, PATIENCE, UNSERVED = (
    range(11)
)


@compiled
def completions(rate, first, sizes, cpu, bandwidth, target):
    """How many requests of every user are completed, (users,).

    rate (seconds, users, servers) are upload rates, 0 where a server is out of reach; first
    (users,) the servers of the first requests, cpu and bandwidth (seconds, users) what is asked
    for, target (seconds, users).
    """
    seconds, users, servers = rate.shape
    whole, left = np.zeros((users, 6), np.int64), np.zeros((users, 5))
    done = np.zeros(users)
    room, link = np.empty(servers), np.empty((servers, servers))
    begin(first, whole, left, sizes)
    for t in range(seconds):
        second(rate[t], cpu[t], bandwidth[t], target[t], whole, left, room, link, done, sizes)
    return done


@compiled
def begin(first, whole, left, sizes):
    """Everybody asks for the first request."""
    for i in range(whole.shape[0]):
        _ask(i, first[i], whole, left, sizes)
        whole[i, LAST] = -1


@compiled
def second(rate, cpu, bandwidth, target, whole, left, room, link, done, sizes):
    """One second of all users' records; room (servers,) and link (servers, servers) are scratch."""
    users, servers = rate.shape
    room[:] = sizes[CPU]
    for m in range(servers):
        for k in range(servers):
            link[m, k] = sizes[LINK] if m < k else sizes[LINK_BACK]
    for i in range(users):
        done[i] += _advance(i, rate[i], target[i], whole, left, sizes)
    for m in range(servers):
        _serve(m, rate, cpu, room, whole, left, sizes)
        for i in range(users):
            if whole[i, GROUP] == m and target[i] != m:
                _migrate(i, m, target[i], rate, bandwidth[i], room, link, whole, left, sizes)
    for i in range(users):
        whole[i, LAST] = target[i]


@inlined
def _ask(i, server, whole, left, sizes):
    """A new request, for a place at a server."""
    whole[i, STATE], whole[i, GOAL], whole[i, GROUP] = WAITING, server, -1
    whole[i, TIMER] = 0
    left[i, UP], left[i, WORK], left[i, MOVED] = 0.0, 0.0, 0.0
    left[i, DOWN] = sizes[UNSERVED]


@inlined
def _advance(i, rate, target, whole, left, sizes):
    """One second of a request; 1 where it is completed, and the next one is asked for.

    Out of its server's reach a request is lost, unless it migrates or has been downloaded.
    """
    state = whole[i, STATE]
    apart = state in (WAITING, MIGRATING) or (state == DOWNLOADING and left[i, DOWN] <= 0.0)
    if not apart and rate[whole[i, GOAL]] <= 0.0:
        _ask(i, target, whole, left, sizes)
        return 0.0
    if state == WAITING:
        whole[i, TIMER] += 1
        if whole[i, TIMER] >= sizes[PATIENCE]:
            _ask(i, target, whole, left, sizes)
        return 0.0
    if state == CONNECTED:
        whole[i, STATE], left[i, UP] = UPLOADING, sizes[UPLOAD] - rate[whole[i, GOAL]]
    elif state == UPLOADING:
        if left[i, UP] > 0.0:
            left[i, UP] -= rate[whole[i, GOAL]]
        else:
            whole[i, STATE], left[i, WORK] = PROCESSING, sizes[PROCESS] - left[i, RATE]
    elif state == PROCESSING:
        if left[i, WORK] > 0.0:
            left[i, WORK] -= left[i, RATE]
        else:
            whole[i, STATE], left[i, DOWN] = DOWNLOADING, sizes[DOWNLOAD] - sizes[RECEIVE]
    elif left[i, DOWN] > 0.0:  # downloading; and migrating, where nothing may be left
        left[i, DOWN] -= sizes[RECEIVE]
    else:
        _ask(i, target, whole, left, sizes)
        return 1.0
    return 0.0


@inlined
def _members(m, whole):
    """Users of a server's group that are not migrating."""
    count = 0
    for i in range(whole.shape[0]):
        if whole[i, GROUP] == m and whole[i, STATE] != MIGRATING:
            count += 1
    return count


@inlined
def _serve(m, rate, cpu, room, whole, left, sizes):
    """Server m takes in whom it has a place for, and gives CPU to all whose requests are for it."""
    for i in range(whole.shape[0]):
        if whole[i, GOAL] != m:
            continue
        left[i, RATE] = 0.0
        if room[m] - cpu[i] > 0.0:
            near = rate[i, m] > 0.0
            if whole[i, GROUP] != m and near and _members(m, whole) + 1 <= sizes[LIMIT]:
                whole[i, GROUP], whole[i, STATE] = m, CONNECTED
            left[i, RATE] = cpu[i]
            room[m] -= cpu[i]


@inlined
def _migrate(i, m, target, rate, bandwidth, room, link, whole, left, sizes):
    """User i of server m starts to migrate, goes on, or arrives at another server."""
    anew = whole[i, STATE] != MIGRATING or target != whole[i, LAST]
    if not anew and left[i, MOVED] <= 0.0:
        near = rate[i, target] > 0.0 and room[target] > 0.0
        if near and _members(target, whole) + 1 <= sizes[LIMIT]:
            whole[i, GROUP], whole[i, GOAL] = target, target
            whole[i, STATE] = whole[i, BEFORE]
        return
    if link[m, target] - bandwidth < 0.0:
        return
    link[m, target] -= bandwidth
    if anew:
        if whole[i, STATE] != MIGRATING:
            whole[i, BEFORE] = whole[i, STATE]
        whole[i, STATE], left[i, MOVED] = MIGRATING, sizes[MIGRATE]
    left[i, MOVED] -= bandwidth
