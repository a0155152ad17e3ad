from base64 import encodebytes
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.orders.clients.test_ca import TestCa
from services.orders.rules.csr import key_sha256
from services.orders.rules.issuance import Issued, Subject, Wanted
from services.orders.rules.received import Asked, Permission, check_received, irregularity
from shared.errors import DomainError
from tests.orders.makers import NOW, ca_key, csr, p256, pem_of, rsa_key

NAMES = ("www.acme.example", "acme.example")
ASKED = Asked(key_sha256(p256().public_key()), NAMES)
CA = TestCa(ca_key())
ACME = Subject("Acme Example Inc.", "US", "Utah", "Lehi")
OTHER = TestCa(pem_of(ec.generate_private_key(ec.SECP256R1())))


def made(ca: TestCa = CA, **changes: Any) -> Issued:
    facts = {
        "csr": csr(),
        "names": NAMES,
        "not_before": NOW - timedelta(hours=1),
        "not_after": NOW + timedelta(days=90),
    }
    return ca.issue(Wanted(**{**facts, **changes}))


GOOD = made()


def checked(pem: str = GOOD.pem, chain: tuple[str, ...] = (GOOD.intermediate, GOOD.root), **changes: Any) -> Issued:
    return check_received(pem, chain, changes.get("asked", ASKED), changes.get("now", NOW))


