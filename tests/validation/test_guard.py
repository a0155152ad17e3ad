"""§12: which addresses are never connected to."""

import asyncio
from ipaddress import ip_address, ip_network

import pytest

from services.validation.clients.guard import connect, guarded_sockets
from services.validation.rules.guard import Blocked, Guard
from services.validation.rules.special_purpose import BLOCKS

GUARD = Guard()


@pytest.mark.parametrize(("block", "name"), BLOCKS, ids=lambda part: str(part))
def test_sg1_both_ends_of_every_entry_are_refused(block: object, name: str) -> None:
    network = ip_network(str(block))

    assert GUARD.why_refused(str(network[0]))
    assert GUARD.why_refused(str(network[-1]))
    assert name


@pytest.mark.parametrize(
    "address",
    [
        "2002:808:808::1", "64:ff9b::808:808", "64:ff9b:1::1", "::ffff:8.8.8.8", "3fff::1", "5f00::1", "192.88.99.1",
        "192.31.196.1", "192.52.193.1", "192.175.48.1", "2620:4f:8000::1",
    ],
)  # fmt: skip
def test_sg2_what_python_takes_for_global_is_refused_all_the_same(address: str) -> None:
    assert GUARD.why_refused(address)


@pytest.mark.parametrize(
    "address",
    [
        "224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1", "fec0::1", "::8.8.8.8", "::", "fe80::1%eth0",
        "fe80::1", "8.8.8.8%1", "2001:4860:4860::8888%2", "0177.0.0.1", "2130706433", "0x7f000001", "127.1",
        "１２７.0.0.1", "localhost", "", " 8.8.8.8", "8.8.8.8 ",
    ],
)  # fmt: skip
def test_sg1_addresses_by_policy_and_odd_spellings_are_refused(address: str) -> None:
    assert GUARD.why_refused(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "172.15.255.255", "172.32.0.0", "223.255.255.255",
                                     "2001:4860:4860::8888", "2606:4700::1111", "2a00::1", "2001:200::1"])  # fmt: skip
def test_addresses_of_the_public_internet_are_open(address: str) -> None:
    assert GUARD.why_refused(address) is None
    assert GUARD.is_open(address)


def test_sg6_only_what_test_mode_opens_is_open() -> None:
    guard = Guard(opened=(ip_network("127.0.0.0/30"), ip_network("::1/128")))

    assert [guard.is_open(a) for a in ("127.0.0.1", "::1", "127.0.0.4", "10.0.0.1", "::ffff:127.0.0.1")] == [
        True, True, False, False, False,
    ]  # fmt: skip


def test_sg3_the_socket_is_refused_for_what_the_name_turned_out_to_be() -> None:
    make = guarded_sockets(Guard(opened=(ip_network("127.0.0.1/32"),)), 80)
    for place in (("127.0.0.2", 80), ("127.0.0.1", 81), ("::ffff:127.0.0.1", 80, 0, 0), ("10.0.0.1", 80)):
        with pytest.raises(Blocked, match="is not connected to"):
            make((2, 1, 6, "", place))
    make((2, 1, 6, "", ("127.0.0.1", 80))).close()


async def test_sg3_a_forbidden_address_gets_no_connection() -> None:
    connected = asyncio.Event()

    def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    with pytest.raises(Blocked):
        await connect(Guard(), "127.0.0.1", port)
    await asyncio.sleep(0.02)
    assert not connected.is_set()

    (await connect(Guard(opened=(ip_network("127.0.0.0/8"),)), "127.0.0.1", port)).close()
    await asyncio.wait_for(connected.wait(), 1)
    server.close()


def test_every_block_of_the_tables_is_there_once() -> None:
    assert len({block for block, _ in BLOCKS}) == len(BLOCKS) == 25 + 25 + 4
    assert ip_address("192.0.0.170") in ip_network("192.0.0.0/24")
