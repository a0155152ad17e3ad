import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.validation.clients.suffixes import shipped_suffixes
from services.validation.rules.names import BadName, Blocklist, Name, intake

PUBLIC = shipped_suffixes()


def refusal(raw: str, blocked: Blocklist = Blocklist()) -> str:  # noqa: B008
    with pytest.raises(BadName) as refused:
        intake(raw, PUBLIC, blocked)
    assert refused.value.code == "invalid_dns_name"
    return refused.value.message


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("ExAmPle.COM", "example.com"),
        ("example.com.", "example.com"),
        ("www.example.co.uk", "www.example.co.uk"),
        ("BüCHER.example.com".replace("Ü", "ü"), "xn--bcher-kva.example.com"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("xn--ls8h.la", "xn--ls8h.la"),  # an emoji: IDNA2008 decoders refuse it, the BR do not
        ("9-z.example.com", "9-z.example.com"),
        ("foo.github.io", "foo.github.io"),
        (".".join(["a"] * 8 + ["example", "com"]), ".".join(["a"] * 8 + ["example", "com"])),
        ("a" * 63 + ".com", "a" * 63 + ".com"),
    ],
)
def test_a_name_is_stored_in_one_form(raw: str, stored: str) -> None:
    assert intake(raw, PUBLIC) == Name(stored)


@pytest.mark.parametrize("raw", ["*.example.com", "*.EXAMPLE.com", "*.example.com."])
def test_a_wildcard_is_the_whole_leftmost_label(raw: str) -> None:
    name = intake(raw, PUBLIC)

    assert name == Name("example.com", wildcard=True)
    assert name.certified == "*.example.com"


@pytest.mark.parametrize("raw", ["", ".", "..", "a..b.com", ".a.com", "example.com..", "*..com"])
def test_an_empty_label_is_refused(raw: str) -> None:
    assert "empty label" in refusal(raw)


@pytest.mark.parametrize("raw", ["localhost", "mail", "0", "*.com"])
def test_a_single_label_is_refused(raw: str) -> None:
    assert "one label only" in refusal(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "-a.com",
        "a-.com",
        "---.net",
        "a_b.example.com",
        "_dnsauth.example.com",
        "a b.com",
        "a\x00.com",
        "a" * 64 + ".com",
    ],
)
def test_labels_are_letters_digits_and_inner_hyphens(raw: str) -> None:
    assert "letters, digits and hyphens" in refusal(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "xn--.net",
        "ab--cd.com",
        "xn--abc-.com",
        "xn--99999999999.com",
        "xn--u-ccb.com",  # decodes to a string that is not in NFC
    ],
)
def test_two_hyphens_in_third_place_need_valid_punycode(raw: str) -> None:
    assert refusal(raw)


def test_long_names_are_refused() -> None:
    assert "too long" in refusal(".".join(["a"] * 9 + ["example", "com"]))
    assert "too long" in refusal(".".join(["a" * 62] * 4) + ".com")
    fits_only_without_wildcard = ".".join(["a" * 62] * 3 + ["a" * 60]) + ".com"
    assert len(fits_only_without_wildcard) == 253
    assert intake(fits_only_without_wildcard, PUBLIC)
    assert "too long" in refusal("*." + fits_only_without_wildcard)


@pytest.mark.parametrize("raw", ["*.*.x.com", "a.*.x.com", "a*.x.com", "**", "*", "**.x.com", "*a.x.com"])
def test_other_wildcards_are_refused(raw: str) -> None:
    assert "wildcard" in refusal(raw) or "one label" in refusal(raw)


@pytest.mark.parametrize(
    "raw", ["192.0.2.1", "192.0.2.1.", "[2001:db8::1]", "2001:db8::1", "１９２.0.2.1", "192。0。2。1", "①.②.③.④"]
)
def test_ip_addresses_are_refused_however_they_are_spelt(raw: str) -> None:
    assert refusal(raw)


@pytest.mark.parametrize(
    "raw", ["www\u3002example\u3002com", "www\uff0eexample.com", "www\u2024example.com", "\u212a.com"]
)
def test_nothing_is_mapped_to_a_name_nobody_typed(raw: str) -> None:
    assert "IDNA2008" in refusal(raw)


@pytest.mark.parametrize(
    "raw",
    ["example.internal", "example.local", "www.zombo.163", "www.acme.example", "co.uk", "*.co.uk", "city.1"],
)
def test_only_names_below_a_public_suffix_count(raw: str) -> None:
    assert "public suffix" in refusal(raw)


@pytest.mark.parametrize("raw", ["1.2.0.192.in-addr.arpa", "in-addr.arpa", "8.b.d.0.ip6.arpa", "x.8.B.d.0.IP6.ARPA"])
def test_reverse_zones_are_refused(raw: str) -> None:
    assert "reverse zone" in refusal(raw)


def test_onion_names_are_refused() -> None:
    assert "onion" in refusal("abcdefghijklmnop.onion")


def test_test_mode_takes_example_and_test_for_public_but_no_internal_name() -> None:
    suffixes = shipped_suffixes(("example", "test"))

    assert intake("*.www.acme.example", suffixes) == Name("www.acme.example", wildcard=True)
    assert suffixes.base_domain("www.acme.example") == "acme.example"
    assert suffixes.base_domain("example") is None
    assert suffixes.version.endswith("+example+test")
    with pytest.raises(BadName):
        intake("example.internal", suffixes)


def test_blocked_names_are_refused_and_so_are_wildcards_that_cover_them() -> None:
    blocked = Blocklist(exact=frozenset({"pay.bank.com"}), suffixes=frozenset({"gov.bank.com"}))

    for raw in ("pay.bank.com", "gov.bank.com", "tax.gov.bank.com", "*.bank.com", "*.gov.bank.com"):
        assert "not certified here" in refusal(raw, blocked)
    for raw in ("www.bank.com", "x.pay.bank.com", "notgov.bank.com", "*.pay.bank.com"):
        assert intake(raw, PUBLIC, blocked)


def test_a_sentence_shows_at_most_a_hundred_clean_characters_of_the_name() -> None:
    assert "\x1b" not in refusal("\x1b[31m" + "x" * 250)
    assert len(refusal("x" * 250)) < 300


@given(st.text(max_size=300))
def test_any_text_is_a_name_in_its_final_form_or_refused(raw: str) -> None:
    try:
        name = intake(raw, PUBLIC)
    except BadName:
        return
    assert intake(name.certified, PUBLIC) == name
    assert name.fqdn == name.fqdn.lower()
    assert name.fqdn.isascii()


@given(st.lists(st.from_regex(r"[A-Za-z0-9-]{1,12}|xn--[a-z0-9-]{1,12}", fullmatch=True), min_size=1, max_size=4))
def test_whatever_is_accepted_below_a_suffix_stays_as_it_is(labels: list[str]) -> None:
    raw = ".".join([*labels, "example", "org"])
    try:
        name = intake(raw, PUBLIC)
    except BadName:
        return
    assert name.fqdn == raw.lower()
