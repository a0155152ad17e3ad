"""Records of the ACME CA's own challenge, put into a zone of ours by DNS updates (RFC 2136) signed with TSIG."""

from dataclasses import dataclass, field
from hashlib import sha256

import dns.exception
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update

TTL = 60
TIMEOUT = 10.0
LONGEST = 253


class ZoneRefused(Exception):
    """A sentence that says what the name server did not do."""


@dataclass(frozen=True)
class Zone:
    server: str
    zone: str
    key_name: str
    key: str = field(repr=False)
    algorithm: str = "hmac-sha256"
    wait: float = 10.0

    def place(self, name: str) -> str:
        """Where the answer to a name's challenge is published: the customer points `_acme-challenge.` of it there, once
        and by a CNAME. It is told by the name alone, so that it can be published before anything is ordered."""
        plain = name.lower().removeprefix("*.").rstrip(".")
        if plain == self.zone or plain.endswith(f".{self.zone}"):
            return f"_acme-challenge.{plain}"
        place = f"{plain}.{self.zone}"
        return place if len(place) <= LONGEST else f"{sha256(plain.encode()).hexdigest()[:32]}.{self.zone}"

    def publish(self, name: str, text: str) -> None:
        """Beside what is there: a name and its wildcard have one place."""
        update = self._update()
        update.add(self._absolute(name), TTL, "TXT", f'"{text}"')
        self._send(update)

    def withdraw(self, name: str, text: str) -> None:
        update = self._update()
        update.delete(self._absolute(name), "TXT", f'"{text}"')
        self._send(update)

    def _absolute(self, name: str) -> dns.name.Name:
        return dns.name.from_text(f"{self.place(name)}.")

    def _update(self) -> dns.update.UpdateMessage:
        keyring = dns.tsigkeyring.from_text({self.key_name: self.key})
        key, algorithm = dns.name.from_text(self.key_name), dns.name.from_text(self.algorithm)
        return dns.update.UpdateMessage(self.zone, keyring=keyring, keyname=key, keyalgorithm=algorithm)

    def _send(self, update: dns.update.UpdateMessage) -> None:
        host, _, port = self.server.rpartition(":")
        try:
            answer = dns.query.tcp(update, host.strip("[]"), timeout=TIMEOUT, port=int(port))
        except (dns.exception.DNSException, OSError, EOFError) as error:
            raise ZoneRefused(
                f"the name server {self.server} did not take an update of {self.zone}: {error}"
            ) from error
        if answer.rcode() != dns.rcode.NOERROR:
            code = dns.rcode.to_text(answer.rcode())
            raise ZoneRefused(f"the name server {self.server} refused an update of {self.zone}: {code}")
