"""E2EHCO: mobile users choose a server, a transmit power and a share of the server's CPU."""

from .problem import E2ehco as E2ehco
