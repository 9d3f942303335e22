"""What is done within the hard limits of the systems outside."""
