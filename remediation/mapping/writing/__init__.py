"""New files: words that are proposed, their text with comments, and the same for a file that is there."""
