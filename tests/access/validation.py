"""Who may do what in validation."""

from typing import Any

from tests.access.rules import EVERYBODY, PROVERS, Place, Rule, alone, listed, public, thing

V2 = "/services/v2/domain"
ONE = f"{V2}/{{domain_id}}"
PAGE = "/domains/{domain_id}"
TXT = {"dcv_method": "dns-txt-token"}


def one(**more: Any) -> Rule:
    return thing(PROVERS, "domains", domain_id="domain", **more)


def new(place: Place) -> dict[str, Any]:
    name = {"name": "new.acme.example", "account_id": place["account"], "container_id": place["division"]}
    return {**name, "container": {"id": place["division"]}, "validations": [{"type": "dv"}]}


def added(place: Place) -> dict[str, Any]:
    return {"name": "new.acme.example", "division": place["division"], "account": place["account"], **TXT}


def of_page(**more: Any) -> Rule:
    return thing(PROVERS, domain_id="domain", **more)


RULES: dict[str, Rule] = {
    f"GET {V2}": listed(PROVERS, "domains"),
    f"POST {V2}": thing(PROVERS, "domains", json=new),
    f"GET {V2}/validation-type": alone(PROVERS, "domains"),
    f"GET {V2}/dcv/method": alone(PROVERS, "domains"),
    f"GET {V2}/expiring": listed(PROVERS, "domains"),
    f"POST {V2}/validation": alone(
        PROVERS, "domains", json=lambda place: {"domain_ids": [place["domain"]], "validations": [{"type": "dv"}]}
    ),
    f"GET {ONE}": one(),
    f"DELETE {ONE}": one(),
    f"GET {ONE}/validation": one(),
    f"POST {ONE}/validation": one(json=lambda _: {"validations": [{"type": "dv"}], **TXT}),
    f"DELETE {ONE}/validation": one(),
    f"PUT {ONE}/dcv/method": one(json=lambda _: TXT),
    f"POST {ONE}/dcv/token": one(),
    f"PUT {ONE}/dcv/validate-token": one(),
    f"PUT {ONE}/dcv/emails": one(json=lambda _: {}),
    f"POST {ONE}/dcv/pre-check": one(),
    f"GET {ONE}/caa": one(),
    f"PUT {ONE}/caa": one(),
    f"PUT {ONE}/activate": one(),
    f"PUT {ONE}/deactivate": one(),
    f"GET {V2}/evidence/order/{{order_id}}": thing(EVERYBODY, "domains", order_id="order", personal=True),
    f"GET {V2}/evidence/certificate/{{serial_number}}": thing(
        EVERYBODY, "domains", serial_number="serial", personal=True
    ),
    "GET /domains": listed(PROVERS),
    "GET /domains/expiring": listed(PROVERS),
    "GET /domains/add": alone(PROVERS),
    "POST /domains/add": thing(PROVERS, form=added),
    "POST /domains/submit": alone(PROVERS, form=lambda place: {"ids": place["domain"], "domain": place["domain"]}),
    f"GET {PAGE}": of_page(),
    f"GET {PAGE}/{{question}}": of_page(question="delete"),
    f"POST {PAGE}/check": of_page(),
    f"POST {PAGE}/submit": of_page(form=lambda _: TXT),
    f"POST {PAGE}/deactivate": of_page(),
    f"POST {PAGE}/delete": of_page(),
    f"POST {PAGE}/{{deed}}": of_page(deed="token"),
    "GET /dcv/confirm/{value}": public(value="order"),
    "POST /dcv/confirm": public(form=lambda _: {"value": "none"}),
    "GET /domains/evidence/order/{order_id}": thing(EVERYBODY, order_id="order", personal=True),
    "GET /domains/evidence/certificate/{serial_number}": thing(EVERYBODY, serial_number="serial", personal=True),
}
