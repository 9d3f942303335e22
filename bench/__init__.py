"""Measurements: each is a ratio to an anchor that the same run starts."""
