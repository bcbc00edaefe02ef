"""Learners: one per file. The file system is the registry; there are none yet."""
