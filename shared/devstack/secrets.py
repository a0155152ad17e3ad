import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


class Secrets:
    """A folder nobody else may read; each secret is made when first asked for and then stays."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)

    def token(self, name: str) -> str:
        return self._once(name, lambda: secrets.token_urlsafe(32))

    def password(self, name: str) -> str:
        """Short enough to be typed: 80 bits."""
        return self._once(name, lambda: "-".join(secrets.token_hex(2) for _ in range(5)))

    def ec_key(self, name: str) -> str:
        return self._once(name, _ec_key)

    def _once(self, name: str, make: Callable[[], str]) -> str:
        path = self.directory / name
        if not path.exists():
            half = path.with_name(f".{name}")
            half.unlink(missing_ok=True)
            with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(make())
            half.replace(path)
        return path.read_text(encoding="ascii")


def _ec_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
