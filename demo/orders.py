"""What the acts do with orders: place, prove, wait for the certificate, fetch the papers."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx

from demo import certificates, papers
from demo.certificates import KeyPair
from demo.failure import must, until
from demo.papers import Pdf
from demo.stage import Stage
from demo.wire import Fact, Fits, of_order
from shared.devstack import zone

OURS = "issuary/orders"
PRODUCT = "ssl_dv_geotrust"
ORDERS = "/services/v2/order/certificate"


def body(stage: Stage, names: Sequence[str], pair: KeyPair) -> dict[str, Any]:
    return {
        "certificate": {"common_name": names[0], "dns_names": list(names), "csr": pair.csr(names)},
        "order_validity": {"years": 1},
        "payment_method": "balance",
        "container": {"id": stage.run.division_id},
    }


async def place(
    http: httpx.AsyncClient, order: dict[str, Any], key: str | None = None, product: str = PRODUCT
) -> dict[str, Any]:
    headers = {"Idempotency-Key": key or str(uuid4())}
    answer = await http.post(f"{ORDERS}/{product}", json=order, headers=headers)
    must(answer.status_code == 201, f"The order was answered with {answer.status_code}: {answer.text[:500]}")
    placed: dict[str, Any] = answer.json()
    return placed


async def info(stage: Stage, order_id: int) -> dict[str, Any]:
    answer = await stage.customer.get(f"{ORDERS}/{order_id}")
    must(answer.status_code == 200, f"Order {order_id} was answered with {answer.status_code}: {answer.text[:300]}")
    told: dict[str, Any] = answer.json()
    return told


async def charged(stage: Stage, order_id: int, source: str = OURS) -> Fact:
    return await stage.wire.hear("order_charged", of_order(source, order_id), f"The charge of order {order_id}")


async def released(stage: Stage, order_id: int) -> None:
    await stage.wire.hear("order_released", of_order(OURS, order_id), f"The release of order {order_id}")


def money(told: dict[str, Any]) -> Decimal:
    """Events carry minor units; every currency of the demo has two decimals."""
    return Decimal(told["amount"]).scaleb(-2)


async def publish(stage: Stage, order_id: int, names: Sequence[str], source: str = OURS) -> None:
    """The TXT records that validation asks for, into the zone that its resolver answers from."""
    for name in names:
        asked = await stage.wire.hear(
            "domain_submitted", _about(name, of_order(source, order_id)), f"The question for proof of {name}"
        )
        zone.publish(stage.run.zone_file, asked["record_name"], asked["record_type"], asked["record_value"])


async def proven(stage: Stage, account_id: int, names: Sequence[str]) -> None:
    for name in names:
        await stage.wire.hear(
            "domain_validated", _about(name, lambda fact: bool(fact["account_id"] == account_id)), f"Proof of {name}"
        )


def _about(name: str, fits: Fits) -> Fits:
    return lambda fact: fact["name"] == name and fits(fact)


async def issued(stage: Stage, order_id: int) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        told = await info(stage, order_id)
        return told if told["status"] == "issued" else None

    return await until(look, f"The certificate of order {order_id}")


async def download(stage: Stage, order_id: int, pair: KeyPair, names: Sequence[str]) -> str:
    """The serial number of the certificate, which was fetched by both routes and checked."""
    told = await issued(stage, order_id)
    by_order = await stage.customer.get(f"/services/v2/certificate/download/order/{order_id}/format/pem_all")
    by_number = await stage.customer.get(
        f"/services/v2/certificate/{told['certificate']['id']}/download/format/pem_all"
    )
    must(by_order.status_code == 200, f"The download was answered with {by_order.status_code}: {by_order.text[:300]}")
    must(by_order.content == by_number.content, "Order and certificate number give different certificates.")
    leaf = certificates.check(by_order.content, pair, names)
    return f"{leaf.serial_number:x}"


async def invoice(stage: Stage, order_id: int, source: str = OURS) -> Pdf:
    what = f"The PDF of the invoice of order {order_id}"
    ready = await stage.wire.hear("invoice_document_ready", of_order(source, order_id), what)
    return await papers.fetch(stage.operator if source != OURS else stage.customer, ready)


async def credit_note(stage: Stage, order_id: int) -> Pdf:
    what = f"The PDF of the credit note of order {order_id}"
    return await papers.fetch(
        stage.customer, await stage.wire.hear("credit_note_document_ready", of_order(OURS, order_id), what)
    )


async def mailed(stage: Stage, pdf: Pdf) -> tuple[str, str]:
    """The recipient of the mail with this very PDF, and where the mail is."""
    await stage.wire.hear(
        "email_sent", lambda fact: bool(fact["document_number"] == pdf.number), f"The mail of {pdf.number}"
    )
    mail = await papers.find_mail(stage.run.mails, pdf)
    return papers.recipient(mail), mail.where
