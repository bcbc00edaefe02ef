"""Instances: immutable data with an identity that two machines agree on, and their files."""

from ._base import Instance as Instance
from ._base import rng_for as rng_for
from ._published import PLAIN as PLAIN
from ._published import in_words as in_words
from ._published import read_arrays as read_arrays
