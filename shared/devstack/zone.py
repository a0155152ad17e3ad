"""What the zone file says. All names of the file are answered for: origin is the root, and nothing is delegated."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.name
import dns.node
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone
from dns.rdtypes.ANY.TXT import TXT

EMPTY = """\
; Names the embedded DNS server answers for; it reads this file anew whenever it changes.
; Names end with a dot:  _dnsauth.example.test.  1  IN  TXT  "the value"
$TTL 1
. IN SOA localhost. hostmaster.localhost. 1 60 60 60 1
. IN NS localhost.
"""
LONGEST_CHAIN = 8
CLOCK_TICK_NS = 50_000_000  # two writes within one tick of the file system's clock look the same


@dataclass(frozen=True)
class Answer:
    rcode: dns.rcode.Rcode
    records: list[dns.rrset.RRset]
    soa: dns.rrset.RRset | None = None


class Zone:
    def __init__(self, text: str) -> None:
        self._zone = dns.zone.from_text(text, origin=dns.name.root, relativize=False, check_origin=False)
        # a name above another name exists too, without records (RFC 8020)
        self._existing = {above for name in self._zone.nodes for above in _from_name_up(name)}
        self._soa = self._zone.get_rrset(dns.name.root, dns.rdatatype.SOA)

    def holds(self, name: dns.name.Name) -> bool:
        """Says something about this very name, if only that it has nothing."""
        return name != dns.name.root and name in self._zone.nodes

    def answer(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> Answer:
        records: list[dns.rrset.RRset] = []
        for _ in range(LONGEST_CHAIN):
            node = self._node(name)
            if node is None:
                nothing = dns.rcode.NOERROR if name in self._existing else dns.rcode.NXDOMAIN
                return Answer(nothing, records, self._soa)
            found = [
                dns.rrset.from_rdata_list(name, r.ttl, list(r)) for r in node if kind in (r.rdtype, dns.rdatatype.ANY)
            ]
            alias = node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.CNAME)
            if found or alias is None:
                return Answer(dns.rcode.NOERROR, records + found, None if found else self._soa)
            records.append(dns.rrset.from_rdata_list(name, alias.ttl, list(alias)))
            name = alias[0].target
        return Answer(dns.rcode.SERVFAIL, records)

    def _node(self, name: dns.name.Name) -> dns.node.Node | None:
        if name in self._existing:
            return self._zone.get_node(name)
        encloser = next(above for above in _from_name_up(name) if above in self._existing or above == dns.name.root)
        return self._zone.get_node(dns.name.Name(("*", *encloser.labels)))


def _from_name_up(name: dns.name.Name) -> Iterator[dns.name.Name]:
    yield name
    while name != dns.name.root:
        name = name.parent()
        yield name


class ZoneFile:
    """The zone as the file says it now; while the file is broken or half written, as it last said it."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self.path, self._say = path, say
        self._seen: tuple[int, int, int] | None = None
        self._zone = Zone(EMPTY)
        self._complaint: str | None = None
        if not path.exists():
            _replace(path, EMPTY)

    def current(self) -> Zone:
        try:
            stat = self.path.stat()
            seen = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if seen != self._seen:
                self._read(seen)
        except (OSError, ValueError, dns.exception.DNSException, KeyError) as error:
            self._complain(f"{self.path} is not read, its last good content stays in force: {error or repr(error)}")
        return self._zone

    def _read(self, seen: tuple[int, int, int]) -> None:
        settled = time.time_ns() - seen[0] > CLOCK_TICK_NS
        text = self.path.read_text(encoding="utf-8")
        if not text.strip():
            raise ValueError("the file is empty")  # a writer that truncates first
        self._zone, self._complaint = Zone(text), None
        self._seen = seen if settled else None

    def _complain(self, sentence: str) -> None:
        if sentence != self._complaint:
            self._say(sentence)
        self._complaint = sentence


def publish(zone_file: Path, name: str, kind: str, value: str, ttl: int = 1) -> None:
    """Adds a record to the zone file; a TXT value is given as plain text. Comments in the file are not kept."""
    with _changing(zone_file) as zone:
        owner = dns.name.from_text(name)
        zone.find_rdataset(owner, kind, create=True).add(_record(kind, value), ttl)


def remove(zone_file: Path, name: str, kind: str, value: str | None = None) -> None:
    """Removes one record, or all of the kind; what is not there stays away."""
    with _changing(zone_file) as zone:
        owner = dns.name.from_text(name)
        records = zone.get_rdataset(owner, kind)
        if records is not None and value is not None:
            records.discard(_record(kind, value))  # type: ignore[no-untyped-call]
        if not records or value is None:
            zone.delete_rdataset(owner, kind)


def _record(kind: str, value: str) -> dns.rdata.Rdata:
    if kind.upper() != "TXT":
        return dns.rdata.from_text(dns.rdataclass.IN, kind, value, origin=dns.name.root)
    text = value.encode()
    strings = [text[start : start + 255] for start in range(0, len(text), 255)] or [b""]
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings)


@contextmanager
def _changing(zone_file: Path) -> Iterator[dns.zone.Zone]:
    """One writer at a time; readers see the old file or the new one, nothing between."""
    with zone_file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        text = zone_file.read_text(encoding="utf-8") if zone_file.exists() else EMPTY
        zone = dns.zone.from_text(text, origin=dns.name.root, relativize=False, check_origin=False)
        yield zone
        _replace(zone_file, EMPTY.split("$TTL")[0] + zone.to_text(relativize=False))


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
