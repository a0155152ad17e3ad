"""What may stand as a name on an order. Validation judges again, by a longer list, before anything is proven."""

import ipaddress
import re
import string
import unicodedata

import idna

from services.orders.rules.products import Product
from shared.errors import Rejected

MAX_LABELS = 10
# Not str.lower(): it turns the Kelvin sign into k, a name nobody typed (NM2).
_TO_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# RFC 6761, 6762, 7686, 8375, 9476 and ICANN's .internal: never delegated, so nobody can prove them.
_PRIVATE_TOPS = frozenset({"local", "localhost", "internal", "invalid", "onion", "alt", "lan", "home", "corp", "arpa"})


def certificate_names(common_name: str, dns_names: tuple[str, ...], product: Product) -> tuple[str, ...]:
    """The common name first, each name once, all in A-label form."""
    names = tuple(dict.fromkeys(dns_name(name) for name in (common_name, *dns_names)))
    wildcards = [name for name in names if name.startswith("*.")]
    if wildcards and not product.wildcards:
        raise Rejected(f"{product.name} takes no wildcard names; remove {wildcards[0]} or order a wildcard product.")
    if product.wildcard_needed and not wildcards:
        raise Rejected(f"{product.name} needs a wildcard name such as *.{names[0]}.")
    if len(names) > product.max_names:
        raise Rejected(f"{product.name} takes at most {product.max_names} names, this order has {len(names)}.")
    return names


def dns_name(raw: str) -> str:
    name = raw.strip().translate(_TO_LOWER).removesuffix(".")
    base = name.removeprefix("*.")
    if "*" in base:
        raise _refused(raw, "a wildcard is one * as the whole leftmost label")
    if _is_ip_address(base):
        raise _refused(raw, "IP addresses are not certified, give a DNS name")
    if "_" in base:
        raise _refused(raw, "an underscore cannot stand in a certified name")
    ascii_name = ".".join(_ascii_label(raw, label) for label in base.split("."))
    _check_whole(raw, ascii_name)
    return f"*.{ascii_name}" if base != name else ascii_name


def _check_whole(raw: str, name: str) -> None:
    labels = name.split(".")
    if len(labels) < 2:
        raise _refused(raw, "a single label is an internal name; give the full name, such as www.acme.example")
    if len(name) > 253:
        raise _refused(raw, "a DNS name has at most 253 characters")
    if len(labels) > MAX_LABELS:
        raise _refused(raw, f"a name has at most {MAX_LABELS} labels")
    if labels[-1].isdigit() or _is_ip_address(name):
        raise _refused(raw, "it ends in a number, so it is no DNS name")
    if labels[-1] in _PRIVATE_TOPS:
        raise _refused(raw, f"names under .{labels[-1]} are not public DNS names")


def _ascii_label(raw: str, label: str) -> str:
    if not label:
        raise _refused(raw, "it has an empty label")
    if not label.isascii():
        label = _to_a_label(raw, label)
    if len(label) > 63:
        raise _refused(raw, "a label has at most 63 characters")
    if not _LABEL.fullmatch(label):
        raise _refused(raw, "a label has letters, digits and hyphens only, and no hyphen at either end")
    if label[2:4] == "--" and not _is_p_label(label):
        raise _refused(raw, f'the label "{label}" is no valid Punycode')
    return label


def _to_a_label(raw: str, label: str) -> str:
    """Strict IDNA2008, no UTS 46 mapping: that makes IP addresses of look-alike digits (NM2, NM7)."""
    try:
        return idna.encode(label, strict=True, uts46=False).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise _refused(raw, "one of its labels is not allowed in an internationalised name") from None


def _is_p_label(label: str) -> bool:
    """BR 7.1.2.7.12: `--` in positions 3 and 4 only where the rest is Punycode that comes back the same."""
    if not label.startswith("xn--") or label.endswith("-"):
        return False
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
        is_other_text = not decoded.isascii() and unicodedata.is_normalized("NFC", decoded)
        return is_other_text and decoded.encode("punycode").decode("ascii") == label[4:]
    except (UnicodeError, OverflowError):
        return False


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _refused(raw: str, reason: str) -> Rejected:
    shown = "".join(c for c in raw[:80] if c.isprintable())
    return Rejected(f'"{shown}" cannot be on a certificate: {reason}.')
