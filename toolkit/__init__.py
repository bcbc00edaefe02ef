"""Mobile-edge-computing offloading problems, solved with a certificate."""

__version__ = "0.1.0"
