"""The schema of mappings.yaml: what can be configured, as values."""
