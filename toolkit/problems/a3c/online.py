"""The queues of a batch of episodes while their tasks are decided, one after the other."""

import numpy as np

from toolkit.arrays import Data

from ._online_kernels import Queues, Tasks, advance, decide, look, order

GIVEN = ("server_cpu", "forward_delay", "own_first", "weight_delay", "weight_energy")


class Online:
    """Rows of episodes: what is pending, and what each choice for a task would cost.

    Tasks are numbered row by row in the order of decision: slot after slot, device after device;
    -1 stands for none. Φ is the cost of a row if no task ever arrives again.
    """

    def __init__(self, data: Data) -> None:
        """Of data (rows, …)."""
        has = np.asarray(data["has"]) > 0.5  # (rows, slots, devices)
        rows, self.slots, self.devices = has.shape
        self.servers = np.shape(data["server_cpu"])[-1]
        flat = has.reshape(rows, -1)
        self.count = flat.sum(-1)  # (rows,) of tasks
        most = max(1, int(self.count.max(initial=0)))
        self.where = np.argsort(~flat, axis=-1, kind="stable")[:, :most]  # slot devices + device
        self.number = np.where(flat, np.cumsum(flat, axis=-1) - 1, -1).reshape(has.shape)
        self.tasks, self.forwarding = _tasks(data, self.where, self.devices), data["forwarding"]
        self.unlimited = bool((self.forwarding == 2).all())
        self.tolerance = np.asarray(data["tolerance"], float)
        self.queues = _empty(rows, most, self.servers, self.devices)
        self._target = np.zeros((rows, self.slots * self.devices))
        self._rows = np.arange(rows)
        self.fixed = np.full((rows, self.servers), -1)  # where a region's tasks of this slot go

    @property
    def target(self) -> np.ndarray:
        """(rows, slots, devices): what is decided, 0 elsewhere."""
        return self._target.reshape(len(self._target), self.slots, self.devices).copy()

    def advance(self, now: np.ndarray) -> None:
        """Lets time (rows,) in seconds pass; it never goes back."""
        self.fixed[now != self.queues.now] = -1
        advance(self.tasks, self.queues, now)

    def of(self, values: np.ndarray, task: np.ndarray) -> np.ndarray:
        """The entries of values (rows, tasks) for task (rows,), 0 where there is none."""
        return np.asarray(np.where(task >= 0, values[self._rows, task], 0))

    def ordered(self, own: np.ndarray) -> np.ndarray:
        """(rows, servers): the own one, then the others, those with the least work first."""
        out = np.empty((len(own), self.servers), np.int64)
        order(self.queues.load, own, out)
        return out

    def look(self, task: np.ndarray, server: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(ΔΦ, the task's own delay in seconds) of every choice, (rows, 1 + servers) each: first
        the device itself, then server (rows, servers)."""
        delta, delay = np.empty((2, len(task), 1 + server.shape[-1]))
        look(self.tasks, self.queues, task, server, delta, delay)
        return delta, delay

    def cost(self, task: np.ndarray, delay: np.ndarray) -> np.ndarray:
        """What a task itself costs (rows, 1 + servers) at the delays of `look`."""
        local, send = (self.of(e, task) for e in (self.tasks.local_energy, self.tasks.send_energy))
        energy = np.repeat(send[:, None], delay.shape[-1], axis=-1)
        energy[:, 0] = local
        weights = self.tasks.weight_delay[:, None], self.tasks.weight_energy[:, None]
        return np.asarray(weights[0] * delay + weights[1] * energy)

    def allowed(self, task: np.ndarray, server: np.ndarray) -> np.ndarray:
        """Which choices of `look` keep within the limits of forwarding."""
        if self.unlimited:
            return np.ones((len(task), 1 + server.shape[-1]), bool)
        own = self.of(self.tasks.region, task)[:, None]
        fixed = self.fixed[self._rows[:, None], own]
        kind = self.forwarding[:, None]
        fits = (kind == 2) | ((kind == 1) & ((fixed < 0) | (fixed == server)))
        fits = np.where(kind == 0, server == own, fits)
        return np.concatenate([np.ones((len(task), 1), bool), fits], axis=-1)

    def decide(self, task: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Sends tasks (rows,) to targets (rows,), 0: the device, 1 + s: server s; ΔΦ (rows,)."""
        delta = np.empty(len(task))
        decide(self.tasks, self.queues, task, target, delta)
        some = np.flatnonzero(task >= 0)
        self._target[some, self.where[some, task[some]]] = target[some]
        self.fix(task, target)
        return delta

    def fix(self, task: np.ndarray, target: np.ndarray) -> None:
        """Notes where the tasks of a region go in this slot: where one bit serves them all."""
        sent = np.flatnonzero((task >= 0) & (target > 0))
        self.fixed[sent, self.tasks.region[sent, task[sent]]] = target[sent] - 1


def _tasks(data: Data, where: np.ndarray, devices: int) -> Tasks:
    """What the kernels read, of tasks (rows, most) of the grid."""
    of = where % devices
    own = {key: np.take_along_axis(data[key], of, -1) for key in ("rate", "cpu", "region")}
    flat = {k: np.reshape(data[k], (len(where), -1)) for k in ("bits", "cycles")}
    bits, cycles = (np.take_along_axis(flat[key], where, -1) for key in ("bits", "cycles"))
    slot, power, kappa = (
        np.asarray(data[key], float)[:, None] for key in ("slot", "send_power", "kappa")
    )
    upload = bits / own["rate"]
    return Tasks(
        release=(where // devices) * slot,
        device=of,
        region=own["region"].astype(np.int64),
        upload=upload,
        here=cycles / own["cpu"],
        cycles=cycles,
        local_energy=kappa * cycles * own["cpu"] ** 2,
        send_energy=power * upload,
        **{key: np.asarray(data[key], float, order="C") for key in GIVEN},
    )


def _empty(rows: int, most: int, servers: int, devices: int) -> Queues:
    return Queues(
        arrive=np.zeros((rows, most)),
        work=np.zeros((rows, most)),
        after=np.full((rows, most), -1),
        head=np.full((rows, servers, 2), -1),
        free=np.zeros((rows, servers)),
        total=np.zeros((rows, servers)),
        load=np.zeros((rows, servers, 3)),
        idle=np.zeros((rows, devices)),
        now=np.zeros(rows),
    )
