"""What people are told by channels: what is to be told, when, and in which words."""
