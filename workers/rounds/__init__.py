"""What workers do again and again, one of them at a time."""
