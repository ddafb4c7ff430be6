# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A TLS certificate for one run."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import GeneralName

_DAYS = 90


class CertificateError(ValueError):
    """A certificate cannot be used; the text says which, and what to do."""


def load(certificate: str, key: str = '') -> ssl.SSLContext:
    """Return the context of a server with a certificate from PEM files.

    :param key: file of the private key; empty if it stands in the certificate's file.
    :raises CertificateError: if a file is missing, or they do not belong together.
    """
    for path in (certificate, key):
        if path and not Path(path).expanduser().is_file():
            raise CertificateError(f'{path}: there is no such file')
    context = _context()
    try:
        context.load_cert_chain(
            Path(certificate).expanduser(), Path(key).expanduser() if key else None
        )
    except (ssl.SSLError, OSError) as error:
        raise CertificateError(
            f'{certificate} and {key or "its key"} cannot be used: {error}; both must be PEM '
            'files that belong together, the key without a password'
        ) from error
    return context


def self_signed(names: Sequence[str]) -> tuple[ssl.SSLContext, str]:
    """Return the context of a server with a certificate made now, and its SHA-256 fingerprint.

    Key and certificate are never left on the disk.

    :param names: names and addresses that it is for.
    :raises CertificateError: if the package ``cryptography`` is missing.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError:
        raise CertificateError(
            'a certificate is made with the package cryptography, which is missing: '
            'pip install cryptography, or give certificate and key as files'
        ) from None
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'emotion perception')])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(private, hashes.SHA256())
    )
    context = _context()
    # OpenSSL's loader takes files only: a private folder, gone at once.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'server.pem')
        path.touch(mode=0o600)
        path.write_bytes(
            private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(path)
    digest = made.fingerprint(hashes.SHA256()).hex().upper()
    return context, ':'.join(digest[i : i + 2] for i in range(0, len(digest), 2))


def own_names(host: str) -> list[str]:
    """Return the names and addresses that this machine may be opened by."""
    names = ['localhost', '127.0.0.1', '::1', socket.gethostname(), *addresses(host)]
    return list(dict.fromkeys(names))


def addresses(host: str) -> list[str]:
    """Return the addresses that a server bound to ``host`` can be reached by, likeliest first."""
    if host not in ('', '0.0.0.0', '::'):
        return [host]
    found = []
    # No packet is sent: this only asks which address would be used towards elsewhere.
    for family, elsewhere in ((socket.AF_INET, '192.0.2.1'), (socket.AF_INET6, '2001:db8::1')):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((elsewhere, 9))
                found.append(probe.getsockname()[0])
        except OSError:
            continue
    try:
        found += [info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)]
    except OSError:
        pass
    return list(dict.fromkeys(a for a in found if not a.startswith('127.'))) or ['127.0.0.1']


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _name(name: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
