"""One question on the wire. Written by hand: it is asked some thousand times a second, and hardly varies."""

import secrets
from dataclasses import dataclass

import dns.flags
import dns.rcode

PAYLOAD = 1232  # NT4: fits every path, so that answers are neither fragmented nor spoofed by fragments
HEADER_BYTES = 12
# RD asks for recursion, AD for the result of validation without the signatures (RFC 6840 5.7). CD stays off: a resolver
# is to refuse bogus data. One question, one OPT record.
HEADER = (dns.flags.RD | dns.flags.AD).to_bytes(2, "big") + bytes([0, 1, 0, 0, 0, 0, 0, 1])
OPT = bytes([0, 0, 41]) + PAYLOAD.to_bytes(2, "big") + bytes(6)
LONGEST_NAME, LONGEST_LABEL = 255, 63
# Servers that do not get as far as the question may leave it out of these.
WITHOUT_QUESTION = {dns.rcode.FORMERR, dns.rcode.SERVFAIL, dns.rcode.NOTIMP, dns.rcode.REFUSED}


def _type_in(number: int) -> bytes:
    return number.to_bytes(2, "big") + b"\0\1"


KINDS = {
    "A": _type_in(1),
    "CNAME": _type_in(5),
    "MX": _type_in(15),
    "TXT": _type_in(16),
    "AAAA": _type_in(28),
    "CAA": _type_in(257),
}


@dataclass(frozen=True, slots=True)
class Question:
    wire: bytes

    @classmethod
    def about(cls, name: str, kind: str = "TXT") -> "Question | None":
        """None for a name that cannot exist, as `_dnsauth.` before the longest one, or is written with escapes."""
        if not name.isascii() or "\\" in name:
            return None
        labels = name.encode().split(b".")
        if not all(0 < len(label) <= LONGEST_LABEL for label in labels):
            return None
        owner = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
        if len(owner) > LONGEST_NAME:
            return None
        return cls(secrets.token_bytes(2) + HEADER + owner + KINDS[kind] + OPT)

    def has_id_of(self, data: bytes) -> bool:
        """A response (QR) to a query (opcode 0) of our id."""
        return len(data) >= HEADER_BYTES and data[:2] == self.wire[:2] and data[2] & 0xF8 == 0x80

    def is_repeated_in(self, data: bytes) -> bool:
        """Names compare case-insensitively; lengths, type and class have no letters to fold."""
        asked = self.wire[HEADER_BYTES : -len(OPT)]
        if data[4:6] == b"\0\0":
            return data[3] & 0xF in WITHOUT_QUESTION
        return data[4:6] == b"\0\1" and data[HEADER_BYTES : HEADER_BYTES + len(asked)].lower() == asked.lower()


def is_cut_off(data: bytes) -> bool:
    return bool(data[2] & 0x02)
