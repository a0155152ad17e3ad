"""Against a real server on loopback, over real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
import pytest_asyncio

from services.validation.clients.dns import DnsClient, Resolver
from services.validation.rules.answers import DnsAnswer, Status
from tests.validation.dns_server import NXDOMAIN, SILENCE, DnsServer, Script, txt

NAME = "_dnsauth.example.com"
T = "abcdefghijklmnopqrstuvwxyz234567"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[DnsServer]:
    async with DnsServer() as running:
        yield running


async def ask(*servers: DnsServer, name: str = NAME, try_seconds: float = 0.15) -> DnsAnswer:
    client = DnsClient([Resolver(*server.address) for server in servers], try_seconds)
    return await client.txt(name)


async def answer_to(server: DnsServer, *scripts: Script) -> DnsAnswer:
    server.scripts[NAME] = scripts
    return await ask(server)


async def test_the_values_of_a_txt_answer(server: DnsServer) -> None:
    answer = await answer_to(server, txt(NAME, T, "other", authentic=True))

    assert (answer.status, set(answer.values), answer.count) == (Status.ANSWER, {T, "other"}, 2)
    assert (answer.rcode, answer.authentic, answer.transport, answer.tries) == ("NOERROR", True, "udp", 1)
    assert answer.resolver == f"127.0.0.1:{server.address[1]}"


async def test_the_question_asks_for_validation_with_edns_and_recursion(server: DnsServer) -> None:
    await answer_to(server, NXDOMAIN)
    query = server.asked[0].message

    assert server.asked[0].kind == "TXT"
    assert query.edns == 0
    assert query.payload == 1232
    assert query.flags & dns.flags.AD
    assert query.flags & dns.flags.RD
    assert not query.flags & dns.flags.CD


async def test_names_are_absolute_and_ids_and_ports_differ(server: DnsServer) -> None:
    for _ in range(5):
        await answer_to(server, NXDOMAIN)

    assert set(server.names_asked()) == {NAME}
    assert len({asked.message.id for asked in server.asked}) > 1


async def test_the_strings_of_one_record_are_joined_and_records_are_not(server: DnsServer) -> None:
    answer = await answer_to(
        server, Script((f'{NAME}. 60 IN TXT "{T[:10]}" "{T[10:]}"', f'{NAME}. 60 IN TXT "a"', f'{NAME}. 60 IN TXT "b"'))
    )

    assert set(answer.values) == {T, "a", "b"}


async def test_records_that_are_not_utf8_are_skipped(server: DnsServer) -> None:
    answer = await answer_to(server, Script((f'{NAME}. 60 IN TXT "\\255\\254"', f'{NAME}. 60 IN TXT "{T}"')))

    assert (answer.status, answer.values, answer.count) == (Status.ANSWER, (T,), 2)


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (NXDOMAIN, Status.NXDOMAIN),
        (Script(), Status.NODATA),
        (Script((f"{NAME}. 60 IN CNAME x.zone.net.",)), Status.NO_RECORD),
        (Script((f"{NAME}. 60 IN A 192.0.2.1",)), Status.NO_RECORD),
        (Script(rcode=dns.rcode.SERVFAIL), Status.SERVFAIL),
        (Script(rcode=dns.rcode.REFUSED), Status.REFUSED),
        (Script(rcode=dns.rcode.NOTIMP), Status.NOTIMP),
        (Script(rcode=dns.rcode.FORMERR), Status.FORMERR),
        (Script(rcode=dns.rcode.NOTAUTH), Status.OTHER_RCODE),
        (SILENCE, Status.TIMEOUT),
    ],
)
async def test_every_kind_of_failure_is_kept_apart(server: DnsServer, script: Script, status: Status) -> None:
    assert (await answer_to(server, script)).status is status


@pytest.mark.parametrize("code", [1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 25, 27])
async def test_servfail_with_a_dnssec_error_is_bogus_and_asked_once(server: DnsServer, code: int) -> None:
    answer = await answer_to(server, Script(rcode=dns.rcode.SERVFAIL, errors=((code, "why"),)), txt(NAME, T))

    assert (answer.status, answer.errors, answer.tries) == (Status.BOGUS, ((code, "why"),), 1)


@pytest.mark.parametrize("code", [0, 3, 13, 22, 23])
async def test_servfail_with_another_error_is_a_failure(server: DnsServer, code: int) -> None:
    answer = await answer_to(server, Script(rcode=dns.rcode.SERVFAIL, errors=((code, ""),)))

    assert (answer.status, answer.errors) == (Status.SERVFAIL, ((code, ""),))


async def test_a_cname_chain_is_followed_and_kept(server: DnsServer) -> None:
    answer = await answer_to(
        server,
        Script(
            (
                f"{NAME.upper()}. 60 IN CNAME x.Zone.net.",
                "X.ZONE.NET. 60 IN CNAME y.zone.net.",
                f'y.zone.net. 60 IN TXT "{T}"',
                'z.zone.net. 60 IN TXT "somebody else\'s"',
            )
        ),
    )

    assert (answer.status, answer.values, answer.chain) == (Status.ANSWER, (T,), ("x.zone.net", "y.zone.net"))


async def test_txt_records_beside_a_cname_do_not_count(server: DnsServer) -> None:
    answer = await answer_to(server, Script((f'{NAME}. 60 IN TXT "{T}"', f"{NAME}. 60 IN CNAME x.zone.net.")))

    assert (answer.status, answer.values) == (Status.NO_RECORD, ())


async def test_nxdomain_behind_a_cname_is_the_targets(server: DnsServer) -> None:
    answer = await answer_to(server, Script((f"{NAME}. 60 IN CNAME gone.zone.net.",), rcode=dns.rcode.NXDOMAIN))

    assert (answer.status, answer.chain) == (Status.NXDOMAIN, ("gone.zone.net",))


async def test_two_cnames_at_one_name_are_an_error(server: DnsServer) -> None:
    records = (f"{NAME}. 60 IN CNAME a.zone.net.", f"{NAME}. 60 IN CNAME b.zone.net.", f'b.zone.net. 60 IN TXT "{T}"')

    assert (await answer_to(server, Script(records))).status is Status.TWO_CNAMES


async def test_a_cname_loop_is_an_error_at_once(server: DnsServer) -> None:
    records = (f"{NAME}. 60 IN CNAME a.zone.net.", f"a.zone.net. 60 IN CNAME {NAME}.")
    answer = await answer_to(server, Script(records), txt(NAME, T))

    assert (answer.status, answer.tries) == (Status.CNAME_LOOP, 1)


@pytest.mark.parametrize(("links", "status"), [(15, Status.ANSWER), (16, Status.CNAME_CHAIN_TOO_LONG)])
async def test_fifteen_links_are_the_longest_chain(server: DnsServer, links: int, status: Status) -> None:
    names = [NAME, *(f"n{n}.zone.net" for n in range(links))]
    chain = [f"{a}. 60 IN CNAME {b}." for a, b in pairwise(names)]

    assert (await answer_to(server, Script((*chain, f'{names[-1]}. 60 IN TXT "{T}"')))).status is status


async def test_a_truncated_answer_is_fetched_over_tcp(server: DnsServer) -> None:
    answer = await answer_to(server, txt(NAME, T, truncated=True))

    assert (answer.status, answer.values, answer.transport) == (Status.ANSWER, (T,), "tcp")
    assert [asked.transport for asked in server.asked] == ["udp", "tcp"]


async def test_an_answer_of_nearly_64_kib_is_read_completely(server: DnsServer) -> None:
    answer = await answer_to(server, txt(NAME, *(f"{n:0240}" for n in range(240)), T, truncated=True))

    assert answer.count == 241
    assert T in answer.values


async def test_truncated_and_no_answer_over_tcp_is_no_absence(server: DnsServer) -> None:
    server.tcp[NAME] = SILENCE
    answer = await answer_to(server, Script(truncated=True, rcode=dns.rcode.NXDOMAIN))

    assert (answer.status, answer.tries) == (Status.TRUNCATED, 3)


async def test_an_answer_cut_off_over_tcp_too_stays_truncated(server: DnsServer) -> None:
    def cut(response: dns.message.Message) -> dns.message.Message:
        response.flags |= dns.flags.TC
        return response

    server.tcp[NAME] = txt(NAME, T, change=cut)

    assert (await answer_to(server, Script(truncated=True))).status is Status.TRUNCATED


async def test_bytes_that_cannot_be_read_are_malformed_not_absent(server: DnsServer) -> None:
    def broken(response: dns.message.Message) -> bytes:
        return response.to_wire()[:14]

    answer = await answer_to(server, Script(change=broken))

    assert (answer.status, answer.tries) == (Status.MALFORMED, 3)


async def test_strays_are_ignored_and_the_wait_goes_on(server: DnsServer) -> None:
    wrong_question = dns.message.make_response(dns.message.make_query("other.example.com.", "TXT")).to_wire()
    a_query = dns.message.make_query(f"{NAME}.", "TXT").to_wire()
    strays = (b"", b"xx", b"\x00" * 12, wrong_question, b"id" + wrong_question[2:], b"id" + a_query[2:], b"id\xff")

    answer = await answer_to(server, txt(NAME, T, before=strays))

    assert (answer.status, answer.tries) == (Status.ANSWER, 1)


async def test_an_answer_from_another_sender_is_not_taken(server: DnsServer) -> None:
    loop = asyncio.get_running_loop()
    impostor, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    forged = _ForgedBy(impostor)
    resolver, _ = await loop.create_datagram_endpoint(lambda: forged, local_addr=("127.0.0.1", 0))

    answer = await DnsClient([Resolver("127.0.0.1", resolver.get_extra_info("sockname")[1])], 0.1).txt(NAME)

    impostor.close()
    resolver.close()
    assert answer.status is Status.TIMEOUT
    assert forged.sent == 3


class _ForgedBy(asyncio.DatagramProtocol):
    """A resolver that is silent, while somebody else sends the right answer in its place."""

    def __init__(self, impostor: asyncio.DatagramTransport) -> None:
        self.impostor, self.sent = impostor, 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        response = dns.message.make_response(dns.message.from_wire(data))
        response.answer = [dns.rrset.from_text(f"{NAME}.", 60, "IN", "TXT", f'"{T}"')]
        self.impostor.sendto(response.to_wire(), addr)
        self.sent += 1


async def test_a_lost_query_is_asked_again(server: DnsServer) -> None:
    answer = await answer_to(server, SILENCE, SILENCE, txt(NAME, T))

    assert (answer.status, answer.tries) == (Status.ANSWER, 3)


async def test_after_three_silences_nobody_asks_any_more(server: DnsServer) -> None:
    answer = await answer_to(server, SILENCE, SILENCE, SILENCE, txt(NAME, T))

    assert (answer.status, len(server.asked)) == (Status.TIMEOUT, 3)


async def test_tries_rotate_over_the_resolvers(server: DnsServer) -> None:
    async with DnsServer(otherwise=SILENCE) as deaf:
        server.scripts[NAME] = txt(NAME, T)
        client = DnsClient([Resolver(*deaf.address), Resolver(*server.address)], 0.1)

        first, second = await client.txt(NAME), await client.txt(NAME)

    assert (first.status, first.tries) == (Status.ANSWER, 2)
    assert (second.status, second.tries) == (Status.ANSWER, 1)


async def test_another_resolver_is_asked_after_a_failure_but_never_after_bogus(server: DnsServer) -> None:
    server.scripts[NAME] = txt(NAME, T)
    bogus = Script(rcode=dns.rcode.SERVFAIL, errors=((6, ""),))
    for script, expected in ((Script(rcode=dns.rcode.REFUSED), Status.ANSWER), (bogus, Status.BOGUS)):
        async with DnsServer(otherwise=script) as other:
            assert (await ask(other, server)).status is expected


async def test_a_resolver_that_is_not_there_is_unreachable_and_said_quickly() -> None:
    async with DnsServer() as gone:
        pass
    begun = time.monotonic()

    answer = await ask(gone, try_seconds=1.0)

    assert answer.status is Status.UNREACHABLE
    assert time.monotonic() - begun < 0.5


async def test_all_tries_together_end_after_five_seconds(server: DnsServer) -> None:
    server.tcp[NAME] = SILENCE
    server.scripts[NAME] = Script(truncated=True, delay=0.9)
    begun = time.monotonic()

    answer = await ask(server, try_seconds=1.0)

    assert answer.status is Status.TRUNCATED
    assert time.monotonic() - begun < 5.6


async def test_a_name_too_long_with_its_label_does_not_exist(server: DnsServer) -> None:
    name = "_dnsauth." + ".".join(["a" * 62] * 3 + ["a" * 60]) + ".com"

    assert (await ask(server, name=name)).status is Status.NXDOMAIN
    assert server.asked == []


async def test_ipv6_resolvers_are_written_with_brackets() -> None:
    assert str(Resolver("2001:db8::1", 5353)) == "[2001:db8::1]:5353"


@pytest.mark.parametrize(
    ("kind", "records", "values"),
    [
        ("A", ("A 192.0.2.7", "A 192.0.2.8"), {"192.0.2.7", "192.0.2.8"}),
        ("AAAA", ("AAAA 2001:DB8::1",), {"2001:db8::1"}),
        ("CNAME", ("CNAME T.Dcv.CA.example.",), {"t.dcv.ca.example"}),
        ("MX", ("MX 10 Mail.example.com.", "MX 0 ."), {"10 mail.example.com", "0 ."}),
        ("CAA", ('CAA 128 iSSue "a.b; x=\\195\\164"',), {"128 iSSue a.b; x=Ã¤"}),
    ],
)
async def test_other_types_are_asked_and_read_too(
    server: DnsServer, kind: str, records: tuple[str, ...], values: set[str]
) -> None:
    server.scripts[NAME] = Script(tuple(f"{NAME}. 300 IN {record}" for record in records))
    answer = await DnsClient([Resolver(*server.address)], 0.15).ask(NAME, kind)

    assert (answer.status, set(answer.values), answer.kind, answer.ttl) == (Status.ANSWER, values, kind, 300)
    assert [asked.kind for asked in server.asked] == [kind]


async def test_who_asks_for_a_cname_gets_that_one_and_does_not_chase_it(server: DnsServer) -> None:
    server.scripts[NAME] = Script((f"{NAME}. 60 IN CNAME a.zone.net.", f"a.zone.net. 60 IN CNAME {NAME}."))
    answer = await DnsClient([Resolver(*server.address)], 0.15).ask(NAME, "CNAME")

    assert (answer.status, answer.values, answer.chain) == (Status.ANSWER, ("a.zone.net",), ())


async def test_two_cnames_are_an_error_for_who_asks_for_them(server: DnsServer) -> None:
    """DN7: dnspython keeps the last of them silently."""
    server.scripts[NAME] = Script((f"{NAME}. 60 IN CNAME a.zone.net.", f"{NAME}. 60 IN CNAME b.zone.net."))

    assert (await DnsClient([Resolver(*server.address)], 0.15).ask(NAME, "CNAME")).status is Status.TWO_CNAMES


@pytest.mark.parametrize(
    "name", ["a..example.com", "a" * 64 + ".example.com", "a\\.b.example.com", "ä.example.com", "."]
)
async def test_a_name_that_cannot_be_asked_about_does_not_exist(server: DnsServer, name: str) -> None:
    assert (await ask(server, name=name)).status is Status.NXDOMAIN
    assert server.asked == []
