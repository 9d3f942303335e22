"""How a district's sender signs, for deliveries that a command sends: the secret and the format of mappings.yaml."""

import time
from dataclasses import dataclass, field

from remediation.deliveries.signatures import SignatureFormat
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.webhook_secrets import newest_secret
from remediation.settings import environ
from remediation.store.deliveries.signing import read_signed_times
from remediation.store.server.connection import Connection
from remedy.from_store import from_store


@dataclass(frozen=True, slots=True)
class Signing:
    """What a delivery is signed with, and how the signature is written down. `format` is never AUTO."""

    secret: str = field(repr=False)
    format: SignatureFormat


def signing_of(loaded: Loaded, district: str) -> Signing:
    """How mappings.yaml says that deliveries of the district are signed. Raises ConfigurationError for its secret.

    Where it says `auto`, a bare signature is sent, unless the receiver is known to demand a signed time: a test with
    one would have it demand that from SchoolScan, too.
    """
    secret = newest_secret(loaded, district, environ(), time.time())
    written = loaded.mappings.districts[district].schoolscan.webhook.signature
    return Signing(secret, _demanded(district) if written is SignatureFormat.AUTO else written)


def _demanded(district: str) -> SignatureFormat:
    async def asked(connection: Connection) -> bool:
        return district in {each.district for each in await read_signed_times(connection)}

    return SignatureFormat.TIMESTAMPED if from_store(asked, nothing=False) else SignatureFormat.HEX
