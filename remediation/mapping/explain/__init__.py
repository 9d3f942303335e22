"""What mappings.yaml means, for the people who write it: reasons, differences, expectations."""
