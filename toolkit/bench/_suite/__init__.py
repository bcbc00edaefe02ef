"""Frozen suites: instances, and what is known of their optima; see docs/suites.md."""
