"""DGL's large timescale: an episode in which servers' caches follow what users ask for."""

from .problem import Dgl as Dgl
