"""The texts and fields that a rule gives to tickets and notes."""
