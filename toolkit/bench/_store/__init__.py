"""The store: one SQLite file with runs, the instances and environments that they are of, and
references. One command writes to it, any number may read."""

from ._reader import Reader as Reader
from ._reader import is_store as is_store
from ._reference import Reference as Reference
from ._schema import SCHEMA as SCHEMA
from ._writer import Store as Store
