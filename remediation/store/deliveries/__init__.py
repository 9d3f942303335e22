"""Deliveries in Redis: received, read, parked, and how far the findings of a scan are listed."""
