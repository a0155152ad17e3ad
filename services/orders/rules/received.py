"""A certificate that another CA made is looked at before it is believed."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from services.orders.rules.issuance import Issued, issued
from services.orders.rules.products import SIGNATURE_HASHES
from services.orders.rules.reading import Read, read
from shared.errors import Rejected

MAX_LENGTH = 65_536
MAX_SERIAL_BITS = 160  # RFC 5280 4.1.2.2: 20 octets
BACKDATING = timedelta(hours=48)  # BR 7.1.2.7: notBefore within 48 hours of the signing
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+?-----END CERTIFICATE-----")


@dataclass(frozen=True)
class Asked:
    """What the request asked for."""

    key_sha256: str
    names: tuple[str, ...]
    organization: str = ""  # as it was verified; none in a DV certificate


@dataclass(frozen=True)
class Permission:
    since: datetime
    until: datetime


def check_received(pem: str, chain: Sequence[str], asked: Asked, now: datetime) -> Issued:
    """The certificate with its intermediate and root; a refusal says what does not fit and what to send instead."""
    leaf = _one(pem)
    upwards = [leaf, *blocks("\n".join(chain))]
    if len(upwards) != 3:
        raise Rejected(
            f"The chain holds {len(upwards) - 1} certificates; send the intermediate that signed the certificate and "
            "the root that signed the intermediate, nothing else."
        )
    found = _read(leaf)
    _check_is_of_the_request(leaf, found, asked)
    _check_chain(upwards)
    _check_dates(upwards, now)
    _, intermediate, root = (each.public_bytes(Encoding.PEM).decode("ascii") for each in upwards)
    return issued(found.pem, intermediate, root)


def irregularity(not_before: datetime, permission: Permission) -> str | None:
    """A sentence where a certificate begins outside of the time in which its CA was permitted to issue it (LC17). It
    exists nonetheless, so it is kept."""
    if not_before >= permission.until:
        return (
            f"it begins at {not_before:%Y-%m-%d %H:%M:%S} UTC, but might be issued before "
            f"{permission.until:%Y-%m-%d %H:%M:%S} UTC only"
        )
    if not_before < permission.since - BACKDATING:
        return (
            f"it begins at {not_before:%Y-%m-%d %H:%M:%S} UTC, more than 48 hours before the permission of "
            f"{permission.since:%Y-%m-%d %H:%M:%S} UTC"
        )
    return None


def blocks(text: str) -> list[x509.Certificate]:
    if "PRIVATE KEY" in text:
        raise Rejected("A private key was sent with the certificate; never send it. Send certificates only.")
    if len(text) > MAX_LENGTH:
        raise Rejected(f"The certificates are longer than {MAX_LENGTH} characters; send one chain as PEM.")
    return [_parsed(block) for block in _BLOCK.findall(text)]


def _one(pem: str) -> x509.Certificate:
    found = blocks(pem)
    if len(found) != 1:
        raise Rejected(
            f"There are {len(found)} certificates where one is expected; send the issued certificate as one PEM block "
            "and the others as its chain."
        )
    return found[0]


def _parsed(pem: str) -> x509.Certificate:
    """What is read with a warning only is no certificate of RFC 5280: a serial number below one, for example."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            return x509.load_pem_x509_certificate(pem.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion, CryptographyDeprecationWarning):
        raise Rejected("A certificate cannot be read; send PEM as the CA made it, unchanged.") from None


def _read(leaf: x509.Certificate) -> Read:
    try:
        return read(leaf)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        raise Rejected(
            "The certificate's extensions or its key cannot be read; send PEM as the CA made it, unchanged."
        ) from None


def _check_is_of_the_request(leaf: x509.Certificate, found: Read, asked: Asked) -> None:
    if found.key_sha256 != asked.key_sha256:
        raise Rejected("The certificate has another key than the CSR of the request; send the one issued for this CSR.")
    _check_names(leaf, found, asked)
    if found.organization.casefold() != asked.organization.casefold():
        raise Rejected(
            f"The certificate's organization is {found.organization[:100]!r}, what was verified for the order is "
            f"{asked.organization[:100]!r}; only a verified organization may stand in it."
        )
    if _is_ca(leaf):
        raise Rejected("The certificate is that of a CA; send the one issued for the names of the request.")
    if found.signature_hash not in SIGNATURE_HASHES:
        raise Rejected(f"The certificate is signed with {found.signature_hash}; it has to be SHA-256 or better.")
    if not 0 < leaf.serial_number < 2**MAX_SERIAL_BITS:
        raise Rejected("The certificate's serial number is not positive or longer than 20 octets (RFC 5280 4.1.2.2).")


def _check_names(leaf: x509.Certificate, found: Read, asked: Asked) -> None:
    has, wanted = {name.lower() for name in found.names}, {name.lower() for name in asked.names}
    strange, missing = ", ".join(sorted(has - wanted)), ", ".join(sorted(wanted - has))
    if strange or missing or not _only_dns_names(leaf):
        also = f"it also has {strange[:500]}" if strange else "a name in it is no DNS name"
        raise Rejected(
            "The certificate's names are not those of the request: "
            f"{f'it lacks {missing[:500]}' if missing else also}; send the one issued for exactly these names."
        )
    if found.common_name.lower() not in wanted:
        raise Rejected(f"The certificate's common name {found.common_name[:100]!r} is none of its names (BR 7.1.4.3).")


def _only_dns_names(leaf: x509.Certificate) -> bool:
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return all(isinstance(name, x509.DNSName) for name in names)


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
    except (ValueError, x509.DuplicateExtension):
        raise Rejected(
            "The extensions of a certificate in the chain cannot be read; send the chain unchanged."
        ) from None


def _check_chain(upwards: Sequence[x509.Certificate]) -> None:
    for certificate, issuer in pairwise([*upwards, upwards[-1]]):
        if not _is_ca(issuer):
            raise Rejected(f"{_called(issuer)} is in the chain but is no CA; send the intermediate, then the root.")
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            raise Rejected(
                f"{_called(certificate)} is not signed by {_called(issuer)}; send the intermediate that signed the "
                "certificate and then the root that signed the intermediate."
            ) from None


def _check_dates(upwards: Sequence[x509.Certificate], now: datetime) -> None:
    begins = upwards[0].not_valid_before_utc
    for certificate in upwards:
        if certificate.not_valid_after_utc <= now:
            raise Rejected(f"{_called(certificate)} expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC.")
    for issuer in upwards[1:]:
        if not issuer.not_valid_before_utc <= begins <= issuer.not_valid_after_utc:
            raise Rejected(f"{_called(issuer)} was not valid when the certificate begins; send the chain of its time.")


def _called(certificate: x509.Certificate) -> str:
    try:
        return f'"{certificate.subject.rfc4514_string()[:100]}"'
    except ValueError:
        return "A certificate"
