from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

# OWASP's smallest argon2id setting: the default takes 64 MiB a password, which a few sign-ins at once would multiply.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def password_hash(password: str) -> str:
    return _hasher.hash(password)


def is_password(stored: str | None, given: str) -> bool:
    """Without a stored hash the same work is done, so that the time taken does not tell which addresses exist."""
    try:
        return _hasher.verify(stored or _nobody(), given) and stored is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _nobody() -> str:
    return _hasher.hash("nobody has this password")
