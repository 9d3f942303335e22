"""Deleting all that is kept of cases or of a district, at a person's word."""
