"""A paper re-measured: what a plan asks, what runs say of it, its claims and figures."""
