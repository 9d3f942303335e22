"""What every request to an outside system shares: limits, certificates, and when to try again."""
