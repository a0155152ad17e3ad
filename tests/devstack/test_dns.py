"""A real server on a real port, asked by dnspython's client."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import dns.asyncquery
import dns.flags
import dns.message
import dns.name
import dns.rcode
import pytest

from shared.devstack.child import free_port
from shared.devstack.dns import DnsServer
from shared.devstack.zone import publish, remove

ZONE = """\
$TTL 60
. IN SOA localhost. hostmaster.localhost. 1 60 60 60 1
www.example.test. IN A 192.0.2.1
www.example.test. IN AAAA 2001:db8::1
_dnsauth.example.test. IN TXT "first" "second half"
alias.example.test. IN CNAME www.example.test.
astray.example.test. IN CNAME nowhere.example.test.
round.example.test. IN CNAME about.example.test.
about.example.test. IN CNAME round.example.test.
*.wild.example.test. IN TXT "anything"
a.wild.example.test. IN A 192.0.2.2
"""


class Stand:
    def __init__(self, server: DnsServer, said: list[str]) -> None:
        self.server, self.said, self.zone_file = server, said, server.zone_file.path

    async def ask(self, name: str, kind: str = "TXT", *, tcp: bool = False, **query: object) -> dns.message.Message:
        question = dns.message.make_query(name, kind, **query)  # type: ignore[arg-type]
        client = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
        return await client(question, "127.0.0.1", timeout=5, port=self.server.port)

    async def texts(self, name: str) -> list[str]:
        return sorted(str(record) for rrset in (await self.ask(name)).answer for record in rrset)


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    zone_file, said = tmp_path / "dns.zone", list[str]()
    zone_file.write_text(ZONE)
    async with DnsServer(zone_file, said.append) as server:
        yield Stand(server, said)


@pytest.mark.parametrize("tcp", [False, True])
async def test_a_record_of_the_zone_is_answered_with_authority(stand: Stand, tcp: bool) -> None:
    response = await stand.ask("_DNSauth.Example.test", tcp=tcp)

    assert response.rcode() == dns.rcode.NOERROR
    assert response.flags & dns.flags.AA
    assert [str(record) for record in response.answer[0]] == ['"first" "second half"']


async def test_an_absent_name_is_nxdomain_with_the_zones_soa(stand: Stand) -> None:
    response = await stand.ask("absent.example.test")

    assert response.rcode() == dns.rcode.NXDOMAIN
    assert (response.answer, str(response.authority[0].name)) == ([], ".")


@pytest.mark.parametrize("name", ["www.example.test", "example.test", "test"])
async def test_an_absent_kind_is_an_empty_answer_also_at_names_between(stand: Stand, name: str) -> None:
    response = await stand.ask(name)

    assert (response.rcode(), response.answer) == (dns.rcode.NOERROR, [])
    assert response.authority


async def test_an_alias_is_followed_within_the_zone(stand: Stand) -> None:
    response = await stand.ask("alias.example.test", "A")

    assert [str(rrset) for rrset in response.answer] == [
        "alias.example.test. 60 IN CNAME www.example.test.",
        "www.example.test. 60 IN A 192.0.2.1",
    ]


async def test_an_alias_itself_can_be_asked_for(stand: Stand) -> None:
    response = await stand.ask("alias.example.test", "CNAME")

    assert [str(rrset) for rrset in response.answer] == ["alias.example.test. 60 IN CNAME www.example.test."]


async def test_an_alias_to_nowhere_is_nxdomain_and_a_circle_a_failure(stand: Stand) -> None:
    astray, circle = await stand.ask("astray.example.test", "A"), await stand.ask("round.example.test", "A")

    assert (astray.rcode(), len(astray.answer)) == (dns.rcode.NXDOMAIN, 1)
    assert circle.rcode() == dns.rcode.SERVFAIL


async def test_a_wildcard_answers_for_names_that_do_not_exist_and_only_for_them(stand: Stand) -> None:
    assert await stand.texts("b.c.wild.example.test") == ['"anything"']
    assert await stand.texts("a.wild.example.test") == []


async def test_a_long_answer_is_cut_over_udp_and_whole_over_tcp(stand: Stand) -> None:
    value = "x" * 3000
    publish(stand.zone_file, "long.example.test", "TXT", value)

    cut, whole = await stand.ask("long.example.test"), await stand.ask("long.example.test", tcp=True)

    assert cut.flags & dns.flags.TC
    assert not whole.flags & dns.flags.TC
    assert b"".join(whole.answer[0][0].strings).decode() == value


async def test_a_client_with_a_larger_buffer_gets_more_over_udp(stand: Stand) -> None:
    publish(stand.zone_file, "long.example.test", "TXT", "x" * 900)

    small, large = await stand.ask("long.example.test"), await stand.ask("long.example.test", use_edns=0, payload=4096)

    assert small.flags & dns.flags.TC
    assert not large.flags & dns.flags.TC
    assert large.edns == 0


async def test_what_is_published_is_answered_at_once_and_what_is_removed_is_not(stand: Stand) -> None:
    for value in ("one", 'with "quotes" and ; semicolon', "one"):
        publish(stand.zone_file, "_dnsauth.new.example.test", "TXT", value)
    published = await stand.texts("_dnsauth.new.example.test")
    remove(stand.zone_file, "_dnsauth.new.example.test", "TXT", "one")
    one_left = await stand.texts("_dnsauth.new.example.test")
    remove(stand.zone_file, "_dnsauth.new.example.test", "TXT")

    assert published == ['"one"', '"with \\"quotes\\" and ; semicolon"']
    assert one_left == ['"with \\"quotes\\" and ; semicolon"']
    assert (await stand.ask("_dnsauth.new.example.test")).rcode() == dns.rcode.NXDOMAIN
    assert await stand.texts("_dnsauth.example.test") == ['"first" "second half"']


async def test_a_file_written_by_hand_is_read_anew_each_time_it_changes(stand: Stand) -> None:
    for n in range(20):  # same length, same inode, within one tick of the clock
        stand.zone_file.write_text(ZONE + f'hand.example.test. IN TXT "{n:02}"\n')
        assert await stand.texts("hand.example.test") == [f'"{n:02}"']


@pytest.mark.parametrize("broken", ['www.example.test. IN TXT "half', "", "www.example.test. IN A not-an-address\n"])
async def test_a_broken_file_leaves_the_last_good_zone_and_is_said_once(stand: Stand, broken: str) -> None:
    await stand.ask("www.example.test", "A")
    stand.zone_file.write_text(broken)

    answers = [await stand.ask("www.example.test", "A") for _ in range(3)]
    stand.zone_file.write_text(ZONE)
    await stand.ask("www.example.test", "A")

    assert [str(answer.answer[0][0]) for answer in answers] == ["192.0.2.1"] * 3
    assert len(stand.said) == 1
    assert "dns.zone is not read, its last good content stays in force" in stand.said[0]


async def test_a_file_that_is_gone_is_said_and_its_return_is_noticed(stand: Stand) -> None:
    await stand.ask("www.example.test", "A")
    aside = stand.zone_file.rename(stand.zone_file.with_suffix(".aside"))

    assert (await stand.ask("www.example.test", "A")).answer
    assert "No such file" in stand.said[0]

    aside.rename(stand.zone_file)
    publish(stand.zone_file, "back.example.test", "TXT", "back")
    assert await stand.texts("back.example.test") == ['"back"']


async def test_many_writers_at_once_lose_nothing(stand: Stand) -> None:
    names = [f"n{n}.example.test" for n in range(20)]
    await asyncio.gather(*[asyncio.to_thread(publish, stand.zone_file, name, "TXT", "here") for name in names])

    assert [await stand.texts(name) for name in names] == [['"here"']] * 20


async def test_a_missing_file_is_made_with_an_explanation(tmp_path: Path) -> None:
    async with DnsServer(tmp_path / "new.zone") as server:
        assert (await Stand(server, []).ask("any.example.test")).rcode() == dns.rcode.NXDOMAIN

    assert "reads this file anew whenever it changes" in (tmp_path / "new.zone").read_text()


@pytest.mark.parametrize(
    ("query", "rcode"),
    [
        (dns.message.make_query("www.example.test", "A", use_edns=1), dns.rcode.BADVERS),
        (dns.message.make_query("version.bind", "TXT", rdclass="CH"), dns.rcode.REFUSED),
        (dns.message.Message(), dns.rcode.FORMERR),
    ],
)
async def test_what_is_not_a_plain_question_is_refused(
    stand: Stand, query: dns.message.Message, rcode: dns.rcode.Rcode
) -> None:
    assert dns.message.from_wire(_respond(stand, query.to_wire())).rcode() == rcode


async def test_garbage_gets_a_format_error_or_silence_and_harms_nobody(stand: Stand) -> None:
    malformed = dns.message.make_query("www.example.test", "A").to_wire()[:-3]
    response = dns.message.make_response(dns.message.make_query("www.example.test", "A")).to_wire()

    assert dns.message.from_wire(_respond(stand, malformed)).rcode() == dns.rcode.FORMERR
    assert stand.server.respond(b"short", over_udp=True) is None
    assert stand.server.respond(response, over_udp=True) is None
    for _ in range(500):
        stand.server.respond(os.urandom(40), over_udp=True)
    assert (await stand.ask("www.example.test", "A")).answer


async def test_several_questions_share_one_connection(stand: Stand) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", stand.server.port)
    question = dns.message.make_query("www.example.test", "A").to_wire()
    writer.write((struct.pack("!H", len(question)) + question) * 2)

    answers = []
    for _ in range(2):
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        answers.append(dns.message.from_wire(await reader.readexactly(length)))
    writer.close()

    assert [str(answer.answer[0][0]) for answer in answers] == ["192.0.2.1"] * 2


def _respond(stand: Stand, wire: bytes) -> bytes:
    response = stand.server.respond(wire, over_udp=True)
    assert response is not None
    return response


async def test_a_port_that_was_asked_for_is_taken_or_refused_but_never_another(tmp_path: Path) -> None:
    port = free_port()
    async with DnsServer(tmp_path / "dns.zone", port=port) as server:
        assert server.port == port
        with pytest.raises(OSError, match="in use"):
            await DnsServer(tmp_path / "other.zone", port=port).__aenter__()
