"""What is wrong in a file whose values have the right types, or has no effect."""
