"""What a delivery is: who may send it, whether it is signed, and what it says. Pure."""
