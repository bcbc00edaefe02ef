"""What the page tells of an instance: its runs, and views of their decisions."""
