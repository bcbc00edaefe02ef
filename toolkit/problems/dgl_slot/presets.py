"""Named settings of the generator. The defaults are those of ``clean``."""

from collections.abc import Mapping
from typing import Any

from .law import GIB

# what the published code does: 20 dBm taken for 20 W in the energy, a Rayleigh amplitude for a
# power gain, every service cached, and what is left of the law of requests on the first service
PUBLISHED: Mapping[str, Any] = {
    "n_users": 50,
    "scale_with_users": False,
    "energy_power": 20.0,
    "fading": "amplitude",
    "popularity": "published",
    "zipf": 0.8,
    "capacity": 200 * GIB,
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # a cloud that pays for some: all parts of the formula are in force
    "tiny": {
        "n_users": 4,
        "n_services": 3,
        "capacity": 8 * GIB,
        "cloud_rate": 6e7,
        "cloud_cpu": 8e9,
    },
    "clean": {},
    "clean-50": {"n_users": 50},
    # the published numbers, in sound units
    "paper": {**PUBLISHED, "energy_power": 0.1, "fading": "power"},
    "as-published": PUBLISHED,
    # half of the services on each server
    "part": {**PUBLISHED, "copies": 5},
    "large": {"n_users": 500, "n_servers": 10},
}
