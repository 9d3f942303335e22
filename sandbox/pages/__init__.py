"""The pages of the stand-ins for people, in a browser."""
