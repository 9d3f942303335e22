"""What calls of outside systems go through: proxies and certificates, budgets, and the channels of notifications."""
