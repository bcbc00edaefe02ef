"""Named settings of the generator (the defaults are those of ``clean``)."""

from collections.abc import Mapping
from typing import Any

# assumptions of the design, from the literature; the article's own numbers are not at hand
PUBLISHED: Mapping[str, Any] = {"regions": (2, 2), "server_cpu": 1e10}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # at most eight tasks; servers slow enough to queue at, and a detour that takes its time
    "tiny": {
        "regions": (3, 1),
        "slots": 2,
        "density": 0.9,
        "server_cpu": 1.5e9,
        "forward_delay": 0.1,
    },
    "clean": {},
    "clean-7-1": {"regions": (7, 1)},
    "large": {"regions": (18, 6), "server_cpu": 1e10},
    "wide": {"regions": (28, 22, 16, 10, 8, 5, 4, 3, 2, 2), "server_cpu": 1e10},
    "paper": PUBLISHED,
    "as-published": PUBLISHED,
    "single": {"forwarding": "single"},
    "bits": {"forwarding": "bits"},
    # all times are whole quarters of a second: 2 to send, 6 to compute, 3 on a server; computing a
    # task takes 0.64 J, as in the design's trial (as at 0.8 GHz)
    "lattice": {
        "regions": (2, 1),
        "discipline": "fcfs",
        "spread": 0.0,
        "quantum": 0.25,
        "near": 60.0,
        "far": 60.0,
        "cpus": (2e9 / 3,),
        "server_cpu": 4e9 / 3,
        "kappa": 1.44e-27,
    },
    # again quarters: 2 to send, 5 on a server, more than a slot; at 0.5 GHz 8 for 1 J, at 1 GHz 4
    # for 4 J. Devices cost so much that tasks wait for servers, and queues carry over
    "lattice-slow": {
        "regions": (3, 1),
        "discipline": "fcfs",
        "spread": 0.0,
        "quantum": 0.25,
        "near": 60.0,
        "far": 60.0,
        "cpus": (0.5e9, 1e9),
        "server_cpu": 0.8e9,
        "kappa": 4e-27,
    },
}
