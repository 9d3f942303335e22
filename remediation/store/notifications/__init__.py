"""What each channel has told people, so that nothing is told twice."""
