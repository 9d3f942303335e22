"""What the service speaks of, as frozen values: cases, findings, tickets, actions. No input, no output, no clock."""
