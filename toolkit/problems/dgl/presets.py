"""Named settings of the generator (the defaults are those of ``clean``), and names of rules."""

from collections.abc import Mapping
from typing import Any

from toolkit.problems.dgl_slot.law import GIB
from toolkit.problems.dgl_slot.presets import PUBLISHED as SLOT

# what the published code does, and room for everything
PUBLISHED: Mapping[str, Any] = {**SLOT, "limit": 400 * GIB}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # one of two services fits, and loading it has a price worth a thought
    "tiny": {
        "n_users": 4,
        "n_services": 2,
        "steps": 2,
        "slots": 1,
        "states": 3,
        "capacity": 4 * GIB,
        "limit": 4 * GIB,
        "load_price": 0.02,
    },
    "clean": {},
    "clean-30": {"capacity": 30 * GIB, "limit": 30 * GIB},
    # the published numbers, in sound units
    "paper": {**PUBLISHED, "energy_power": 0.1, "fading": "power"},
    "as-published": PUBLISHED,
    "large": {"n_users": 500, "n_servers": 10, "n_services": 20},
}

RULES: Mapping[str, str] = {
    "bayes": "decodes the forecast of Bayes' law from all past steps",
    "nothing": "caches nothing",
    "all": "caches all services in order, as far as they fit",
    "random-once": "random services that fit, kept for the whole episode",
    "random": "random services that fit, anew each step",
    "popular": "what was most asked for so far, the same on every server",
    "counts": "decodes the counts of all past steps",
    "last": "decodes the counts of the last step",
    "last3": "decodes the counts of the last three steps",
    "bayes-last": "decodes the forecast of Bayes' law from the last step alone",
    "oracle": "decodes the hidden popularity of the coming step",
    "known": "decodes the requests of the coming step themselves",
    "static": "the caches that, never changed, serve the whole episode best, known in advance",
}
