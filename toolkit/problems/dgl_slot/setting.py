"""What a slot and an episode of slots have in common: the generator's numbers, and checks."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np

from toolkit.arrays import Data
from toolkit.errors import UserError
from toolkit.instances import Instance
from toolkit.problems import Problem

from . import law

BEST = 1000.0  # bit/s/Hz: beyond, 2 to its power overflows

Fading = Literal["power", "amplitude", "none"]


@dataclass(frozen=True, kw_only=True)
class Setting(Problem):
    """Servers, their users, and their cloud; for `DglSlot` and `Dgl` to derive from."""

    n_users: int = 20
    n_servers: int = 2
    n_services: int = 10
    zipf: float = 1.2
    capacity: float = 20 * law.GIB  # bytes of a server's cache; a slot's is filled at random
    bandwidth: float = 2e7
    server_cpu: float = 2e10
    scale_with_users: bool = True  # both hold for 10 users a cell and grow with these
    local_cpu: float = 1e9
    kappa: float = 5e-27
    send_power: float = 0.1
    energy_power: float = 0.1
    noise_power: float = 10**-14.4  # W in the whole band
    fading: Fading = "power"
    cloud_rate: float = 4 * law.MIB
    cloud_cpu: float = 4e9
    cloud_delay: float = 0.1
    weight_delay: float = 0.5
    weight_energy: float = 0.5

    def admit(self, instance: Instance) -> Instance:
        """As any problem's; and numbers that name something do so."""
        data = super().admit(instance).data
        where = instance.name or "the instance"
        for key, count in self.numbered(data).items():
            if not np.isin(data[key], np.arange(count)).all():
                what = f"whole numbers from 0 to {count - 1}"
                raise UserError(f"{where}: data[{key!r}] must hold {what}.")
        if data["efficiency"].max() > BEST:
            raise UserError(f"{where}: efficiency exceeds {BEST:g} bit/s/Hz.")
        return instance

    @abstractmethod
    def numbered(self, data: Data) -> dict[str, int]:
        """How many things an array of the data chooses among, by numbers from 0."""
