"""What the feeds of incidents have shown, how far each has been read, and what was decided about each incident."""
