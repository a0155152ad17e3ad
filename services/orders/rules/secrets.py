import base64
import secrets


def dcv_random_value() -> str:
    """160 bits in 32 lower-case base32 characters: DNS compares without case (TK1, TK2)."""
    return base64.b32encode(secrets.token_bytes(20)).decode("ascii").lower()


def api_key() -> str:
    return secrets.token_hex(32)


def link_token() -> str:
    return secrets.token_urlsafe(32)
