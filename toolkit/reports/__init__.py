"""What a run looks like: tables and self-contained pages."""
