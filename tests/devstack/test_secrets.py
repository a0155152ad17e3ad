import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared.devstack.secrets import Secrets


def test_a_secret_is_made_once_and_stays(tmp_path: Path) -> None:
    first = [Secrets(tmp_path / "secrets").token("service_key"), Secrets(tmp_path / "secrets").password("operator")]
    again = [Secrets(tmp_path / "secrets").token("service_key"), Secrets(tmp_path / "secrets").password("operator")]

    assert first == again
    assert len(set(first)) == 2


def test_nobody_else_may_read_them(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    secrets.token("service_key")
    secrets.ec_key("ca_key")

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in secrets.directory.iterdir()}
    assert modes == {"service_key": 0o600, "ca_key": 0o600}
    assert stat.S_IMODE(secrets.directory.stat().st_mode) == 0o700


def test_a_key_is_an_elliptic_one_on_p256(tmp_path: Path) -> None:
    key = load_pem_private_key(Secrets(tmp_path).ec_key("ca_key").encode(), password=None)

    assert isinstance(key, EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
