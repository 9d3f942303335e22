"""Scans and backfills in Redis: how far each is listed, counted and reported."""
