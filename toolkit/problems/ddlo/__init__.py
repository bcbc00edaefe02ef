"""DDLO: several tasks a user, one access point, uplink split equally or decided jointly."""

from .problem import Ddlo as Ddlo
