"""What is sent to a server under measurement: deliveries, and requests that ask for too much."""
