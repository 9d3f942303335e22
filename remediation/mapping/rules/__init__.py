"""Which rule takes a finding, and what the rules can reach."""
