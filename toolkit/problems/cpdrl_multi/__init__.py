"""CPDRL's future work: several edge servers, each with a bandwidth and a CPU of its own."""

from .problem import CpdrlMulti as CpdrlMulti
