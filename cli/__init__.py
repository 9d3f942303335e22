"""The remedy command: the composition root of every process."""
