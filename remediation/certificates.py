"""Files with certificates that somebody wants trusted. Pure but for reading the file."""

import ssl


def certificate_flaw(path: str) -> str | None:
    """Why nobody can trust the certificates in a file (PEM); None where there are some."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return "holds no certificates in the form of PEM (-----BEGIN CERTIFICATE-----)"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:
        return "cannot be read: its path is not valid"
    return None
