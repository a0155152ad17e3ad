import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.rules.names import certificate_names, dns_name
from services.orders.rules.products import product
from shared.errors import NotFound, Rejected

SSL, WILDCARD, CLOUD = product("ssl_dv_geotrust"), product("wildcard_dv_geotrust"), product("cloud_dv_geotrust")


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("www.acme.example", "www.acme.example"),
        ("ExAmPle.COM", "example.com"),
        (" acme.example. ", "acme.example"),
        ("*.EXAMPLE.com", "*.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("xn--n3h.example", "xn--n3h.example"),  # an emoji: the BR allow what IDNA2008 does not
        (f"{'a' * 63}.example", f"{'a' * 63}.example"),
        ("3com.com", "3com.com"),
    ],
)
def test_a_dns_name_is_kept_in_lower_case_a_label_form(given_name: str, kept: str) -> None:
    assert dns_name(given_name) == kept


@pytest.mark.parametrize(
    ("given_name", "reason"),
    [
        ("", "empty label"),
        (".", "empty label"),
        ("a..b.com", "empty label"),
        (".a.com", "empty label"),
        ("localhost", "single label"),
        ("0", "single label"),
        ("-a.com", "no hyphen at either end"),
        ("a-.com", "no hyphen at either end"),
        ("xn--.net", "no hyphen at either end"),
        ("ab--cd.net", "no valid Punycode"),
        ("xn--99999999.net", "no valid Punycode"),
        (f"{'a' * 64}.com", "at most 63 characters"),
        (".".join(["a" * 49] * 5) + ".example", "at most 253 characters"),
        (".".join("abcdefghij") + ".com", "at most 10 labels"),
        ("*.*.x.com", "whole leftmost label"),
        ("a.*.x.com", "whole leftmost label"),
        ("a*.x.com", "whole leftmost label"),
        ("*", "whole leftmost label"),
        ("192.0.2.7", "IP addresses"),
        ("[2001:db8::1]", "IP addresses"),
        ("2001:db8::1", "IP addresses"),
        ("１９２.0.2.7", "not allowed in an internationalised name"),
        ("my_host.acme.example", "underscore"),
        ("www.zombo.163", "ends in a number"),
        ("printer.local", ".local"),
        ("x.internal", ".internal"),
        ("1.2.0.192.in-addr.arpa", ".arpa"),
        ("x.onion", ".onion"),
        ("www.acme.example/path", "letters, digits and hyphens"),
        ("http://acme.example", "letters, digits and hyphens"),
        ("ann@acme.example", "letters, digits and hyphens"),
        ("acme。example", "not allowed in an internationalised name"),
        ("a\x00b.example", "letters, digits and hyphens"),
    ],
)
def test_what_is_no_dns_name_is_refused_with_its_reason(given_name: str, reason: str) -> None:
    with pytest.raises(Rejected) as refusal:
        dns_name(given_name)

    assert reason in refusal.value.message
    assert refusal.value.code == "bad_request_format"


@given(st.text(max_size=80))
def test_any_text_is_either_a_name_that_stays_the_same_or_refused(text: str) -> None:
    try:
        name = dns_name(text)
    except Rejected:
        return

    assert dns_name(name) == name
    assert name.isascii()
    assert len(name) <= 255


def test_the_common_name_comes_first_and_each_name_once() -> None:
    names = certificate_names("WWW.acme.example", ("acme.example", "www.acme.example", "ACME.example"), SSL)

    assert names == ("www.acme.example", "acme.example")


def test_a_wildcard_needs_a_product_that_takes_it() -> None:
    with pytest.raises(Rejected, match="takes no wildcard names"):
        certificate_names("*.acme.example", (), SSL)

    assert certificate_names("*.acme.example", ("acme.example",), WILDCARD) == ("*.acme.example", "acme.example")
    assert certificate_names("acme.example", ("*.acme.example",), CLOUD) == ("acme.example", "*.acme.example")


def test_a_wildcard_product_needs_a_wildcard() -> None:
    with pytest.raises(Rejected, match=r"needs a wildcard name such as \*\.acme\.example"):
        certificate_names("acme.example", (), WILDCARD)


def test_a_product_takes_so_many_names_and_no_more() -> None:
    rapid = product("ssl_dv_rapidssl")

    assert len(certificate_names("acme.example", ("www.acme.example",), rapid)) == 2
    with pytest.raises(Rejected, match="takes at most 2 names, this order has 3"):
        certificate_names("acme.example", ("www.acme.example", "m.acme.example"), rapid)


def test_an_unknown_product_is_not_found_and_those_on_offer_are_named() -> None:
    with pytest.raises(NotFound, match=r'no product "ssl_gold".*ssl_dv_geotrust') as refusal:
        product("ssl_gold")

    assert (refusal.value.status, refusal.value.code) == (404, "not_found|product")
