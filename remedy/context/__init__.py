"""`remedy context`."""
