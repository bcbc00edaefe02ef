"""Named settings of the generator, and names of rules."""

from collections.abc import Mapping
from typing import Any

# Vehicles (waypoints at 15 times the speed of walkers) in cells that they cross in about the time
# of one request; 16 kbit/s of a user's own for each unit of log2(1 + SNR), in blocks of a thirtieth
# of an upload; processing in bits, eight times what was published, in one second of a server
HARDENED: Mapping[str, Any] = {
    "n_users": 10,
    "n_servers": 9,
    "seconds": 200,
    "mobility": "waypoint",
    "held": 2,
    "placement": "grid",
    "uplink": 2e3,
    "radius": 550.0,
    "block": 9e3,
    "process": 8.64e6,
    "migrate": 2e7,
    "server_cpu": 9e6,
    "link": 5e7,
    "link_back": 5e7,
    "limit": 1.0,
}
HARDENED_TINY: Mapping[str, Any] = {
    **HARDENED,
    "n_users": 3,
    "n_servers": 2,
    "seconds": 30,
    "mobility": "levy",
    "held": 10,
    "placement": "groups",
    "uplink": 1.25e4,
    "radius": 1500.0,
    "block": 2.7e4,
    "server_cpu": 6e6,
}
RULES: Mapping[str, str] = {
    "nearest": "every user is served by the nearest server, or on its way there",
    "stay": "every user keeps to the server of its first request",
    "toggle": "another server every second: what migrating is worth where it counts as service",
    "plan-never": "planned with the whole episode known, and nobody migrates",
    "plan-nearest": "planned with the whole episode known, always at the nearest server",
    "plan": "planned with the whole episode known, with migrations where they pay",
}
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paper": {},
    "repaired": {},
    "as-published": {"unserved": 0.0},
    "hardened": HARDENED,
    "hardened-tiny": HARDENED_TINY,
    # slow uploads, scarce places, CPU and links, and migrations that may end requests
    "tiny": {
        "n_users": 4,
        "n_servers": 2,
        "seconds": 40,
        "held": 3,
        "limit": 1.0,
        "patience": 3.0,
        "uplink": 1e4,
        "radius": 700.0,
        "block": 2e4,
        "upload": 1.3e5,
        "process": 1e5,
        "download": 2.1e4,
        "server_cpu": 1e5,
        "link": 1e6,
        "link_back": 5e5,
        "migrate": 8e5,
        "unserved": 4e4,
    },
}
