"""Named settings of the generator. The defaults are those of ``clean``."""

from collections.abc import Mapping
from typing import Any

# the framework's tasks and servers in SI units, drawn once an episode; kbit of 1,000 bits
LETTER = {
    "tasks": "episode",
    "bits_low": 3e5,
    "bits_high": 5e5,
    "cycles_low": 9e8,
    "cycles_high": 1.1e9,
    "server_cpu_low": 5e9,
    "server_cpu_high": 5e9,
}
# what its code does: every user has the whole bandwidth and 3.98e-21 W of noise, sends with 0.5 W,
# and a server is split equally; positions hold for 30 steps of 1 s
PUBLISHED = {
    **LETTER,
    "bandwidth_mode": "published",
    "geometry": "published",
    "equal_split": True,
    "power_min": 0.5,
    "held": 30,
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # who is nearer than 300 m counts as 300 m away: all parts of the loss law are in force
    "tiny": {"n_users": 4, "n_servers": 2, "loss_nearest": 300.0},
    "clean": {},
    "paper": LETTER,
    "letter": {**LETTER, "n_users": 30},
    # loss 128.1 + 37.6 log10(km) dB from 10 m on, noise figure 9 dB
    "hard": {
        "bits_low": 3e5,
        "bits_high": 3e6,
        "cycles_low": 2e8,
        "cycles_high": 2e9,
        "server_cpu_low": 2e9,
        "server_cpu_high": 8e9,
        "noise_density": 10**-19.5,
        "loss_gain": 10**-1.53,
        "loss_exponent": 3.76,
        "loss_offset": 0.0,
        "loss_nearest": 10.0,
    },
    # as much bandwidth a user as 10 users have
    "dense": {"n_users": 100, "n_servers": 10, "bandwidth": 1e8},
    # bytes where the code takes kbit, bytes/s where it takes MHz: 10^15 Hz, 1,080 s of computing
    "as-published-td3": {
        **PUBLISHED,
        "n_servers": 10,
        "bandwidth": 1e15,
        "bits_low": 2.7e4 * 1024,
        "bits_high": 2.7e4 * 1024,
        "cycles_low": 1.08e12,
        "cycles_high": 1.08e12,
    },
    "as-published-drl": {
        **PUBLISHED,
        "n_users": 5,
        "n_servers": 1,
        "bits_low": 300.0 * 1024,
        "bits_high": 500.0 * 1024,
    },
}
