"""The wire under every stand-in: real HTTP, faults to order, webhooks."""
