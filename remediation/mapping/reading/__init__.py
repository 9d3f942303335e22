"""Reads mappings.yaml into values; errors and warnings have a line and a column."""
