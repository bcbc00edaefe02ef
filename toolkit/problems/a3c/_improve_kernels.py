"""Local search of decisions: what queues cost, and changes of one task or of two."""

# mypy: ignore-errors

import numpy as np

from toolkit.compiled import compiled


@compiled
def device_wait(u, device, modes, start, local):
    """Seconds that local tasks of a device wait."""
    free = wait = 0.0
    for k in range(len(modes)):
        if device[k] == u and modes[k] == 0:
            free = max(free, start[k])
            wait += free - start[k]
            free += local[k]
    return wait


@compiled
def server_wait(s, order, modes, home, at, size, own_first):
    """Seconds that tasks of a server wait."""
    n, now, wait = len(order), 0.0, 0.0
    if not own_first:
        for k in order:
            if modes[k] == s + 1:
                now = max(now, at[k, s])
                wait += now - at[k, s]
                now += size[k, s]
        return wait
    i = _next(0, s, order, modes, home, True)
    j = _next(0, s, order, modes, home, False)
    while i < n or j < n:
        own_at = at[order[i], s] if i < n else np.inf
        far_at = at[order[j], s] if j < n else np.inf
        now = max(now, min(own_at, far_at))
        if own_at <= now:
            wait += now - own_at
            now += size[order[i], s]
            i = _next(i + 1, s, order, modes, home, True)
        else:
            wait += now - far_at
            now += size[order[j], s]
            j = _next(j + 1, s, order, modes, home, False)
    return wait


@compiled
def _next(i, s, order, modes, home, own):
    """The first task from place i on that is at the server, of its region or not."""
    while i < len(order):
        k = order[i]
        if modes[k] == s + 1 and (home[k] == s) == own:
            return i
        i += 1
    return i


@compiled
def waits(modes, tasks, orders, at, size, own_first, out):
    """out (servers + devices,): seconds of all queues. tasks: home, device, start, local."""
    home, device, start, local = tasks
    servers = len(orders)
    for s in range(servers):
        out[s] = server_wait(s, orders[s], modes, home, at, size, own_first)
    for u in range(len(out) - servers):
        out[servers + u] = device_wait(u, device, modes, start, local)


@compiled
def _put(k, mode, modes, slot, home, limit, touched):
    """Task k gets a mode; where a region sends all of a slot to one server, others go along."""
    servers = len(touched) - 1
    touched[modes[k]] = touched[mode] = True
    modes[k] = mode
    if limit != 1 or mode == 0:
        return
    for step in (-1, 1):
        i = k + step
        while 0 <= i < len(modes) and slot[i] == slot[k]:
            if home[i] == home[k] and modes[i] > 0 and modes[i] != mode and servers > 0:
                touched[modes[i]] = True
                modes[i] = mode
            i += step


@compiled
def _changed(old, modes, low, high, cost, weight, tasks, orders, at, size, own_first, touched,
             wait, fresh):  # fmt: skip
    """What modes cost more than `old` from task low to high; fresh: waits that are new."""
    home, device, start, local = tasks
    servers, more = len(orders), 0.0
    fresh[:] = wait
    for s in range(servers):
        if touched[s + 1]:
            fresh[s] = server_wait(s, orders[s], modes, home, at, size, own_first)
            more += weight * (fresh[s] - wait[s])
    for k in range(low, high):
        if modes[k] != old[k]:
            more += cost[k, modes[k]] - cost[k, old[k]]
            if modes[k] == 0 or old[k] == 0:
                u = servers + device[k]
                if fresh[u] == wait[u]:
                    fresh[u] = device_wait(device[k], device, modes, start, local)
                    more += weight * (fresh[u] - wait[u])
    return more


@compiled
def descend(modes, first, last, sweeps, window, cost, weight, slot, limit, tasks, orders, at,
            size, own_first):  # fmt: skip
    """Takes changes of one task from `first` to `last`, and of two not further apart than the
    window, for as long as one helps and for so many sweeps at most. cost (tasks, servers + 1);
    inf: not allowed. Returns what was gained, and whether more may be."""
    home, device = tasks[0], tasks[1]
    servers, devices = len(orders), device.max() + 1
    wait, fresh = np.empty(servers + devices), np.empty(servers + devices)
    touched, trial = np.zeros(servers + 1, np.bool_), modes.copy()
    waits(modes, tasks, orders, at, size, own_first, wait)
    gained, again = 0.0, True
    while again and sweeps > 0:
        again, sweeps = False, sweeps - 1
        for reach in range(1, window + 1):
            for k in range(first, last):
                m = k + reach - 1
                if m >= last or (reach > 1 and again):
                    break
                for a in range(servers + 1):
                    for b in range(servers + 1 if reach > 1 else 1):
                        if a == modes[k] or cost[k, a] == np.inf:
                            continue
                        if reach > 1 and (b == modes[m] or cost[m, b] == np.inf):
                            continue
                        touched[:] = False
                        _put(k, a, trial, slot, home, limit, touched)
                        if reach > 1:
                            _put(m, b, trial, slot, home, limit, touched)
                        low, high = (k, m + 1) if limit != 1 else (0, len(modes))
                        more = _changed(modes, trial, low, high, cost, weight, tasks, orders, at,
                                        size, own_first, touched, wait, fresh)  # fmt: skip
                        if more < -1e-11:
                            gained -= more
                            again = True
                            modes[:] = trial
                            wait[:] = fresh
                        elif limit == 1:
                            trial[:] = modes
                        else:
                            trial[k], trial[m] = modes[k], modes[m]
            if again:
                break
    return gained, again
