"""DROO: wireless-powered users that compute locally or offload in turns, weighted sum rate."""

from .problem import Droo as Droo
