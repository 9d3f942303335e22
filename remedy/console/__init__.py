"""`remedy console`: who is let into the operator's pages."""
