"""CPDRL: one edge server, binary offloading, joint bandwidth, power and CPU allocation."""

from .problem import Cpdrl as Cpdrl
