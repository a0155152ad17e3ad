from datetime import timedelta
from itertools import pairwise

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from services.orders.clients.test_ca import DOMAIN_VALIDATED, TestCa
from services.orders.rules.issuance import Issued, Wanted
from services.orders.rules.revocation import Entry, WantedList
from tests.orders.makers import NOW, ca_key, csr, p256, pem_of, rsa_key

LIFE = (NOW - timedelta(hours=1), NOW + timedelta(days=90))


def issued(key: str = "", **changes: object) -> Issued:
    wanted = {
        "csr": csr(),
        "names": ("www.acme.example", "*.acme.example"),
        "not_before": LIFE[0],
        "not_after": LIFE[1],
    }
    return TestCa(key or ca_key()).issue(Wanted(**{**wanted, **changes}))  # type: ignore[arg-type]


def leaf(certificate: Issued) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.pem.encode())


def test_root_and_intermediate_are_the_same_bytes_after_a_restart() -> None:
    first, second = TestCa(ca_key()), TestCa(ca_key())

    assert first.root == second.root
    assert first.intermediate == second.intermediate


def test_another_key_makes_another_chain() -> None:
    assert TestCa(ca_key()).root != TestCa(pem_of(p256())).root


@pytest.mark.parametrize("key", [ca_key(), pem_of(rsa_key())], ids=["ec", "rsa"])
def test_the_chain_verifies_up_to_the_root(key: str) -> None:
    certificate = issued(key)
    store = Store([x509.load_pem_x509_certificate(certificate.root.encode())])
    verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName("www.acme.example"))

    chain = verifier.verify(leaf(certificate), [x509.load_pem_x509_certificate(certificate.intermediate.encode())])

    assert len(chain) == 3


def test_everybody_can_read_that_it_is_for_tests_and_private_use() -> None:
    ca = TestCa(ca_key())

    for authority in (ca.root, ca.intermediate):
        assert "for tests and private use" in authority.subject.rfc4514_string()


def test_the_leaf_has_the_profile_of_a_domain_validated_certificate() -> None:
    certificate = leaf(issued())
    get = certificate.extensions.get_extension_for_class

    assert get(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName) == [
        "www.acme.example",
        "*.acme.example",
    ]
    assert [policy.policy_identifier for policy in get(x509.CertificatePolicies).value] == [DOMAIN_VALIDATED]
    assert list(get(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert get(x509.KeyUsage).critical
    assert get(x509.KeyUsage).value.digital_signature
    assert not get(x509.KeyUsage).value.key_encipherment
    assert not get(x509.BasicConstraints).value.ca
    assert certificate.subject.rfc4514_string() == "CN=www.acme.example"


def test_every_certificate_says_where_its_list_and_its_issuer_are_by_plain_http() -> None:
    ca = TestCa(ca_key(), "http://pki.acme.example/pki")
    pem = ca.issue(Wanted(csr(), ("www.acme.example",), *LIFE)).pem
    chain = [x509.load_pem_x509_certificate(pem.encode()), ca.intermediate, ca.root]

    for certificate, issuer in pairwise(chain):
        get = certificate.extensions.get_extension_for_class
        key = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex()
        [point] = get(x509.CRLDistributionPoints).value
        [access] = get(x509.AuthorityInformationAccess).value
        assert [place.value for place in point.full_name or ()] == [f"http://pki.acme.example/pki/{key}.crl"]
        assert access.access_location.value == f"http://pki.acme.example/pki/{key}.cer"


def test_another_address_makes_intermediates_with_other_serials() -> None:
    here, there = TestCa(ca_key()), TestCa(ca_key(), "http://pki.acme.example/pki")

    assert here.intermediate.serial_number != there.intermediate.serial_number
    assert here.intermediate.public_key() == there.intermediate.public_key()


def test_a_private_certificate_claims_no_policy_of_the_ca_browser_forum() -> None:
    with pytest.raises(x509.ExtensionNotFound):
        leaf(issued(level="private")).extensions.get_extension_for_class(x509.CertificatePolicies)


def test_a_list_names_each_serial_its_time_and_its_reason_but_never_unspecified() -> None:
    ca = TestCa(ca_key())
    entries = [Entry("0A", NOW, "keyCompromise"), Entry("0B", NOW - timedelta(days=1), "unspecified")]

    issuer = ca.issuers["sha256"]
    found = x509.load_der_x509_crl(ca.sign_list(WantedList(issuer.key_id, 7, NOW, NOW + timedelta(days=7), entries)))

    assert found.is_signature_valid(issuer.key.public_key())
    assert found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 7
    first, second = found
    assert (first.serial_number, first.revocation_date_utc) == (10, NOW)
    assert first.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise
    assert (second.serial_number, list(second.extensions)) == (11, [])


def test_serials_are_128_random_bits_in_hex() -> None:
    serials = {issued().serial_number for _ in range(20)}

    assert len(serials) == 20
    assert all(len(serial) == 32 and serial == serial.upper() for serial in serials)


def test_a_name_too_long_for_a_common_name_leaves_the_subject_empty() -> None:
    name = f"{'a' * 60}.{'b' * 60}.example"

    certificate = leaf(issued(names=(name,)))

    assert certificate.subject.rfc4514_string() == ""
    assert certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_the_signature_hash_asked_for_is_used(name: str) -> None:
    algorithm = leaf(issued(signature_hash=name)).signature_hash_algorithm

    assert algorithm is not None
    assert algorithm.name == name


def test_the_dates_and_fingerprints_are_told_as_the_certificate_has_them() -> None:
    certificate = issued()

    assert (certificate.valid_from, certificate.valid_till) == (LIFE[0].date(), LIFE[1].date())
    assert leaf(certificate).serial_number == int(certificate.serial_number, 16)
    assert len(certificate.thumbprint) == 40


def test_a_key_of_another_kind_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match=r"(?i)key|pem"):
        TestCa("no key at all")
