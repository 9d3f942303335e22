"""How many deliveries one sender may bring, as a value. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeliveryLimit:
    """One delivery every `interval` seconds on average, and up to `burst` of them at once after a quiet time."""

    interval: float
    burst: int
