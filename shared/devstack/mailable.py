"""Where mails to the names of the embedded zone go: to the sink, unless the zone says otherwise."""

import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from shared.devstack.zone import Answer, ZoneFile

SINK = dns.name.from_text("mail-sink.test.")
TTL = 1


class Mailable:
    """The zone as its file says it; a name without an MX record of its own has the sink's, so that any domain can be
    validated by e-mail. `MX 0 .` in the file takes that away."""

    def __init__(self, beneath: ZoneFile) -> None:
        self._beneath, self.path = beneath, beneath.path

    def current(self) -> "Mailable":
        return self

    def answer(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> Answer:
        if name == SINK and kind == dns.rdatatype.A:
            return Answer(dns.rcode.NOERROR, [dns.rrset.from_text(SINK, TTL, "IN", "A", "127.0.0.1")])
        found = self._beneath.current().answer(name, kind)
        if kind == dns.rdatatype.MX and not found.records:
            return Answer(dns.rcode.NOERROR, [dns.rrset.from_text(name, TTL, "IN", "MX", f"0 {SINK}")])
        return found
