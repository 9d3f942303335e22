"""What others would build of well-known parts: each runs in an environment of its own, and imports nothing of ours."""
