"""Plans and the cases that they stand for."""
