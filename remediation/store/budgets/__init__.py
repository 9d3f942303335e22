"""How much of their rate limits outside systems leave us, for all workers: learned from answers, or counted."""
