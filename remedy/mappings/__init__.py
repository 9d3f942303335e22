"""`remedy mappings`: what is in mappings.yaml, and whether it is right."""
