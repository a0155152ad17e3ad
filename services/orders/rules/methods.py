"""How a name may be proven, by the names of the wire; validation does it and knows the rules of each."""

from shared.errors import Rejected

DNS_TXT = "dns-txt-token"
METHODS = {
    DNS_TXT: "DNS TXT",
    "dns-cname-token": "DNS CNAME",
    "http-token": "File on the web server",
    "email": "E-mail to a domain contact",
    "dns-persist": "Persistent DNS TXT",
}
# Those that nothing is published for by an order's own value.
WITHOUT_VALUE = {"email", "dns-persist"}


def dcv_method(wished: str | None) -> str:
    if wished is None:
        return DNS_TXT
    method = wished.strip().lower()
    if method in METHODS:
        return method
    raise Rejected(
        f'dcv_method "{wished[:40]}" is not offered; leave it out or use one of {", ".join(METHODS)}.',
        "invalid_dcv_method",
    )
