"""Which public keys may be certified: BR 6.1.1.3 and 6.1.5 to 6.1.6."""

from math import isqrt, prod

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from shared.errors import Rejected

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_FERMAT_ROUNDS = 100
_SMALL_PRIMES = [n for n in range(2, 752) if all(n % d for d in range(2, isqrt(n) + 1))]
_SMALL_PRODUCT = prod(_SMALL_PRIMES)
# Moduli of the fingerprint of CVE-2017-15361: a ROCA modulus is a power of 65537 modulo each of them.
_ROCA_PRIMES = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
_ROCA_POWERS = {p: frozenset(pow(65537, k, p) for k in range(p - 1)) for p in _ROCA_PRIMES}


def check_key(key: CertificatePublicKeyTypes) -> str:
    """The key in words, such as "RSA 2048"; a refusal says which key to make instead."""
    if isinstance(key, rsa.RSAPublicKey):
        _check_rsa(key.public_numbers())
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in CURVES:
            raise Rejected(f"The CSR's curve {key.curve.name} is not allowed; use P-256, P-384 or P-521.")
        return f"ECDSA {CURVES[key.curve.name]}"
    raise Rejected("The CSR's key is neither RSA nor ECDSA; use RSA 2048 or more, or ECDSA P-256, P-384 or P-521.")


def _check_rsa(key: rsa.RSAPublicNumbers) -> None:
    bits = key.n.bit_length()
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS or bits % 8:
        raise Rejected(
            f"The CSR's RSA key has {bits} bits; use {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, a multiple of 8."
        )
    if key.e % 2 == 0 or not 65537 <= key.e < 2**256:
        raise Rejected(f"The CSR's RSA key has the public exponent {str(key.e)[:20]}; make a new key with 65537.")
    if _has_small_factor(key.n) or _has_close_primes(key.n) or _is_roca(key.n):
        raise Rejected("The CSR's RSA key is known to be weak and can be broken; make a new key with current software.")


def _has_small_factor(n: int) -> bool:
    remainder = n % _SMALL_PRODUCT
    return any(remainder % p == 0 for p in _SMALL_PRIMES)


def _has_close_primes(n: int) -> bool:
    """Fermat's factorisation within 100 rounds (BR 6.1.1.3 item 5)."""
    a = isqrt(n) + 1
    return any(isqrt(b := (a + k) ** 2 - n) ** 2 == b for k in range(_FERMAT_ROUNDS))


def _is_roca(n: int) -> bool:
    return all(n % p in _ROCA_POWERS[p] for p in _ROCA_PRIMES)
