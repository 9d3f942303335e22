"""Files with certificates: those to trust, and our own. Pure, except that the files are read."""

import os
import ssl

from remediation.regular_files import open_regular

_LARGEST = 10_000_000
"""Bytes. The authorities of a whole operating system take a fortieth of it."""


def certificate_flaw(path: str) -> str | None:
    """Why a file (PEM) has no certificates to trust; None where it has some."""
    if flaw := _file_flaw(path):
        return flaw
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return "holds no certificates in the form of PEM (-----BEGIN CERTIFICATE-----)"
    except OSError as error:  # changed since
        return f"cannot be read: {error.strerror}"
    return None


def own_certificate_flaw(certificate: str, key: str | None) -> str | None:
    """Why a certificate and its key (PEM) cannot be used; None where they can.

    `key` is None where both are in one file. The key must not need a password: nobody could enter it.
    """
    for path in (certificate, key or certificate):
        if flaw := _file_flaw(path):
            return flaw
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=_no_password)
    except _PasswordWanted:
        return "the key is encrypted with a password: nobody could type it in"
    except ssl.SSLError as error:
        fits = error.reason != "KEY_VALUES_MISMATCH"
        return "hold no certificate and key in the form of PEM" if fits else "the key is that of another certificate"
    except OSError as error:  # changed since
        return f"cannot be read: {error.strerror}"
    return None


def _file_flaw(path: str) -> str | None:
    """Why OpenSSL is not to open a file: it would wait for the writer of a pipe, and read a device for ever."""
    try:
        with open_regular(path) as file:
            is_too_large = os.fstat(file.fileno()).st_size > _LARGEST
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:
        return "cannot be read: its path is not valid"
    return f"is larger than {_LARGEST:,} bytes" if is_too_large else None


class _PasswordWanted(Exception):
    pass


def _no_password() -> str:
    raise _PasswordWanted
