"""Credentials: the highest version wins, nothing waits, nothing parks."""

import json
from typing import Any

import pytest

from shared.access import Caller, find_by_key, find_user, hash_key
from shared.door import Door, OpenDoor
from shared.errors import Denied
from shared.events.orders import CREDENTIALS, CredentialChanged
from shared.service.credentials import on_credential_changed
from tests.bus import Record, record
from tests.makers import NOW
from tests.toy import Toy

KEY = "a-long-random-key"


def a_credential(version: int = 1, **changed: Any) -> CredentialChanged:
    given: dict[str, Any] = {
        "occurred_at": NOW, "account_id": 9001, "credential_id": "key-1", "version": version, "kind": "api_key",
        "user_id": 71, "user_name": "Ann", "email": "ann@acme.example", "account_name": "Acme", "role": "administrator",
        "key_hash": hash_key(KEY),
    }  # fmt: skip
    return CredentialChanged(**given | changed)


def as_state(event: CredentialChanged, offset: int = 0) -> Record:
    headers = {"ce_id": str(event.id), "ce_type": event.type, "ce_source": event.source}
    pairs = [(name, value.encode()) for name, value in headers.items()]
    return record(CREDENTIALS, event.key.encode(), event.model_dump_json().encode(), pairs, offset)


def state_door(toy: Toy) -> OpenDoor:
    door = Door("toy")
    door.on_state(CredentialChanged)(on_credential_changed)
    return OpenDoor(door, toy.db)


async def who(toy: Toy, key: str = KEY) -> Caller | None:
    async with toy.db.transaction() as tx:
        return await find_by_key(tx, key)


async def test_versions_out_of_order_end_with_the_highest(toy: Toy) -> None:
    door = state_door(toy)

    await door.handle([as_state(a_credential(3, role="manager")), as_state(a_credential(1)), as_state(a_credential(2))])
    await door.handle([as_state(a_credential(2, role="limited_user"))])

    caller = await who(toy)
    assert caller is not None
    assert caller.role == "manager"
    assert await toy.value("SELECT count(*) FROM inbox") == 0


async def test_a_revoked_key_opens_nothing_whatever_comes_late(toy: Toy) -> None:
    door = state_door(toy)

    await door.handle([as_state(a_credential(2, revoked_at=NOW)), as_state(a_credential(1))])

    assert await who(toy) is None
    assert await who(toy, "another-key") is None


async def test_a_user_and_a_key_of_his_are_two_credentials(toy: Toy) -> None:
    user = a_credential(credential_id="user-71", kind="user", key_hash=None, divisions=(14, 15))
    await state_door(toy).handle([as_state(a_credential()), as_state(user)])

    async with toy.db.transaction() as tx:
        caller = await find_user(tx, 71)

    assert caller is not None
    assert (caller.kind, caller.divisions) == ("user", (14, 15))


BROKEN = {
    "not JSON": record(CREDENTIALS, b"key-9", b"{", offset=1),
    "a wrong shape": record(
        CREDENTIALS, b"key-9", json.dumps({"type": "credential_changed", "id": "x"}).encode(), offset=1
    ),
    "a deletion": record(CREDENTIALS, b"key-9", None, offset=1),
    "the key of another": as_state(a_credential(credential_id="key-9", key_hash=hash_key("taken")), 1),
    "a text that cannot be stored": as_state(a_credential(credential_id="key-9", user_name="a\0b", key_hash=None), 1),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_one_that_cannot_be_taken_holds_up_no_other(toy: Toy, name: str) -> None:
    door = state_door(toy)
    await door.handle([as_state(a_credential(credential_id="key-0", key_hash=hash_key("taken")))])

    await door.handle([as_state(a_credential(1)), BROKEN[name], as_state(a_credential(2, revoked_at=NOW), 2)])

    assert await who(toy) is None
    assert await toy.value("SELECT version FROM credential WHERE id = 'key-1'") == 2
    assert await toy.parked() == []


async def test_only_what_was_taken_counts_as_applied(toy: Toy) -> None:
    door = state_door(toy)
    await door.handle([as_state(a_credential(credential_id="key-0", key_hash=hash_key("taken")))])

    await door.handle([as_state(a_credential(1)), BROKEN["the key of another"], BROKEN["not JSON"]])

    assert door.stats.events == {
        (CREDENTIALS, "credential_changed", "applied"): 2,
        (CREDENTIALS, "credential_changed", "dropped"): 1,
        (CREDENTIALS, "other", "dropped"): 1,
    }


def test_roles_and_divisions_are_asked_of_the_caller() -> None:
    ann = Caller("c", "user", 9001, "Acme", 71, "Ann", "ann@acme.example", "standard_user", divisions=(14,))
    operator = Caller("o", "user", 0, "", 1, "Op", "op@ca.example", "operator")

    assert (ann.may_see(9001, 14), ann.may_see(9001, 15), ann.may_see(9002, 14)) == (True, False, False)
    assert operator.may_see(9002, 15)
    with pytest.raises(Denied, match="standard user may not"):
        ann.require("administrator", "manager")
