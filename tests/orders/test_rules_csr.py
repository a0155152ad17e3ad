import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from services.orders.rules.csr import check_csr
from services.orders.rules.keys import check_key
from shared.errors import Rejected
from tests.orders.makers import csr, p256, pem_of, rsa_key


def refusal_of(text: str) -> str:
    with pytest.raises(Rejected) as refusal:
        check_csr(text)
    assert refusal.value.code == "bad_request_format"
    return refusal.value.message


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (p256(), "ECDSA P-256"),
        (ec.generate_private_key(ec.SECP384R1()), "ECDSA P-384"),
        (ec.generate_private_key(ec.SECP521R1()), "ECDSA P-521"),
        (rsa_key(), "RSA 2048"),
        (rsa_key(3072), "RSA 3072"),
    ],
)
def test_keys_of_the_baseline_requirements_are_taken(key: Any, words: str) -> None:
    assert check_csr(csr(key)).key == words


def test_the_same_key_is_known_by_its_hash_in_any_csr() -> None:
    first, second = check_csr(csr(hash=hashes.SHA256())), check_csr(csr(hash=hashes.SHA512()))

    assert first.pem != second.pem
    assert first.key_sha256 == second.key_sha256 != check_csr(csr(rsa_key())).key_sha256


@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_good_hashes_are_taken(digest: Any) -> None:
    assert check_csr(csr(hash=digest)).key == "ECDSA P-256"


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (rsa_key(1024), "RSA key has 1024 bits; use 2048 to 8192 bits"),
        (rsa_key(2056 - 4), "RSA key has 2052 bits; use 2048 to 8192 bits, a multiple of 8"),
        (rsa_key(2048, 3), "public exponent 3; make a new key with 65537"),
        (ec.generate_private_key(ec.SECP256K1()), "curve secp256k1 is not allowed; use P-256, P-384 or P-521"),
        (ec.generate_private_key(ec.SECP224R1()), "curve secp224r1 is not allowed"),
        (ec.generate_private_key(ec.BrainpoolP256R1()), "curve brainpoolP256r1 is not allowed"),
        (dsa.generate_private_key(2048), "neither RSA nor ECDSA"),
    ],
)
def test_weak_and_unknown_keys_are_refused_with_what_to_use(key: Any, sentence: str) -> None:
    assert sentence in refusal_of(csr(key))


def test_an_edwards_key_is_refused() -> None:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.sign(ed25519.Ed25519PrivateKey.generate(), None)

    assert "neither RSA nor ECDSA" in refusal_of(request.public_bytes(serialization.Encoding.PEM).decode())


def test_a_curve_that_nobody_knows_is_refused_in_words() -> None:
    der = base64.b64decode("".join(csr().splitlines()[1:-1]))
    p256_oid, unknown_oid = bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030163")
    assert der.count(p256_oid) == 1
    changed = base64.encodebytes(der.replace(p256_oid, unknown_oid)).decode()

    message = refusal_of(f"-----BEGIN CERTIFICATE REQUEST-----\n{changed}-----END CERTIFICATE REQUEST-----\n")

    assert "unknown kind or curve; use RSA 2048 or more, or ECDSA P-256" in message


def test_a_signature_of_another_key_is_refused() -> None:
    der = bytearray(base64.b64decode("".join(csr().splitlines()[1:-1])))
    der[-1] ^= 1
    text = base64.b64encode(bytes(der)).decode()

    assert "signature does not match its key" in refusal_of(text)


def test_a_weak_hash_is_refused() -> None:
    der = base64.b64decode("".join(csr(rsa_key()).splitlines()[1:-1]))
    with_sha256, with_sha1 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    changed = base64.b64encode(der.replace(with_sha256, with_sha1)).decode()

    assert "signed with SHA1; sign it with SHA-256" in refusal_of(changed)


@pytest.mark.parametrize(
    "text", ["", "x", "é", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", "AAAA"]
)
def test_what_is_no_csr_is_refused_with_how_to_send_one(text: str) -> None:
    assert refusal_of(text) == (
        "The CSR cannot be read; send PEM from -----BEGIN CERTIFICATE REQUEST----- to the END line, unchanged."
    )


def test_a_private_key_is_refused_before_anything_else() -> None:
    assert "private key, not a CSR" in refusal_of(pem_of(p256()) + csr())


def test_a_csr_of_any_length_is_not_parsed() -> None:
    assert "longer than 32768 characters" in refusal_of("A" * 40_000)


def test_csrs_come_without_armour_with_crlf_or_with_escaped_line_ends() -> None:
    text = csr()
    bare = "\n".join(text.splitlines()[1:-1])
    old_name = text.replace("BEGIN CERT", "BEGIN NEW CERT").replace("END CERT", "END NEW CERT")

    for form in (bare, text.replace("\n", "\r\n"), text.replace("\n", "\\n"), f"\n  {text}", old_name):
        assert check_csr(form).pem == text


@given(st.text(max_size=300))
def test_any_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(Rejected):
        check_csr(text)


@given(st.integers(0, 250), st.integers(0, 255))
def test_a_damaged_csr_is_taken_whole_or_refused_in_words(place: int, value: int) -> None:
    der = bytearray(base64.b64decode("".join(csr().splitlines()[1:-1])))
    der[place % len(der)] = value
    try:
        check_csr(base64.b64encode(bytes(der)).decode())
    except Rejected:
        return


def test_keys_that_can_be_factored_are_refused() -> None:
    p = rsa_key().private_numbers().p
    close_primes, small_factor = p * (p + 2), 3 * (2**2046 + 1)

    for n in (close_primes, small_factor):
        with pytest.raises(Rejected, match="known to be weak"):
            check_key(rsa.RSAPublicNumbers(65537, n).public_key())
