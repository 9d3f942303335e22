"""What happened in each hour and day, as numbers: counted by every process, and kept for a month for charts."""
