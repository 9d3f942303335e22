"""The kinds of tracker, as mappings.yaml speaks of them: one module for each, and the table of all of them."""
