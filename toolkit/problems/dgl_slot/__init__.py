"""DGL's small timescale: one slot, in which every user picks a server for given caches."""

from .problem import DglSlot as DglSlot
