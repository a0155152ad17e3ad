"""What stands in the built-in CA's certificates: the profiles of BR 7.1.2."""

from collections.abc import Mapping
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes, CertificatePublicKeyTypes
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from services.orders.rules.issuance import Level, Subject

MARK = "for tests and private use"
DOMAIN_VALIDATED = x509.ObjectIdentifier("2.23.140.1.2.1")
ORGANIZATION_VALIDATED = x509.ObjectIdentifier("2.23.140.1.2.2")
EXTENDED_VALIDATION = x509.ObjectIdentifier("2.23.140.1.1")
POLICIES: Mapping[Level, x509.ObjectIdentifier] = {
    "dv": DOMAIN_VALIDATED,
    "ov": ORGANIZATION_VALIDATED,
    "ev": EXTENDED_VALIDATION,
}


def authority_name(common_name: str) -> x509.Name:
    """XX is the country of what has none (BR 7.1.4.2)."""
    parts = {
        NameOID.COUNTRY_NAME: "XX",
        NameOID.ORGANIZATION_NAME: f"Issuary, {MARK}",
        NameOID.COMMON_NAME: common_name,
    }
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items()])


def authority(
    name: str, life: tuple[datetime, datetime], serial: int, key: CertificatePublicKeyTypes
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(authority_name(name))
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(life[0])
        .not_valid_after(life[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    )


def subject_of(names: tuple[str, ...], subject: Subject | None, level: Level) -> x509.Name:
    """In the order of BR 7.1.4.2. A common name has at most 64 characters (RFC 5280), and EV certificates should have
    none (EVG 7.1.4.2.9); without anything the subject is empty."""
    parts = _organization(subject) if subject else {}
    fitting = [name for name in names if len(name) <= 64 and level != "ev"]
    if fitting:
        parts[NameOID.COMMON_NAME] = fitting[0]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items() if value])


def _organization(subject: Subject) -> dict[x509.ObjectIdentifier, str]:
    return {
        NameOID.JURISDICTION_COUNTRY_NAME: subject.jurisdiction_country.upper(),
        NameOID.JURISDICTION_STATE_OR_PROVINCE_NAME: subject.jurisdiction_region,
        NameOID.JURISDICTION_LOCALITY_NAME: subject.jurisdiction_city,
        NameOID.BUSINESS_CATEGORY: subject.business_category,
        NameOID.SERIAL_NUMBER: subject.registration_number,
        NameOID.COUNTRY_NAME: subject.country.upper(),
        NameOID.STATE_OR_PROVINCE_NAME: subject.region,
        NameOID.LOCALITY_NAME: subject.city,
        NameOID.ORGANIZATION_NAME: subject.organization,
    }


def policy(level: Level) -> x509.CertificatePolicies:
    return x509.CertificatePolicies([x509.PolicyInformation(POLICIES[level], None)])


def any_policy() -> x509.CertificatePolicies:
    """An intermediate of the same operator needs no restriction (BR 7.1.2.10.5)."""
    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.5.29.32.0"), None)])


def for_servers() -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


def authority_key(key: CertificateIssuerPublicKeyTypes) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def leaf_usage() -> x509.KeyUsage:
    """An RSA key enciphers no keys either: BR 7.1.2.7.11 recommends one use, and TLS has needed no more since 1.2."""
    return _usage(digital_signature=True)


def list_at(address: str) -> x509.CRLDistributionPoints:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(address)], None, None, None)
    return x509.CRLDistributionPoints([point])


def issuer_at(address: str) -> x509.AuthorityInformationAccess:
    """Without OCSP, which is optional since BR 2.0.1 and which this CA does not run."""
    place = x509.UniformResourceIdentifier(address)
    return x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)])


def key_id(key: CertificatePublicKeyTypes) -> str:
    return x509.SubjectKeyIdentifier.from_public_key(key).digest.hex()


def is_deterministic(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bool | None:
    return True if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _usage(**wanted: bool) -> x509.KeyUsage:
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    return x509.KeyUsage(**{usage: wanted.get(usage, False) for usage in every})
