"""What people are shown of parked work: pieces, groups, and what usually helps."""
