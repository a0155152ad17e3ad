"""What is on offer: public TLS with DV, OV and EV, and private TLS."""

import tomllib

import pytest

from services.orders.rules.names import certificate_names
from services.orders.rules.products import CATALOGUE, product, product_for
from shared.errors import DomainError, NotFound
from shared.migrate import ROOT


def test_every_product_has_a_price_in_the_example_catalogue() -> None:
    rows = tomllib.loads((ROOT / "docs" / "catalogue.toml").read_text())["price"]

    assert {each.name_id for each in CATALOGUE} == {row["product"] for row in rows if row["currency"] == "EUR"}


@pytest.mark.parametrize("name_id", ["code_signing", "document_signing_org_1", "secure_email_mailbox", "ssl_nothing"])
def test_what_is_not_on_offer_is_not_found(name_id: str) -> None:
    with pytest.raises(NotFound) as refused:
        product(name_id)

    assert refused.value.code == "not_found|product"


@pytest.mark.parametrize("name_id", [each.name_id for each in CATALOGUE if each.validation == "ev"])
def test_evg_9_8_1_no_ev_product_takes_a_wildcard(name_id: str) -> None:
    with pytest.raises(DomainError, match="takes no wildcard names"):
        certificate_names("*.acme.example", (), product(name_id))


@pytest.mark.parametrize(
    ("hint", "names", "name_id"),
    [
        ("private", ("www.acme.example",), "private_ssl_plus"),
        (" Private ", ("*.acme.example",), "private_ssl_wildcard"),
    ],
)
def test_the_generic_route_chooses_by_hint_and_names(hint: str, names: tuple[str, ...], name_id: str) -> None:
    assert product_for("ssl", hint, names).name_id == name_id
    assert product_for("ssl_basic", hint, names).name_id == "ssl_basic"


@pytest.mark.parametrize("hint", [None, "", "ssl"])
def test_without_a_hint_that_is_known_the_generic_route_is_ambiguous(hint: str | None) -> None:
    with pytest.raises(DomainError) as refused:
        product_for("ssl", hint, ())

    assert refused.value.code == "ambiguous_product"