def by_hand(change: Callable[[x509.CertificateBuilder], x509.CertificateBuilder], hash: Any = None) -> str:
    """A certificate of the intermediate with something about it that no CA of ours would do."""
    issuer = CA.issuers["sha256"]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAMES[0])]))
        .issuer_name(issuer.certificate.subject)
        .public_key(p256().public_key())
        .serial_number(77)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=9))
    )
    return change(builder).sign(issuer.key, hash or hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def names_of(*names: x509.GeneralName) -> Callable[[x509.CertificateBuilder], x509.CertificateBuilder]:
    return lambda builder: builder.add_extension(x509.SubjectAlternativeName(names), critical=False)


BOTH = [x509.DNSName(name) for name in NAMES]


def test_a_certificate_that_fits_is_believed_with_its_chain() -> None:
    believed = checked()

    assert (believed.pem, believed.intermediate, believed.root) == (GOOD.pem, GOOD.intermediate, GOOD.root)
    assert believed.serial_number == GOOD.serial_number


def test_the_chain_may_come_as_one_text_with_words_between_and_windows_line_ends() -> None:
    text = f"subject: the intermediate\r\n{GOOD.intermediate}issuer:\n{GOOD.root}".replace("\n", "\r\n")

    assert checked(chain=(text,)).root == GOOD.root


def test_the_verified_organization_may_stand_in_it() -> None:
    pem = made(level="ov", subject=ACME).pem

    assert checked(pem, asked=replace(ASKED, organization="ACME Example Inc.")).pem == pem


def test_the_order_and_case_of_names_do_not_matter() -> None:
    believed = checked(asked=Asked(ASKED.key_sha256, ("ACME.example", "www.acme.EXAMPLE")))

    assert believed.serial_number == GOOD.serial_number


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"pem": ""}, "There are 0 certificates where one is expected"),
        ({"pem": "hello"}, "There are 0 certificates where one is expected"),
        ({"pem": GOOD.pem + GOOD.pem}, "There are 2 certificates where one is expected"),
        ({"pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}, "A certificate cannot be read"),
        ({"pem": GOOD.pem + pem_of(p256())}, "A private key was sent with the certificate; never send it"),
        ({"pem": GOOD.pem * 100}, "The certificates are longer than 65536 characters"),
        ({"pem": GOOD.root}, "The certificate has another key than the CSR"),
        ({"pem": made(csr=csr(rsa_key())).pem}, "The certificate has another key than the CSR"),
        ({"pem": made(names=NAMES[:1]).pem}, "it lacks acme.example"),
        ({"pem": made(names=(*NAMES, "evil.example")).pem}, "it also has evil.example"),
        ({"pem": by_hand(names_of(*BOTH, x509.RFC822Name("a@acme.example")))}, "it also has "),
        ({"pem": by_hand(lambda it: it)}, "it lacks acme.example, www.acme.example"),
        (
            {"pem": by_hand(lambda it: names_of(*BOTH)(it.add_extension(x509.BasicConstraints(True, None), True)))},
            "The certificate is that of a CA",
        ),
        ({"pem": made(level="ov", subject=ACME).pem}, "The certificate's organization is 'Acme Example Inc.'"),
        ({"asked": replace(ASKED, organization="Acme Example Inc.")}, "what was verified for the order is 'Acme"),
        ({"chain": ()}, "The chain holds 0 certificates"),
        ({"chain": (GOOD.intermediate,)}, "The chain holds 1 certificates"),
        ({"chain": (GOOD.intermediate, GOOD.root, GOOD.root)}, "The chain holds 3 certificates"),
        ({"chain": (GOOD.root, GOOD.intermediate)}, '"CN=www.acme.example" is not signed by "CN=Issuary Test Root CA'),
        ({"chain": (GOOD.intermediate, made(OTHER).root)}, "is not signed by"),
        ({"chain": (made(OTHER).intermediate, made(OTHER).root)}, "is not signed by"),
        ({"chain": (GOOD.intermediate, GOOD.intermediate)}, "is not signed by"),
        ({"chain": (GOOD.pem, GOOD.root)}, "is in the chain but is no CA"),
        ({"now": NOW + timedelta(days=91)}, '"CN=www.acme.example" expired at'),
        ({"pem": made(not_before=datetime(2025, 1, 1, tzinfo=NOW.tzinfo)).pem}, "was not valid when the certificate"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(sent: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DomainError, match=r".") as refused:
        checked(**sent)

    assert sentence in str(refused.value)


def test_a_changed_signature_is_refused() -> None:
    der = bytearray(x509.load_pem_x509_certificate(GOOD.pem.encode()).public_bytes(Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_certificate(bytes(der)).public_bytes(Encoding.PEM).decode()

    with pytest.raises(DomainError, match="is not signed by"):
        checked(pem=forged)


PERMISSION = Permission(NOW, NOW + timedelta(hours=7))


@pytest.mark.parametrize(
    ("begins", "sentence"),
    [
        (NOW, None),
        (NOW - timedelta(hours=1), None),
        (NOW - timedelta(hours=48), None),
        (NOW + timedelta(hours=7) - timedelta(seconds=1), None),
        (NOW + timedelta(hours=7), "might be issued before 2026-11-23 17:00:00 UTC only"),
        (NOW + timedelta(days=3), "might be issued before"),
        (NOW - timedelta(hours=48, seconds=1), "more than 48 hours before the permission of 2026-11-23 10:00:00 UTC"),
        (NOW - timedelta(days=400), "more than 48 hours before"),
    ],
)
def test_a_certificate_begins_inside_the_time_of_its_permission_or_is_irregular_lc17(
    begins: datetime, sentence: str | None
) -> None:
    said = irregularity(begins, PERMISSION)

    assert (said is None) == (sentence is None)
    assert sentence is None or sentence in (said or "")


PIECES = st.sampled_from([GOOD.pem, GOOD.intermediate, GOOD.root, "-----BEGIN CERTIFICATE-----\n", "", "\x00", "é"])
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=40)), max_size=5).map("".join)


@st.composite
def damaged(draw: Any) -> str:
    """A certificate with bytes changed: it often still parses."""
    pem = draw(st.sampled_from([GOOD.pem, GOOD.intermediate, GOOD.root]))
    der = bytearray(x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER))
    for place, value in draw(st.lists(st.tuples(st.integers(0, len(der) - 1), st.integers(0, 255)), max_size=4)):
        der[place] = value
    return armoured(bytes(der))


def armoured(der: bytes) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{encodebytes(der).decode()}-----END CERTIFICATE-----\n"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pem=st.one_of(TEXTS, damaged()), chain=st.lists(st.one_of(TEXTS, damaged()), max_size=3))
def test_whatever_is_sent_is_believed_or_refused_with_a_sentence(pem: str, chain: list[str]) -> None:
    try:
        believed = check_received(pem, chain, ASKED, NOW)
        said = believed.pem
    except DomainError as refused:
        said = str(refused)
    assert said == GOOD.pem or len(said) > 20
