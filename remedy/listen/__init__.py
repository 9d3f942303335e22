"""`remedy listen`."""
