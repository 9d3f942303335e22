"""What one mappings.yaml makes of findings and incidents, and why: its rules, as people are told of them."""
