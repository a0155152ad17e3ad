from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from services.notifications.clients.letter import Sender, compose
from tests.notifications.makers import NOW, PDF, RECIPIENT, a_message

SENDER = Sender.named("Issuary Billing <billing@ca.example>", "ap-help@ca.example", "https://console.ca.example")
CREDIT = {
    "template": "credit_note",
    "number": "CN-2026-000007",
    "content": {
        "issued_on": "2026-11-24",
        "currency": "EUR",
        "total": 1_452_514,
        "order": {"source": "shop", "id": 1201},
        "invoice_number": "INV-2026-000042",
    },
}


def composed(**other: Any) -> bytes:
    message = a_message(**other)
    message.claim(NOW, SENDER.domain)
    return compose(message, PDF, SENDER)


def read(mail: bytes) -> EmailMessage:
    parsed = message_from_bytes(mail, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    text: str = body.get_content()
    return text


def test_an_invoice_mail_has_the_document_and_the_figures_in_both_parts() -> None:
    mail = read(composed())
    (attached,) = mail.iter_attachments()

    assert attached.get_filename() == "INV-2026-000042.pdf"
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_content() == PDF
    assert mail["Subject"] == "Invoice INV-2026-000042: 14,525.14 EUR, nothing due"
    assert mail["To"] == RECIPIENT
    assert mail["From"] == "Issuary Billing <billing@ca.example>"
    assert mail["Reply-To"] == "ap-help@ca.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == NOW
    for kind in ("plain", "html"):
        text = part(mail, kind)
        for expected in ("0.00 EUR", "14,525.14 EUR", "23 November 2026", "charged to your account funds", "1201"):
            assert expected in text
        assert "https://console.ca.example/orders/1201" in text


def test_an_invoice_to_be_paid_says_how_much_and_until_when_first() -> None:
    content = {**a_message().content, "kind": "usage", "amount_due": 1_452_514}
    mail = read(composed(content=content))

    assert mail["Subject"] == "Invoice INV-2026-000042: 14,525.14 EUR due on 23 December 2026"
    lines = part(mail, "plain").splitlines()
    assert lines[3:5] == ["Amount due    14,525.14 EUR", "Due on        23 December 2026"]
    assert "Please pay 14,525.14 EUR by 23 December 2026" in part(mail, "html")


def test_a_credit_note_mail_names_the_invoice_and_leads_to_no_order_of_another_system() -> None:
    mail = read(composed(**CREDIT))

    assert mail["Subject"] == "Credit note CN-2026-000007: 14,525.14 EUR for invoice INV-2026-000042"
    for kind in ("plain", "html"):
        assert "INV-2026-000042" in part(mail, kind)
        assert "shop:1201" in part(mail, kind)
        assert "/orders/" not in part(mail, kind)


@pytest.mark.parametrize("other", [{}, CREDIT])
def test_a_second_copy_is_the_same_mail_byte_for_byte(other: dict[str, Any]) -> None:
    assert composed(**other) == composed(**other)


def test_names_of_others_are_text_in_the_page_and_no_header_of_their_own() -> None:
    name = 'Acme <img src=x onerror="a()">\r\nBcc: all@acme.example\r\n\r\n{{ 7*7 }} Bücher 株式会社'
    mail = read(composed(account_name=name, number="INV-1\r\nBcc: all@acme.example"))

    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("Invoice INV-1 Bcc: all@acme.example:")
    assert "<img" not in part(mail, "html")
    assert "&lt;img src=x onerror=&#34;a()&#34;&gt; Bcc: all@acme.example {{ 7*7 }} Bücher 株式会社" in part(
        mail, "html"
    )
    assert "{{ 7*7 }} Bücher 株式会社" in part(mail, "plain")


def test_every_line_fits_what_mail_servers_take_and_is_ascii() -> None:
    lines = composed(account_name="名" * 255, number="N" * 255, recipient="x" * 60 + "@" + "a" * 63 + ".example").split(
        b"\r\n"
    )

    assert max(map(len, lines)) <= 998
    assert all(line.isascii() for line in lines)


def test_a_number_with_slashes_names_a_file_without() -> None:
    (attached,) = read(composed(number="../2026/INV 42")).iter_attachments()

    assert attached.get_filename() == "2026-INV-42.pdf"


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("submitted", "when it is approved"),
        ("approved", "Its invoice follows"),
        ("rejected", "Nothing was invoiced"),
    ],
)
def test_a_mail_about_a_purchase_order_says_what_became_of_it_and_has_nothing_attached(what: str, says: str) -> None:
    content = {"currency": "EUR", "total": 500_000, "order": None, "reason": "The contract <b>ended</b>."}
    message = a_message(template=f"purchase_order_{what}", number="PO-77812", content=content)
    message.claim(NOW, SENDER.domain)

    mail = read(compose(message, None, SENDER))

    assert list(mail.iter_attachments()) == []
    assert mail["Subject"] == f"Purchase order PO-77812 {what}"
    for kind in ("plain", "html"):
        text = " ".join(part(mail, kind).split())
        assert "5,000.00 EUR" in text
        assert says in text
    if what == "rejected":
        assert "The contract <b>ended</b>." in part(mail, "plain")
        assert "The contract &lt;b&gt;ended&lt;/b&gt;." in part(mail, "html")


LOW = {"currency": "EUR", "total": 4_500, "threshold": 50_000, "unlimited": False, "order": None}
WAITING = {
    "currency": "EUR", "total": 17_731, "shortfall": 7_731, "since": "2026-11-16", "days": 7, "message": "Deposit <b>.",
    "order": {"source": "issuary/orders", "id": 1201},
}  # fmt: skip


