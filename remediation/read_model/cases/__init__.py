"""What people are shown of cases: lists, one case, and its words."""
