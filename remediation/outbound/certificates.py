"""Files with certificates: those to trust, and our own. Pure, except that the files are read."""

import ssl


def certificate_flaw(path: str) -> str | None:
    """Why a file (PEM) has no certificates to trust; None where it has some."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return "holds no certificates in the form of PEM (-----BEGIN CERTIFICATE-----)"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:
        return "cannot be read: its path is not valid"
    return None


def own_certificate_flaw(certificate: str, key: str | None) -> str | None:
    """Why a certificate and its key (PEM) cannot be used; None where they can.

    `key` is None where both are in one file. The key must not need a password: nobody could enter it.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=_no_password)
    except _PasswordWanted:
        return "the key is encrypted with a password: nobody could type it in"
    except ssl.SSLError as error:
        fits = error.reason != "KEY_VALUES_MISMATCH"
        return "hold no certificate and key in the form of PEM" if fits else "the key is that of another certificate"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:
        return "cannot be read: a path is not valid"
    return None


class _PasswordWanted(Exception):
    pass


def _no_password() -> str:
    raise _PasswordWanted
