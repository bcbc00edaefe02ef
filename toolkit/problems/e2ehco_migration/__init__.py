"""E2EHCO's second environment: requests of mobile users that are served, or migrate, in time."""

from .problem import E2ehcoMigration as E2ehcoMigration
