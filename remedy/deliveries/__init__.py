"""`remedy deliveries`: what senders have brought, and what was refused."""
