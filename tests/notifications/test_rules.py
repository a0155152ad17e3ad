from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications import rules
from tests.notifications.makers import DOCUMENT, NOW


def test_pauses_grow_and_end_after_three_days() -> None:
    now, attempts, pauses = NOW, 0, []
    while due := rules.next_try(attempts + 1, now, NOW + rules.GIVE_UP_AFTER):
        attempts += 1
        pauses.append(due - now)
        now = due

    minutes = [pause // timedelta(minutes=1) for pause in pauses]
    assert minutes[:6] == [1, 5, 30, 120, 360, 360]
    assert set(minutes[6:]) == {360}
    assert timedelta(days=3) - timedelta(hours=6) < now - NOW <= timedelta(days=3)


@pytest.mark.parametrize(
    ("code", "final"), [(421, False), (450, False), (452, False), (552, False), (550, True), (554, True)]
)
def test_only_a_lasting_refusal_is_final(code: int, final: bool) -> None:
    assert rules.is_final(code) is final


@pytest.mark.parametrize(
    "address",
    [
        "ap@acme.example",
        "first.last+invoices@mail.acme.example",
        "o'neill@acme.example",
        "ap@bücher.example",
        "x@" + "a" * 63 + ".example",
        "AP@ACME.EXAMPLE",
    ],
)
def test_an_address_that_mail_servers_take_is_usable(address: str) -> None:
    assert rules.why_unusable(address) is None


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("acme.example", "is missing"),
        ("@acme.example", "is missing"),
        ("ap@", "is missing"),
        ("a b@acme.example", "before the @"),
        ("a@b@acme.example", "before the @"),
        ("ap.@acme.example", "before the @"),
        ('"ap"@acme.example', "before the @"),
        ("größe@acme.example", "before the @"),
        ("x" * 65 + "@acme.example", "before the @"),
        ("Acme <ap@acme.example>", "before the @"),
        ("ap@acme..example", "no domain name"),
        ("ap@acme_.example", "no domain name"),
        ("ap@acme.example> ORCPT=x", "no domain name"),
        ("ap@[127.0.0.1]", "no domain name"),
        ("ap@" + "a" * 64 + ".example", "no domain name"),
        ("ap@" + "acme." * 60 + "example", "at most 254"),
    ],
)
def test_an_address_that_cannot_be_written_to_is_told_in_a_sentence(address: str, sentence: str) -> None:
    assert sentence in (rules.why_unusable(address) or "")


@given(st.text(max_size=300))
def test_no_text_is_too_strange_to_be_judged(text: str) -> None:
    shown = rules.one_line(text)

    assert "\r" not in shown
    assert "\n" not in shown
    if rules.why_unusable(shown) is None:
        rules.envelope_address(shown).encode("ascii")


def test_an_international_domain_is_sent_to_in_its_ascii_form() -> None:
    assert rules.envelope_address("ap@Bücher.example") == "ap@xn--bcher-kva.example"


def test_a_recipient_told_twice_is_one() -> None:
    assert rules.recipients(("ap@acme.example", " AP@acme.example ", "", "cfo@acme.example")) == [
        "ap@acme.example",
        "cfo@acme.example",
    ]


def test_the_same_document_template_and_recipient_are_the_same_message() -> None:
    one = rules.message_id(str(DOCUMENT), "invoice", "ap@acme.example")

    assert rules.message_id(str(DOCUMENT), "invoice", "AP@acme.example") == one
    assert rules.message_id(str(DOCUMENT), "credit_note", "ap@acme.example") != one
    assert rules.message_id(str(DOCUMENT), "invoice", "cfo@acme.example") != one
