"""What one connection may cost the server, whoever is at its other end and whatever it sends."""
