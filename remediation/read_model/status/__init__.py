"""Whether the service works: what the store tells, and how bad each of it is. The same for every front end."""
