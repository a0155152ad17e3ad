from datetime import date
from typing import Any

import pytest

from services.orders.rules.reissue import Current, ReissueWish, added_names, check_duplicate, check_reissue
from services.orders.rules.validity import Span, free_days
from shared.errors import Rejected
from tests.orders.makers import csr, rsa_key

TODAY = date(2026, 11, 23)
FIRST = csr()


def current(**changes: Any) -> Current:
    facts: dict[str, Any] = {
        "product_name_id": "ssl_dv_geotrust_flex", "names": ("www.acme.example", "acme.example"), "csr": FIRST,
        "signature_hash": "sha384", "server_platform_id": 45, "dcv_method": "dns-txt-token",
    }  # fmt: skip
    return Current(**(facts | changes))


def test_what_a_reissue_leaves_out_is_taken_from_the_order() -> None:
    checked = check_reissue(ReissueWish(), current(), TODAY)

    assert checked.names == ("www.acme.example", "acme.example")
    assert (checked.csr.pem, checked.signature_hash, checked.server_platform_id) == (FIRST, "sha384", 45)


def test_a_reissue_has_the_names_it_asks_for_and_no_others() -> None:
    checked = check_reissue(ReissueWish("shop.acme.example", ("SHOP.acme.example", "a.example")), current(), TODAY)

    assert checked.names == ("shop.acme.example", "a.example")


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (ReissueWish("localhost"), "single label"),
        (ReissueWish(csr=csr(rsa_key(1024))), "1024 bits"),
        (ReissueWish(signature_hash="md5"), 'signature_hash "md5" is not offered'),
        (ReissueWish(cert_validity=Span(days=300)), "cert_validity is 300 days"),
        (ReissueWish(dns_names=("*.*.acme.example",)), "a wildcard is one *"),
    ],
)
def test_a_reissue_is_checked_like_an_order(wish: ReissueWish, words: str) -> None:
    with pytest.raises(Rejected, match=words.replace("*", r"\*")):
        check_reissue(wish, current(), TODAY)


def test_a_duplicate_has_a_key_of_its_own_and_the_names_of_the_order() -> None:
    wish = ReissueWish("acme.example", ("WWW.acme.example.",), csr=csr(rsa_key()), signature_hash="sha256")

    checked = check_duplicate(wish, current(), TODAY)

    assert checked.names == ("www.acme.example", "acme.example")
    assert (checked.csr.key, checked.signature_hash) == ("RSA 2048", "sha256")


def test_a_duplicate_with_another_name_is_refused() -> None:
    with pytest.raises(Rejected, match=r"'shop.acme.example' is none of them; reissue the order"):
        check_duplicate(ReissueWish(dns_names=("shop.acme.example",)), current(), TODAY)


@pytest.mark.parametrize(
    ("names", "paid", "added"),
    [
        (("a.example", "b.example"), (2, 0), ()),
        (("c.example", "d.example"), (2, 0), ()),  # others in their place are free
        (("a.example", "b.example", "c.example"), (2, 0), ("c.example",)),
        (("c.example", "a.example", "b.example"), (2, 0), ("c.example",)),
        (("*.a.example", "a.example"), (2, 0), ("*.a.example",)),  # a wildcard is another kind
        (("*.a.example", "*.b.example"), (2, 1), ("*.b.example",)),
        (("a.example",), (2, 1), ()),
    ],
)
def test_names_beyond_the_count_and_kinds_paid_are_added(
    names: tuple[str, ...], paid: tuple[int, int], added: tuple[str, ...]
) -> None:
    assert added_names(names, ("a.example", "b.example"), *paid) == added


@pytest.mark.parametrize(
    ("term", "ends", "days"),
    [
        (Span(years=1), date(2026, 12, 3), 10),
        (Span(years=1), date(2027, 6, 1), 30),
        (Span(years=1), date(2026, 11, 1), 0),
        (Span(ends_on=date(2027, 11, 23)), date(2026, 12, 3), 0),
    ],
)
def test_a_renewal_gets_what_is_left_up_to_thirty_days_free(term: Span, ends: date, days: int) -> None:
    assert free_days(term, ends, TODAY) == days
