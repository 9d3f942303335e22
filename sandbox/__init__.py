"""Stand-ins over real HTTP for the systems outside, with their limits, their lag and faults to order."""
