"""Deliveries in Redis: received, read, parked, refused."""
