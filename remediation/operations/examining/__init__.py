"""Looks at what the service needs, and says what is wrong and what to do: for `remedy doctor` and for the console."""
