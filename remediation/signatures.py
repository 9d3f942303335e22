"""Is this delivery from its sender? Pure: headers, body, secrets, format and the time go in, a verdict comes out."""

from enum import StrEnum


class SignatureFormat(StrEnum):
    """How the HMAC-SHA256 is written down."""

    HEX = "hex"
    PREFIXED = "prefixed"
    BASE64 = "base64"
    TIMESTAMPED = "timestamped"
    STANDARD = "standard"
    AUTO = "auto"
