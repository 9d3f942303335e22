"""What happened, told from the counts of hours and days: the same for every front end."""
