from tests.bus import as_record
from tests.toy import Toy, counted


async def test_a_chunk_takes_effect_in_one_transaction_and_says_so_in_order(toy: Toy) -> None:
    door = toy.open_door()

    await door.handle([as_record(counted(thing, version), n) for n, (thing, version) in
                       enumerate([(1, 1), (2, 1), (1, 2), (1, 3)])])  # fmt: skip

    assert await toy.versions() == {1: 3, 2: 1}
    said = await toy.rows("SELECT key, convert_from(payload, 'UTF8')::jsonb->>'version' FROM outbox ORDER BY id")
    assert [tuple(row) for row in said] == [("1", "1"), ("2", "1"), ("1", "2"), ("1", "3")]
    assert await toy.value("SELECT count(DISTINCT xmin::text) FROM applied") == 1
