"""`judge` and `complete` beside hand-written loops, a problem a file."""
