"""Cases in Redis: rows, links, timelines, and which must be looked at."""
