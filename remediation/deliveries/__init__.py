"""Deliveries: who may send them, whether their signature is right, and what they say. Pure."""
