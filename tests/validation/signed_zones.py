"""Signed zones on a name server of our own, and a real Unbound that validates them: DNSSEC without the internet."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from subprocess import DEVNULL
from typing import cast

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.dnssectypes import Algorithm, DSDigest
from dns.rdtypes.ANY.RRSIG import RRSIG

from services.validation.clients.dns import DnsClient, Resolver
from services.validation.rules.answers import Status
from shared.devstack.child import free_port

UNBOUND = shutil.which("unbound") or shutil.which("unbound", path="/usr/sbin")
MISSING = "Unbound is not installed (Debian: apt-get install unbound)"
RECORDS = """
@ 60 IN SOA ns. hostmaster. 1 60 60 60 60
@ 60 IN NS ns.{zone}
ns 60 IN A 127.0.0.1
@ 60 IN TXT "at the top"
_dnsauth.www 60 IN TXT "abcdefghijklmnopqrstuvwxyz234567"
www 60 IN CAA 0 issue "ca.example"
alias 60 IN CNAME www
"""
Change = Callable[[dns.zone.Zone], None]


def unsigned(zone: dns.zone.Zone) -> None:
    """As it is."""


def signed(zone: dns.zone.Zone, age: timedelta = timedelta(), life: timedelta = timedelta(days=9)) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = dns.dnssec.make_dnskey(key.public_key(), Algorithm.ECDSAP256SHA256, flags=257)
    begun = datetime.now(UTC) - age
    with zone.writer() as change:
        dns.dnssec.sign_zone(
            zone, change, keys=[(key, public)], inception=begun - timedelta(hours=1), expiration=begun + life,
            dnskey_ttl=60,
        )  # fmt: skip


expired = partial(signed, age=timedelta(days=30))


def without_signatures(zone: dns.zone.Zone) -> None:
    """The key is there, and the records are not signed."""
    signed(zone)
    for node in zone.nodes.values():
        for rdataset in list(node):
            if rdataset.rdtype == dns.rdatatype.RRSIG and rdataset.covers != dns.rdatatype.DNSKEY:
                node.delete_rdataset(dns.rdataclass.IN, rdataset.rdtype, rdataset.covers)


def tampered(zone: dns.zone.Zone) -> None:
    """Somebody on the way put another value in."""
    signed(zone)
    name = dns.name.from_text("_dnsauth.www", origin=zone.origin)
    zone.replace_rdataset(name, dns.rdataset.from_text("IN", "TXT", 60, '"forged"'))


ZONES: dict[str, Change] = {
    "good.test": signed,
    "expired.test": expired,
    "missing.test": without_signatures,
    "tampered.test": tampered,
    "plain.test": unsigned,
}


@dataclass
class Authority:
    """Answers for its zones over UDP, with signatures and proofs of absence where the zone has them."""

    zones: dict[dns.name.Name, dns.zone.Zone]

    def respond(self, wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        question = query.question[0]
        zone = next((zone for origin, zone in self.zones.items() if question.name.is_subdomain(origin)), None)
        if zone is None:
            response.set_rcode(dns.rcode.REFUSED)
        else:
            self._answer(zone, question.name, question.rdtype, response)
        return response.to_wire(max_size=65535)

    def _answer(
        self, zone: dns.zone.Zone, name: dns.name.Name, kind: dns.rdatatype.RdataType, response: dns.message.Message
    ) -> None:
        node = zone.nodes.get(name)
        if node and (found := node.get_rdataset(dns.rdataclass.IN, kind)):
            return _add(response.answer, node, name, found)
        if node and (alias := node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.CNAME)):
            _add(response.answer, node, name, alias)
            return self._answer(zone, alias[0].target, kind, response)
        if node is None and not any(other.is_subdomain(name) for other in zone.nodes):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return self._deny(zone, response)

    def _deny(self, zone: dns.zone.Zone, response: dns.message.Message) -> None:
        """SOA and every NSEC of these small zones."""
        assert zone.origin
        apex = zone.nodes[zone.origin]
        soa = apex.get_rdataset(dns.rdataclass.IN, dns.rdatatype.SOA)
        assert soa
        _add(response.authority, apex, zone.origin, soa)
        for holder, node in zone.nodes.items():
            if nsec := node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.NSEC):
                _add(response.authority, node, holder, nsec)


def _add(
    section: list[dns.rrset.RRset], node: dns.node.Node, name: dns.name.Name, found: dns.rdataset.Rdataset
) -> None:
    section.append(dns.rrset.from_rdata_list(name, found.ttl, list(found)))
    signatures = node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.RRSIG, found.rdtype)
    if signatures:
        records: list[RRSIG] = list(signatures)
        section.append(dns.rrset.from_rdata_list(name, signatures.ttl, records))


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, authority: Authority) -> None:
        self.authority = authority

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(self.authority.respond(data), addr)


def _made(name: str, change: Change) -> dns.zone.Zone:
    zone = dns.zone.from_text(RECORDS.format(zone=f"{name}."), origin=f"{name}.", relativize=False)
    change(zone)
    return zone


def _anchor(name: str, zone: dns.zone.Zone) -> list[str]:
    keys = zone.get_rdataset(f"{name}.", dns.rdatatype.DNSKEY)
    return [f'trust-anchor: "{name}. DS {dns.dnssec.make_ds(f"{name}.", key, DSDigest.SHA256)}"' for key in keys or ()]


def _configuration(port: int, authority: int, zones: dict[str, dns.zone.Zone], home: Path) -> str:
    anchors = [line for name, zone in zones.items() for line in _anchor(name, zone)]
    insecure = [f'domain-insecure: "{name}."' for name, zone in zones.items() if not _anchor(name, zone)]
    stubs = [f'stub-zone:\n  name: "{name}."\n  stub-addr: 127.0.0.1@{authority}' for name in zones]
    server = [
        f"port: {port}", "interface: 127.0.0.1", "access-control: 127.0.0.0/8 allow", "do-not-query-localhost: no",
        'chroot: ""', 'username: ""', f'directory: "{home}"', 'pidfile: ""', "use-syslog: no", "ede: yes",
        'module-config: "validator iterator"', "val-clean-additional: yes", 'local-zone: "test." nodefault',
        *anchors, *insecure,
    ]  # fmt: skip
    return "\n".join(
        ["server:", *(f"  {line}" for line in server), *stubs, "remote-control:\n  control-enable: no", ""]
    )


@asynccontextmanager
async def validating_resolver(home: Path) -> AsyncIterator[DnsClient]:
    assert UNBOUND
    zones = {name: _made(name, change) for name, change in ZONES.items()}
    authority = Authority({dns.name.from_text(name): zone for name, zone in zones.items()})
    loop = asyncio.get_running_loop()
    udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(authority), local_addr=("127.0.0.1", 0))
    port = free_port()
    given = home / "unbound.conf"
    given.write_text(_configuration(port, udp.get_extra_info("sockname")[1], zones, home))
    process = await asyncio.create_subprocess_exec(UNBOUND, "-d", "-c", str(given), stdout=DEVNULL, stderr=DEVNULL)
    try:
        client = DnsClient([Resolver("127.0.0.1", port)], 2.0)
        async with asyncio.timeout(10):
            while (await client.txt("plain.test")).status is not Status.ANSWER:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        yield client
    finally:
        process.terminate()
        await process.wait()
        udp.close()
