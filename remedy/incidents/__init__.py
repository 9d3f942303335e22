"""`remedy incidents`: what feeds of incidents have shown, and reading them now."""
