"""The command line: flags, tables, progress, a run from start to end."""
