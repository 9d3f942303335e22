"""Parked work as pages show it: in groups of what it has in common, which are kept as it is set aside."""
