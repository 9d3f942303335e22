"""`remedy case`: what happened to a case, and what would be done about it now."""
