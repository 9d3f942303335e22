"""`remedy trigger`."""
