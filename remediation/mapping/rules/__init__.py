"""Which rule takes a finding, and which tickets the rules can ask for."""
