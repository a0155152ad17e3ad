"""The formats a certificate is delivered in (contract 4.7): which certificates, in what wrapping, under what name."""

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates

from shared.errors import NotFound, Rejected

PEM = "application/x-pem-file"
PKCS7 = "application/x-pkcs7-certificates"
ZIP = "application/zip"

# By these words in a file's name clients tell the others of an archive from the leaf (contract T12).
NOT_A_LEAF = ("intermediate", "chain", "root")


@dataclass(frozen=True)
class Chain:
    certificate_id: int
    common_name: str
    leaf: str
    intermediate: str
    root: str

    @property
    def all(self) -> tuple[str, str, str]:
        return self.leaf, self.intermediate, self.root


@dataclass(frozen=True)
class File:
    name: str
    content_type: str
    content: bytes


def file_of(chain: Chain, form: str, *, zip_wanted: bool = False) -> File:
    """`zip_wanted`: the caller accepts a ZIP, which is honoured where all three certificates are asked for (T12)."""
    make = FORMATS.get(form.lower())
    if make is None:
        raise Rejected(f'The format "{form[:40]}" is not offered; use one of {", ".join(FORMATS)}.')
    return zipped(chain, "pem") if zip_wanted and form.lower() == "pem_all" else make(chain)


def form_for(platform: int | None) -> str:
    """The format that a server platform takes. Which platforms there are is for the product list; one that is not
    named here gets every file."""
    return PLATFORMS.get(platform or OTHER, "default")


def platform_number(text: str) -> int:
    if not re.fullmatch(r"-1|[0-9]{1,9}", text):
        raise NotFound(f'There is no server platform "{text[:40]}"; platforms are numbers, and -1 is any other.')
    return int(text)


def armoured(chain: Chain, *, intermediate: bool, root: bool, ending: str = "pem") -> File:
    parts = [chain.leaf, *([chain.intermediate] if intermediate else []), *([chain.root] if root else [])]
    return File(f"{stem(chain)}.{ending}", PEM, "".join(ended(part) for part in parts).encode("ascii"))


def pkcs7(chain: Chain, ending: str) -> File:
    """In PEM: clients look for its first line."""
    certificates = [x509.load_pem_x509_certificate(pem.encode("ascii")) for pem in chain.all]
    return File(f"{stem(chain)}.{ending}", PKCS7, serialize_certificates(certificates, Encoding.PEM))


def zipped(chain: Chain, ending: str, *, root: bool = True) -> File:
    """No folders, and the leaf's name has none of the words by which clients tell the others."""
    files = {stem(chain): chain.leaf, "intermediate": chain.intermediate, **({"root": chain.root} if root else {})}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.{ending}", ended(text))
    return File(f"{stem(chain)}.zip", ZIP, buffer.getvalue())


def stem(chain: Chain) -> str:
    """Of the common name what is safe in every file system and header."""
    name = re.sub(r"[^a-z0-9-]+", "_", chain.common_name.lower().replace("*", "star")).strip("_")[:100]
    if not name or any(word in name for word in NOT_A_LEAF):
        return f"certificate_{chain.certificate_id}"
    return name


def ended(pem: str) -> str:
    """Blocks follow each other on lines of their own."""
    return pem if pem.endswith("\n") else f"{pem}\n"


FORMATS: dict[str, Callable[[Chain], File]] = {
    "pem_all": lambda chain: armoured(chain, intermediate=True, root=True),
    "pem": lambda chain: armoured(chain, intermediate=True, root=False),
    "pem_noroot": lambda chain: armoured(chain, intermediate=True, root=False),
    "pem_nointermediate": lambda chain: armoured(chain, intermediate=False, root=False),
    "crt": lambda chain: armoured(chain, intermediate=False, root=False, ending="crt"),
    "cer": lambda chain: pkcs7(chain, "cer"),
    "p7b": lambda chain: pkcs7(chain, "p7b"),
    "apache": lambda chain: zipped(chain, "crt", root=False),
    "default": lambda chain: zipped(chain, "crt"),
    "default_pem": lambda chain: zipped(chain, "pem"),
    "default_crt": lambda chain: zipped(chain, "crt"),
    "default_cer": lambda chain: zipped(chain, "cer"),
}

OTHER = -1
PLATFORMS = {
    OTHER: "default",
    2: "apache",  # Apache: certificate and intermediate as two files
    29: "pem_all",  # asked for by clients that want the three blocks
    45: "pem_noroot",  # nginx: one file, the certificate first
}