@pytest.mark.parametrize(
    ("template", "content", "subject", "says"),
    [
        ("funds_low", LOW, "Funds of Main are low: 45.00 EUR", ["45.00 EUR", "500.00 EUR", "Deposit funds"]),
        ("funds_low", LOW | {"unlimited": True, "total": -500}, "Funds of Main are low: −5.00 EUR", ["no limit"]),
        ("order_still_waiting", WAITING, "Order 1201 has been waiting for 7 days", ["16 November 2026", "cancelled"]),
        ("order_still_waiting", WAITING | {"days": 1, "total": None, "shortfall": None, "currency": None},
         "Order 1201 has been waiting for 1 day", ["16 November 2026"]),
    ],
)  # fmt: skip
def test_an_alert_says_the_figures_and_what_to_do(
    template: str, content: dict[str, Any], subject: str, says: list[str]
) -> None:
    message = a_message(template=template, number="Main", content=content)
    message.claim(NOW, SENDER.domain)

    mail = read(compose(message, None, SENDER))

    assert mail["Subject"] == subject
    for kind in ("plain", "html"):
        text = " ".join(part(mail, kind).split())
        assert [said for said in says if said not in text] == []
    if template == "order_still_waiting":
        assert ("Deposit <b>." in part(mail, "plain"), "Deposit &lt;b&gt;." in part(mail, "html")) == (True, True)


OURS = {"order": {"source": "issuary/orders", "id": 1201}, "total": None, "currency": None, "why": "requester"}
TO_PEOPLE: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("certificate_issued", {"common_name": "www.acme.example", "names": ["www.acme.example", "acme.example"],
     "serial_number": "0A", "valid_till": "2027-06-09"}, "Certificate for www.acme.example is issued",
     ["www.acme.example, acme.example", "9 June 2027", "0A"]),
    ("certificate_expiring", {"common_name": "www.acme.example", "valid_till": "2026-12-23", "days": 30},
     "Certificate for www.acme.example expires in 30 days", ["23 December 2026", "Renew the order"]),
    ("certificate_expiring", {"common_name": "www.acme.example", "valid_till": "2026-11-23", "days": 0},
     "Certificate for www.acme.example expires today", ["23 November 2026"]),
    ("certificate_revoked", {"serial_number": "0A", "reason": "key_compromise", "revoked_on": "2026-11-23"},
     "A certificate of order 1201 is revoked", ["key compromise", "23 November 2026"]),
    ("request_submitted", {"request_type": "reissue", "common_name": "www.acme.example", "requested_by": "<b>Eve</b>",
     "comments": "Soon"}, "A reissue of order 1201 waits for approval",
     ["www.acme.example", "Soon", "Approve or reject"]),
    ("request_decided", {"request_type": "revoke", "decision": "rejected", "decided_by": "Bob", "comment": "Why?"},
     "Your revocation of order 1201 was rejected", ["Why?", "Nothing of it happens"]),
    ("request_decided", {"request_type": "other", "decision": "approved", "decided_by": "Bob", "comment": ""},
     "Your request of order 1201 was approved", ["goes on by itself"]),
    ("order_rejected", {"rejected_by": "Bob", "reason": "The <i>wrong</i> domain"}, "Order 1201 was rejected",
     ["given back"]),
    ("domain_validation_expiring", {"order": None, "domain_id": 88, "days": 1, "usable_until": "2026-11-24",
     "pending": True}, "The validation of acme.example ends in 1 day",
     ["24 November 2026", "under way", "/domains/88"]),
    ("domain_validation_expired", {"order": None, "domain_id": 88, "days": None, "usable_until": "2026-11-22",
     "pending": False}, "The validation of acme.example has ended", ["22 November 2026", "/domains/88"]),
    ("organization_expiring", {"order": None, "organization_id": 7, "level": "EV", "days": 14,
     "validated_until": "2026-12-07"}, "The EV validation of acme.example ends in 14 days", ["7 December 2026"]),
]  # fmt: skip


@pytest.mark.parametrize(("template", "content", "subject", "says"), TO_PEOPLE)
def test_a_mail_to_a_person_says_what_happened_and_what_to_do(
    template: str, content: dict[str, Any], subject: str, says: list[str]
) -> None:
    message = a_message(template=template, number="acme.example", content=OURS | content)
    message.claim(NOW, SENDER.domain)

    mail = read(compose(message, None, SENDER))

    assert mail["Subject"] == subject
    for kind in ("plain", "html"):
        text = " ".join(part(mail, kind).split())
        assert [expected for expected in says if expected not in text] == []
        assert "https://console.ca.example/messages/preferences" in text
        assert "None" not in text
    assert "<b>Eve" not in part(mail, "html")
    assert "<i>wrong" not in part(mail, "html")


@pytest.mark.parametrize(
    ("why", "says", "may_choose"),
    [("manager", "you manage Acme", True), ("named", f"{RECIPIENT} was given with the order", False)],
)
def test_a_mail_to_a_person_says_why_it_came(why: str, says: str, may_choose: bool) -> None:
    template, content, *_ = TO_PEOPLE[1]
    message = a_message(template=template, content=OURS | content | {"why": why})
    message.claim(NOW, SENDER.domain)

    mail = read(compose(message, None, SENDER))

    for kind in ("plain", "html"):
        assert says in part(mail, kind)
        assert ("/messages/preferences" in part(mail, kind)) is may_choose
