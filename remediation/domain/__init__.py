"""The values that the service works with: cases, findings, tickets, actions. Frozen; no I/O, no clock."""
