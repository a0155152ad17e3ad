from tests.conftest import World
from tests.orders.conftest import Company
from tests.orders.playing import ask, refusal


async def test_notes_are_written_changed_and_deleted(world: World, acme: Company) -> None:
    path = f"/order/certificate/{(await acme.place())['id']}/note"

    first = await ask(acme, "POST", path, {"text": "Asked by the shop"})
    second = (await ask(acme, "POST", path, {"text": "To be removed"})).json()["id"]
    changed = await ask(acme, "PUT", f"{path}/{first.json()['id']}", {"text": "Asked by the blog"})
    deleted = await ask(acme, "DELETE", f"{path}/{second}")

    assert first.status_code == 201
    assert (changed.status_code, changed.content) == (204, b"")
    assert (deleted.status_code, deleted.content) == (204, b"")
    [note] = (await ask(acme, "GET", path)).json()["notes"]
    assert (note["id"], note["text"], note["written_by"]) == (
        first.json()["id"],
        "Asked by the blog",
        "Ann administrator",
    )
    assert (await acme.order(int(path.split("/")[3])))["notes"] == [{"id": note["id"], "text": "Asked by the blog"}]


async def test_a_note_of_another_order_or_account_is_not_found(acme: Company, globex: Company) -> None:
    mine, other = [f"/order/certificate/{(await acme.place())['id']}/note" for _ in range(2)]
    note = (await ask(acme, "POST", mine, {"text": "Ours"})).json()["id"]

    elsewhere = await ask(acme, "PUT", f"{other}/{note}", {"text": "x"})
    assert refusal(elsewhere)[1] == "not_found|note"
    assert (await ask(acme, "DELETE", f"{mine}/x")).status_code == 404
    for method, path in (("GET", mine), ("POST", mine), ("PUT", f"{mine}/{note}"), ("DELETE", f"{mine}/{note}")):
        assert (await ask(globex, method, path, {"text": "x"})).status_code == 404
    assert (await ask(acme, "POST", mine, {"text": "x"}, "finance_manager")).status_code == 403


async def test_a_note_says_something(acme: Company) -> None:
    path = f"/order/certificate/{(await acme.place())['id']}/note"

    for sent in ({}, {"text": ""}, {"text": "x" * 2001}, {"text": "a\0b"}):
        assert refusal(await ask(acme, "POST", path, sent))[:2] == (400, "bad_request_format")
