"""Learners: one per file. The file system is the registry; the first ones come with issue 3."""
