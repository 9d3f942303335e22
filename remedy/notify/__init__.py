"""`remedy notify`: the channels by which people are told."""
