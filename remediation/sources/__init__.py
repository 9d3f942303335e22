"""Where cases come from: clients of the systems that find what must be remediated."""
