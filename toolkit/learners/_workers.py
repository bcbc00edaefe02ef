"""Processes that learn on one shared network, each at its own pace; any of them may die."""

import contextlib
import signal
from collections import deque
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, multiprocessing, nn

from toolkit.errors import UserError

from ._adam import Adam, flushed

Values = dict[str, float]
# Plays the round of a number, at this part of the training, and improves the shared weights.
Round = Callable[[int, float], Values]
PATIENCE = 4  # workers that may die one after another, and no round ends meanwhile
PRELOAD = ["toolkit.learners._workers", "numba", "numpy"]


class SharedAdam(Adam):
    """Adam whose weights, moments and count several processes read and write without a lock
    (Recht and others, Hogwild!, 2011): an update that is lost to another is one of many."""

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float) -> None:
        self._count = torch.zeros((), dtype=torch.int64)
        super().__init__(parameters, rate)

    @property
    def count(self) -> int:  # type: ignore[override]
        return int(self._count)

    @count.setter
    def count(self, value: int) -> None:
        self._count.fill_(value)

    @property
    def tensors(self) -> list[Tensor]:
        return [self.values, self.mean, self.square, self._count]

    def share(self) -> None:
        """From now on other processes that are given `tensors` see the same memory."""
        for tensor in self.tensors:
            tensor.share_memory_()  # type: ignore[no-untyped-call]

    def join(self, tensors: list[Tensor]) -> None:
        """Takes the place of another process's own; the parameters stay a copy, see `pull`."""
        self.values, self.mean, self.square, self._count = tensors

    def release(self) -> None:
        """The parameters get memory of their own again."""
        for parameter in self.parameters:
            parameter.data = parameter.data.clone()


class Worker:
    """A copy of the network that follows the shared one."""

    def __init__(self, net: nn.Module, shared: SharedAdam, clip: float) -> None:
        self.net, self.shared, self.clip = net, shared, clip
        self._own = list(net.parameters())

    def pull(self) -> None:
        """Takes the shared weights."""
        end = 0
        with torch.no_grad():
            for parameter in self._own:
                start, end = end, end + parameter.numel()
                parameter.copy_(self.shared.values[start:end].view_as(parameter))

    def push(self, loss: Tensor, rate: float) -> None:
        """One step of the shared weights down the loss of the copy."""
        slopes = torch.autograd.grad(loss, self._own)
        slope = torch.cat([part.reshape(-1) for part in slopes])
        size = float(slope.norm())
        if size < float("inf"):  # the copy may have been taken from the midst of an update
            self.shared.rate = rate
            with torch.no_grad():
                self.shared._step(slope * min(1.0, self.clip / (size + 1e-9)))


class Told(NamedTuple):
    """What a worker is given when it starts."""

    begin: Callable[..., Round]  # makes the rounds, from `args` and the shared tensors
    args: tuple[Any, ...]
    tensors: list[Tensor]


class Crew:
    """Workers, each in a process of its own; one that dies is replaced, its round played again.

    Every worker has its own pipe and nothing is locked, so that a killed one blocks nobody.
    """

    def __init__(self, size: int, told: Told, first: int, last: float) -> None:
        """Rounds are numbered from `first` to below `last`."""
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOAD)
        self._told, self._next, self._last = told, first, last
        self._again: deque[int] = deque()
        self._busy: dict[Connection, tuple[Any, int | None]] = {}
        self.lost = 0  # rounds of workers that died
        self._dead = 0  # workers since the last round that ended
        for _ in range(size):
            self._hire()

    def _hire(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work, args=(self._told, theirs), daemon=True)
        process.start()
        theirs.close()
        self._busy[ours] = (process, None)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process, _ in self._busy.values()]

    def round(self, progress: float) -> Values:
        """Waits for the next round that ends; meanwhile all workers have one."""
        while True:
            for pipe, (_, number) in list(self._busy.items()):
                if number is None:
                    self._give(pipe, progress)
            for ready in wait(list(self._busy)):
                pipe = cast(Connection, ready)
                process, number = self._busy[pipe]
                try:
                    values: Values | Exception = pipe.recv()
                except (EOFError, OSError):
                    self._replace(pipe, process, number)
                    continue
                if isinstance(values, Exception):
                    raise values
                self._busy[pipe], self._dead = (process, None), 0
                return values

    def _give(self, pipe: Connection, progress: float) -> None:
        """The next round, if there is one left."""
        process, _ = self._busy[pipe]
        if self._again:
            number = self._again.popleft()
        elif self._next < self._last:
            number, self._next = self._next, self._next + 1
        else:
            return
        self._busy[pipe] = (process, number)
        with contextlib.suppress(OSError):  # it died: `round` will hear of it
            pipe.send((number, progress))

    def _replace(self, pipe: Connection, process: Any, number: int | None) -> None:
        del self._busy[pipe]
        pipe.close()
        process.join()
        if number is not None:
            self._again.append(number)
            self.lost += 1
        self._dead += 1
        if self._dead > PATIENCE * (1 + len(self._busy)):
            raise UserError(
                "The workers die before they end a round; train with workers=1, or, in a script of "
                "your own, begin under `if __name__ == '__main__':`."
            )
        self._hire()

    def end(self) -> None:
        for pipe, (process, _) in self._busy.items():
            process.kill()
            process.join()
            pipe.close()
        self._busy = {}


def work(told: Told, pipe: Connection) -> None:
    """What a worker's process does until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # is for the process that started it
    torch.set_num_threads(1)
    with flushed(), contextlib.suppress(EOFError, OSError):
        play = told.begin(*told.args, told.tensors)
        while True:
            number, progress = pipe.recv()
            try:
                values: Values | Exception = play(number, progress)
            except Exception as error:
                values = error
            pipe.send(values)
