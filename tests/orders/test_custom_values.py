"""custom_fields of an order, by the fields that its account made."""

from typing import Any

import pytest

from tests.orders.conftest import Company
from tests.orders.makers import body
from tests.orders.playing import ask, refusal


async def a_field(acme: Company, label: str, **changes: Any) -> int:
    answer = await ask(acme, "POST", "/account/metadata", {"label": label, "data_type": "text", **changes})
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["id"]
    return number


async def place(acme: Company, *fields: dict[str, Any]) -> Any:
    return await ask(acme, "POST", "/order/certificate/ssl_dv_geotrust", body(custom_fields=list(fields)))


async def test_an_order_keeps_the_values_it_was_placed_with(acme: Company) -> None:
    number = await a_field(acme, "Cost centre")

    placed = await place(acme, {"metadata_id": str(number), "value": "4711"})

    assert placed.status_code == 201
    shown = await acme.order(placed.json()["id"])
    assert shown["custom_fields"] == [{"metadata_id": number, "label": "Cost centre", "value": "4711"}]
    assert (await acme.order((await acme.place())["id"]))["custom_fields"] == []


async def test_what_the_account_requires_has_to_be_given(acme: Company) -> None:
    number = await a_field(acme, "Invoice number", is_required=True)

    for fields in ((), ({"metadata_id": number, "value": ""},)):
        assert refusal(await place(acme, *fields)) == (
            400, "bad_request_format",
            'Every order of this account says its "Invoice number"; give it in custom_fields with metadata_id '
            f"{number}.",
        )  # fmt: skip
    assert (await place(acme, {"metadata_id": number, "value": "INV-1"})).status_code == 201


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [("int", "many", "takes a whole number"), ("email_address", "ann", "takes an e-mail address")],
)
async def test_a_value_fits_its_field(acme: Company, kind: str, value: str, words: str) -> None:
    number = await a_field(acme, "Who", data_type=kind)

    assert words in refusal(await place(acme, {"metadata_id": number, "value": value}))[2]
    unknown = refusal(await place(acme, {"metadata_id": 999_999, "value": "x"}))
    assert unknown[2] == "There is no custom field 999999 to fill in; GET /account/metadata lists them."
