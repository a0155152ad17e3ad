"""§3 for both who take names: orders when somebody buys, validation before anything is proven. One table, so that
neither knows a name by another form than the other, and what validation takes can be ordered."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.orders.rules.names import dns_name
from services.validation.clients.suffixes import shipped_suffixes
from services.validation.rules.names import BadName, intake
from shared.errors import Rejected

PUBLIC = shipped_suffixes()
LABEL63 = "a" * 63
LONG = ".".join([LABEL63] * 3)  # 191 characters

# Rule or example of dcv-rules.md, what is given, the form it is kept in.
TAKEN = [
    ("NM1", "example.com.", "example.com"),
    ("NM1 Ex5", "ExAmPle.COM", "example.com"),
    ("NM1 Ex5", "example.com", "example.com"),
    ("NM2", "bücher.de", "xn--bcher-kva.de"),
    ("NM2", "straße.de", "xn--strae-oqa.de"),
    ("NM3", f"{LABEL63}.com", f"{LABEL63}.com"),
    ("NM3", "a.b.c.d.e.f.g.h.example.com", "a.b.c.d.e.f.g.h.example.com"),
    ("NM3", "1.example.com", "1.example.com"),
    ("NM3", f"{LONG}.{'a' * 56}.com", f"{LONG}.{'a' * 56}.com"),
    ("NM5", "xn--bcher-kva.de", "xn--bcher-kva.de"),
    ("NM5", "xn--ls8h.la", "xn--ls8h.la"),
    ("NM5", "XN--BCHER-KVA.de", "xn--bcher-kva.de"),
    ("NM6 Ex6", "*.example.com", "*.example.com"),
    ("NM6 Ex6", "*.EXAMPLE.com", "*.example.com"),
    ("NM11", "tenant.github.io", "tenant.github.io"),
]
REFUSED = [
    *[("NM1 Ex1", given) for given in ("", ".", "..", "a..b.com", ".a.com", "example.com..")],
    *[("NM3 Ex2", given) for given in ("localhost", "mail", "0")],
    *[("NM3 Ex3", given) for given in ("-a.com", "a-.com", "---.net", "xn--.net")],
    *[("NM3 Ex4", given) for given in ("a" * 64 + ".com", f"{LONG}.{'a' * 59}.com", ".".join("abcdefghi") + ".b.com")],
    *[("NM2", given) for given in ("www\u3002example\u3002com", "www\uff0eexample.com", "\u212a.com",
                                   "exa\u00admple.com",
                                   "\u0130.com", "a\u200db.com", "☃.com", "BÜCHER.de".replace("B", "\uff22"))],
    *[("NM4", given) for given in ("a_b.example.com", "_dnsauth.example.com", "*._x.example.com")],
    *[("NM5", given) for given in ("ab--cd.com", "xn--99999999999.com", "xn--abc-.com", "xn--u-ccb.com")],
    *[("NM6 Ex7", given) for given in ("*.*.x.com", "a.*.x.com", "a*.x.com", "**", "*", "**.x.com", "*x.com", "*.")],
    *[("NM7", given) for given in ("192.0.2.1", "192.0.2.1.", "[2001:db8::1]", "2001:db8::1", "１９２.0.2.1", "①.②.③.④",
                                   "*.192.0.2.1")],
    *[("NM8 Ex8", given) for given in ("example.internal", "example.local", "www.zombo.163", "city.1")],
    *[("NM9", given) for given in ("1.2.0.192.in-addr.arpa", "8.b.d.0.ip6.arpa", "x.IP6.ARPA")],
    *[("NM10", given) for given in ("abcdefghijklmnop.onion", "x." + "a" * 56 + ".onion")],
    *[("SG7", given) for given in ("a b.com", "a\x00.com", "a\n.com", "a/b.com", "a@b.com", "a:80.com", "%61.com")],
]  # fmt: skip
# Only who knows the Public Suffix List can refuse these: an order waits for validation, which says so.
ONLY_BY_VALIDATION = [("NM8", "co.uk"), ("NM8", "*.co.uk"), ("NM8", "www.acme.example")]
NAMES = st.from_regex(r"(\*\.)?[A-Za-z0-9-]{1,8}(\.(xn--)?[A-Za-z0-9ßäÜ①-]{1,8}){1,4}\.com", fullmatch=True)


def ordered(raw: str) -> str | None:
    try:
        return dns_name(raw)
    except Rejected:
        return None


def validated(raw: str) -> str | None:
    try:
        return intake(raw, PUBLIC).certified
    except BadName:
        return None


@pytest.mark.parametrize(("rule", "raw", "kept"), TAKEN)
def test_both_keep_a_name_in_the_same_form(rule: str, raw: str, kept: str) -> None:
    assert (ordered(raw), validated(raw)) == (kept, kept)


@pytest.mark.parametrize(("rule", "raw"), REFUSED)
def test_both_refuse_what_no_certificate_may_hold(rule: str, raw: str) -> None:
    assert (ordered(raw), validated(raw)) == (None, None)


@pytest.mark.parametrize(("rule", "raw"), REFUSED)
def test_sg7_the_sentence_is_fit_to_be_shown(rule: str, raw: str) -> None:
    with pytest.raises(Rejected) as by_orders:
        dns_name(raw)
    with pytest.raises(BadName) as by_validation:
        intake(raw, PUBLIC)

    assert (by_orders.value.message + by_validation.value.message).isprintable()


@pytest.mark.parametrize(("rule", "raw"), ONLY_BY_VALIDATION)
def test_validation_refuses_what_is_no_registered_domain(rule: str, raw: str) -> None:
    assert (ordered(raw), validated(raw)) == (raw, None)


@given(
    st.text(max_size=80)
    | st.from_regex(r"(\*\.)?[A-Za-z0-9-]{1,8}(\.(xn--)?[A-Za-z0-9ßäÜ①-]{1,8}){1,4}\.com", fullmatch=True)
)
@example("\u212a.com")
def test_what_validation_takes_can_be_ordered_in_the_same_form(raw: str) -> None:
    taken = validated(raw)
    if taken is not None:
        assert ordered(raw) == taken


@given(NAMES)
def test_what_is_ordered_below_a_suffix_is_taken_by_validation_in_that_form(raw: str) -> None:
    taken = ordered(raw)
    if taken is not None:
        assert validated(taken) == taken
