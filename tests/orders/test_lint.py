"""What the built-in CA issues, looked at by the linter of the public CAs."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pkilint import finding_filter, loader, pkix
from pkilint.cabf import cabf_crl, serverauth
from pkilint.cabf.serverauth import serverauth_constants
from pkilint.pkix import certificate, crl, extension, name
from pkilint.validation import ValidationFindingSeverity, ValidationResult

from services.orders.clients.test_ca import TestCa
from services.orders.rules.issuance import Subject, Wanted
from services.orders.rules.revocation import OF_CERTIFICATES, OF_INTERMEDIATES, REASONS, Entry, WantedList
from tests.orders.makers import NOW, ca_key, csr, p256, pem_of, rsa_key

# What is left as it is, and why.
KNOWN: Mapping[str, str] = {
    "cabf.serverauth.dv.common_name_attribute_present": "not recommended, but allowed (BR 7.1.2.7.2), and clients that "
    "integrate with a CA compare it",
    "cabf.serverauth.ov.common_name_attribute_present": "the same (BR 7.1.2.7.4)",
}

ACME = Subject("Acme Example Inc.", "US", "Utah", "Lehi")
EV_ACME = Subject(
    "Acme Example Inc.", "US", "Utah", "Lehi", jurisdiction_country="US", jurisdiction_region="Utah",
    registration_number="5157550-0142", business_category="Private Organization",
)  # fmt: skip


def severe(results: list[ValidationResult]) -> set[str]:
    found = [finding for result in results for finding in result.finding_descriptions]
    wanted = (ValidationFindingSeverity.WARNING, ValidationFindingSeverity.ERROR, ValidationFindingSeverity.FATAL)
    return {f"{each.finding.code}: {each.message}" for each in found if each.finding.severity in wanted}


def unknown(findings: set[str]) -> set[str]:
    return {each for each in findings if each.split(":")[0] not in KNOWN}


def lint_certificate(pem: str, kind: str) -> set[str]:
    document = loader.load_certificate(x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER), "it")
    assert serverauth.determine_certificate_type(document).name == kind
    wanted = serverauth_constants.CertificateType[kind]
    validator = certificate.create_pkix_certificate_validator_container(
        serverauth.create_decoding_validators(), serverauth.create_validators(wanted)
    )
    filters = serverauth.create_serverauth_finding_filters(wanted)
    return severe(finding_filter.filter_results(filters, validator.validate(document.root))[0])


def lint_list(der: bytes, kind: crl.CertificateRevocationListType) -> set[str]:
    decoding = [
        pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
        pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
    ]
    period = cabf_crl.create_validity_period_validator(kind)
    looking = [
        crl.create_issuer_validator_container([]),
        crl.create_validity_validator_container([period]),
        crl.create_extensions_validator_container([]),
        cabf_crl.CabfCrlReasonCodeAllowlistValidator(kind),
    ]
    document = loader.load_crl(der, "it")
    return severe(crl.create_pkix_crl_validator_container(decoding, looking).validate(document.root))


def wanted(**changes: object) -> Wanted:
    facts = {
        "csr": csr(), "names": ("www.example.com", "example.com"), "not_before": NOW - timedelta(hours=1),
        "not_after": NOW + timedelta(days=198),
    }  # fmt: skip
    return Wanted(**{**facts, **changes})  # type: ignore[arg-type]


ADDRESS = "http://pki.example.com/pki"
KEYS = pytest.mark.parametrize(
    "key", [ca_key(), pem_of(ec.generate_private_key(ec.SECP384R1())), pem_of(rsa_key())], ids=["p256", "p384", "rsa"]
)


@KEYS
def test_the_root_passes(key: str) -> None:
    assert unknown(lint_certificate(TestCa(key, ADDRESS).top.pem, "ROOT_CA")) == set()


@KEYS
@pytest.mark.parametrize("hash", ["sha256", "sha384", "sha512"])
def test_each_intermediate_passes(key: str, hash: str) -> None:
    findings = lint_certificate(TestCa(key, ADDRESS).issuers[hash].pem, "INTERNAL_UNCONSTRAINED_TLS_CA")

    assert unknown(findings) == set()


@pytest.mark.parametrize("hash", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("key", [p256(), rsa_key()], ids=["ec", "rsa"])
@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("DV_FINAL_CERTIFICATE", {}),
        ("DV_FINAL_CERTIFICATE", {"names": ("*.example.com",)}),
        ("DV_FINAL_CERTIFICATE", {"names": (f"{'a' * 60}.{'b' * 60}.example.com",)}),
        ("OV_FINAL_CERTIFICATE", {"level": "ov", "subject": ACME}),
        ("EV_FINAL_CERTIFICATE", {"level": "ev", "subject": EV_ACME}),
    ],
    ids=["dv", "wildcard", "long", "ov", "ev"],
)
def test_each_leaf_passes(hash: str, key: object, kind: str, changes: dict[str, object]) -> None:
    made = TestCa(ca_key(), ADDRESS).issue(wanted(csr=csr(key), signature_hash=hash, **changes))

    assert unknown(lint_certificate(made.pem, kind)) == set()


def test_the_list_of_certificates_passes() -> None:
    ca = TestCa(ca_key(), ADDRESS)
    entries = [Entry(f"{n:032X}", NOW - timedelta(days=n), reason) for n, reason in enumerate(REASONS, start=1)]
    for issuer in ca.issuers.values():
        der = ca.sign_list(WantedList(issuer.key_id, 17, NOW, NOW + OF_CERTIFICATES.lives, entries))

        assert unknown(lint_list(der, crl.CertificateRevocationListType.CRL)) == set()


def test_the_list_of_intermediates_passes() -> None:
    ca = TestCa(ca_key(), ADDRESS)
    der = ca.sign_list(WantedList(ca.top.key_id, 1, NOW, NOW + OF_INTERMEDIATES.lives))

    assert unknown(lint_list(der, crl.CertificateRevocationListType.ARL)) == set()


def test_the_linter_sees_what_is_wrong() -> None:
    ca = TestCa(ca_key(), ADDRESS)
    too_long = ca.issue(wanted(not_after=NOW + timedelta(days=500)))
    der = ca.sign_list(WantedList(ca.issuers["sha256"].key_id, 1, NOW, NOW + timedelta(days=11)))

    assert lint_certificate(too_long.pem, "DV_FINAL_CERTIFICATE")
    assert lint_list(der, crl.CertificateRevocationListType.CRL)
