"""What the service knows: findings, tickets, cases, and how to keep them in step."""
