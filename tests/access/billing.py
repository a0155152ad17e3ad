"""Who may do what in billing."""

from tests.access.rules import (
    EVERYBODY,
    FINANCE,
    PAYERS,
    PAYING,
    STAFF,
    Place,
    Rule,
    alone,
    listed,
    public,
    shared_thing,
    thing,
)

V2 = "/services/v2/finance"
NAMES = {"common_name": "www.acme.example", "dns_names": ["www.acme.example"]}
CAMT = b"<Document/>"


def of_division(place: Place) -> dict[str, int]:
    return {"container_id": place["division"]}


def of_account(place: Place) -> dict[str, int]:
    return {"account_id": place["account"]}


def money(**more: object) -> dict[str, object]:
    return {"amount": "10.00", "currency": "EUR", **more}


def subscription(place: Place) -> dict[str, object]:
    return of_division(place) | {"name": "x", "description": "x", "monthly_price": "1.00", "starts_on": "2999-01-01"}


API: dict[str, Rule] = {
    f"GET {V2}/balance": thing(FINANCE, "balance", query=of_division),
    f"GET {V2}/balance-history": thing(FINANCE, "finance", query=of_division),
    f"GET {V2}/adjustment/{{adjustment_id}}": shared_thing(FINANCE, "finance", adjustment_id="adjustment"),
    f"GET {V2}/purchase-history": listed(FINANCE, "finance"),
    f"GET {V2}/receipt/{{receipt_id}}": thing(FINANCE, "finance", receipt_id="receipt"),
    f"POST {V2}/order-pricing": alone(
        FINANCE, "balance",
        json=lambda place: {"certificate": NAMES, "product_name_id": "ssl_dv_geotrust", **of_account(place)},
    ),
    "GET /services/v2/product/pricing": listed(FINANCE, "finance", query=of_account),
    f"POST {V2}/price-list": alone(STAFF, "finance", json=lambda _: {"prices": [{"product": "x"}], "preview": True}),
    "GET /services/v2/account/subaccount/{container_id}/balance": thing(FINANCE, "finance", container_id="division"),
    "PUT /services/v2/account/subaccount/{container_id}/balance": thing(
        STAFF, "finance", container_id="division", json=lambda _: {"amount": "1.00", "transaction_type": "credit"}
    ),
    f"GET {V2}/purchase-order": listed(FINANCE, "finance"),
    f"POST {V2}/purchase-order": thing(
        PAYING, "finance", json=lambda place: money(po_number="PO-9", **of_division(place))
    ),
    f"GET {V2}/purchase-order/{{order_id}}": thing(FINANCE, "finance", order_id="purchase_order"),
    f"PUT {V2}/purchase-order/{{order_id}}/status": thing(
        PAYING, "finance", order_id="purchase_order", json=lambda _: {"status": "canceled"}
    ),
    f"GET {V2}/invoice": listed(EVERYBODY, "finance"),
    f"GET {V2}/invoice/{{invoice_id}}": thing(EVERYBODY, "finance", invoice_id="invoice", personal=True),
    f"GET {V2}/invoice/{{invoice_id}}/pdf": thing(EVERYBODY, "finance", invoice_id="invoice", personal=True),
    f"GET {V2}/invoice/{{invoice_id}}/pdf-with-payments": thing(
        EVERYBODY, "finance", invoice_id="invoice", personal=True
    ),
    f"GET {V2}/order/{{order_id}}/invoice/pdf": thing(EVERYBODY, "finance", order_id="order", personal=True),
    f"GET {V2}/order/{{order_id}}/credit-note/pdf": thing(EVERYBODY, "finance", order_id="cancelled", personal=True),
    f"POST {V2}/invoice/{{invoice_id}}/credit-note": thing(
        STAFF, "finance", invoice_id="invoice", json=lambda _: {"all": True, "reason": "x"}
    ),
    f"GET {V2}/credit-note": listed(EVERYBODY, "finance"),
    f"GET {V2}/credit-note/{{note_id}}": thing(EVERYBODY, "finance", note_id="credit_note", personal=True),
    f"GET {V2}/credit-note/{{note_id}}/pdf": thing(EVERYBODY, "finance", note_id="credit_note", personal=True),
    f"GET {V2}/statement": thing(FINANCE, "finance", query=of_division),
    f"GET {V2}/terms/{{container_id}}": thing(STAFF, "finance", container_id="division"),
    f"PUT {V2}/terms/{{container_id}}": thing(
        STAFF, "finance", container_id="division", json=lambda _: {"payment_days": 30}
    ),
    f"GET {V2}/billing-contact": thing(FINANCE, "finance", query=of_division),
    f"PUT {V2}/billing-contact": thing(PAYING, "finance", json=lambda place: {"name": "X", **of_division(place)}),
    f"DELETE {V2}/billing-contact": thing(PAYING, "finance", query=of_division),
    f"POST {V2}/deposit": thing(PAYING, "finance", json=lambda place: money(**of_division(place))),
    f"POST {V2}/payment": thing(
        PAYING, "finance",
        json=lambda place: {"currency": "EUR", "expected_total": "10.00",
                            "invoices": [{"id": place["po_invoice"], "amount": "10.00"}], **of_division(place)},
    ),
    f"GET {V2}/payment/{{payment_id}}": thing(FINANCE, "finance", payment_id="payment"),
    f"PUT {V2}/payment/{{payment_id}}/status": thing(
        PAYING, "finance", payment_id="payment", json=lambda _: {"status": "canceled"}
    ),
    f"POST {V2}/transfer": thing(
        PAYING, "finance",
        json=lambda place: {"amount": "1.00", "from_container_id": place["division"], "to_container_id": place["top"]},
    ),
    f"GET {V2}/subscription": listed(FINANCE, "finance"),
    f"POST {V2}/subscription": thing(STAFF, "finance", json=subscription),
    f"GET {V2}/subscription/{{subscription_id}}": thing(FINANCE, "finance", subscription_id="subscription"),
    f"PUT {V2}/subscription/{{subscription_id}}": thing(
        STAFF, "finance", subscription_id="subscription", json=lambda _: {"quantity": 2}
    ),
    f"GET {V2}/period": alone(STAFF, "finance"),
    f"GET {V2}/period/{{month}}": alone(STAFF, "finance", month="month"),
    f"POST {V2}/period/{{month}}/close": alone(STAFF, "finance", month="month"),
    f"POST {V2}/import/invoice": alone(
        STAFF, "finance",
        json=lambda place: money(legacy_number="1", issued_on="2026-01-01", due_on="2026-02-01", **of_division(place)),
    ),
    f"POST {V2}/import/balance": alone(
        STAFF, "finance", json=lambda place: money(as_of="2026-01-01", **of_division(place))
    ),
    f"POST {V2}/bank-file": alone(STAFF, "finance", content=CAMT),
    f"GET {V2}/bank-file/{{file_id}}": alone(STAFF, "finance", file_id="none"),
    f"GET {V2}/bank-line": alone(STAFF, "finance"),
    f"GET {V2}/bank-line/{{line_id}}": alone(STAFF, "finance", line_id="none"),
    f"PUT {V2}/bank-line/{{line_id}}": alone(
        STAFF, "finance", line_id="none", json=lambda _: {"status": "dismissed", "reason": "x"}
    ),
}  # fmt: skip
UPLOAD = "01a202b2-c8e8-7a14-8c45-5e2f9b7d5d5c"
PAGES: dict[str, Rule] = {
    "GET /finance": public(),
    "GET /finance/invoices": listed(EVERYBODY),
    "GET /finance/invoices/{invoice_id}": thing(EVERYBODY, invoice_id="invoice", personal=True),
    "POST /finance/invoices/{invoice_id}": thing(
        STAFF, invoice_id="invoice", form=lambda _: {"do": "all", "reason": "x", "seen": "0"}
    ),
    "GET /finance/credit-notes": listed(EVERYBODY),
    "GET /finance/purchase-orders": listed(FINANCE),
    "POST /finance/purchase-orders": thing(
        PAYING, form=lambda place: {"number": "PO-9", "division": place["division"], "amount": "10.00", "remark": "",
                                    "contact": ""},
    ),
    "GET /finance/purchase-orders/{order_id}": thing(FINANCE, order_id="purchase_order"),
    "POST /finance/purchase-orders/{order_id}": thing(
        PAYING, order_id="purchase_order", form=lambda _: {"decision": "canceled", "reason": "x"}
    ),
    "GET /finance/divisions": listed(FINANCE, query=of_account),
    "GET /finance/divisions/{division_id}": thing(FINANCE, division_id="division"),
    "POST /finance/divisions/{division_id}": thing(
        PAYING, division_id="division", form=lambda place: {"to_division": place["top"], "amount": "1.00"}
    ),
    "GET /finance/deposit": listed(PAYERS),
    "POST /finance/deposit": thing(
        PAYING, form=lambda place: {"division": place["division"], "amount": "10.00", "reference": ""}
    ),
    "GET /finance/payments": listed(FINANCE),
    "GET /finance/payments/{payment_id}": thing(FINANCE, payment_id="payment"),
    "POST /finance/payments/{payment_id}": thing(PAYING, payment_id="payment", form=lambda _: {"status": "canceled"}),
    "GET /finance/pay": listed(PAYERS),
    "POST /finance/pay": thing(
        PAYERS,
        form=lambda place: {"container_id": place["division"], "invoice": place["po_invoice"],
                            f"amount-{place['po_invoice']}": "10.00"},
    ),
    "GET /finance/statement": thing(FINANCE, query=of_division),
    "GET /finance/on-account": listed(FINANCE),
    "GET /finance/on-account/orders/{order_id}": thing(FINANCE, order_id="on_account"),
    "GET /finance/waiting": listed(FINANCE),
    "GET /finance/prices": listed(FINANCE),
    "GET /finance/prices/list.csv": alone(STAFF),
    "GET /finance/prices/uploads": alone(STAFF),
    "POST /finance/prices/uploads": alone(STAFF, form=lambda _: {"upload_id": UPLOAD, "text": "x"}),
    "GET /finance/prices/uploads/{upload_id}": alone(STAFF, upload_id="message"),
    "POST /finance/prices/uploads/{upload_id}/add": alone(STAFF, upload_id="message"),
    "GET /finance/terms": alone(FINANCE),
    "GET /finance/terms/{account_id}": shared_thing(FINANCE, account_id="account"),
    "POST /finance/terms/{account_id}": shared_thing(
        STAFF, account_id="account", form=lambda _: {"payment_days": "30", "negative_limit": "0"}
    ),
    "GET /finance/billing-contact": thing(FINANCE, query=of_division),
    "POST /finance/billing-contact": thing(PAYING, query=of_division, form=lambda _: {"name": "X"}),
    "GET /finance/subscriptions": listed(FINANCE),
    "POST /finance/subscriptions": alone(
        STAFF,
        form=lambda place: {"account_id": place["account"], "division": place["division"], "name": "y",
                            "description": "x", "quantity": "1", "monthly_price": "1.00", "starts_on": "2999-01-01"},
    ),
    "GET /finance/subscriptions/{subscription_id}": alone(STAFF, subscription_id="subscription"),
    "POST /finance/subscriptions/{subscription_id}": alone(
        STAFF, subscription_id="subscription",
        form=lambda _: {"description": "x", "quantity": "1", "monthly_price": "1.00"},
    ),
    "GET /finance/periods": alone(STAFF),
    "GET /finance/periods/{name}": alone(STAFF, name="month"),
    "POST /finance/periods/{name}/close": alone(STAFF, name="month"),
    "GET /finance/selling": alone(STAFF),
    "GET /finance/selling/new": alone(STAFF),
    "POST /finance/selling/new": alone(STAFF, form=lambda _: {"name": "x"}),
    "GET /finance/selling/taxes": alone(STAFF),
    "POST /finance/selling/taxes": alone(STAFF, form=lambda _: {"country": "DE"}),
    "GET /finance/selling/rates": alone(STAFF),
    "POST /finance/selling/rates": alone(STAFF, form=lambda _: {"currency": "USD"}),
    "GET /finance/bank-files": alone(STAFF),
    "POST /finance/bank-files": alone(STAFF, form=lambda _: {"file": ""}),
    "GET /finance/bank-files/{file_id}": alone(STAFF, file_id="none"),
    "GET /finance/bank-files/lines": alone(STAFF),
    "GET /finance/bank-files/lines/{line_id}": alone(STAFF, line_id="none"),
    "POST /finance/bank-files/lines/{line_id}": alone(
        STAFF, line_id="none", form=lambda _: {"do": "dismiss", "reason": "x"}
    ),
}  # fmt: skip
RULES = API | PAGES
