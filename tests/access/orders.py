"""Who may do what in orders."""

from tests.access.rules import (
    ADDERS,
    APPROVERS,
    CANCELLERS,
    EDITORS,
    EVERYBODY,
    MANAGERS,
    PLACERS,
    STAFF,
    Rule,
    alone,
    listed,
    own,
    public,
    shared_thing,
    thing,
)
from tests.orders.makers import body, csr
from tests.orders.organizations import ACME

V2 = "/services/v2"
ANN = {"email": "new@acme.example", "last_name": "New", "access_roles": [{"id": 5}]}
PERSON = {"email": "new@acme.example", "last_name": "New", "role": "standard_user"}
NEW_PASSWORD = {"password": "a staple of another horse", "again": "a staple of another horse"}


def of_account(place: dict[str, int]) -> dict[str, int]:
    return {"account_id": place["account"]}


def order_form(place: dict[str, int]) -> dict[str, object]:
    return {
        "product": "ssl_dv_geotrust",
        "division": place["division"],
        "names": "new.example",
        "years": 1,
        "csr": csr(),
    }


API: dict[str, Rule] = {
    f"POST {V2}/order/certificate/{{product_name_id}}": thing(
        PLACERS, "orders", product_name_id="product",
        json=lambda place: body(container={"id": place["division"]}, certificate__dns_names=[]),
    ),
    f"GET {V2}/order/certificate": listed(EVERYBODY, "orders"),
    f"GET {V2}/order/certificate/{{number}}": thing(EVERYBODY, "orders", number="order", personal=True),
    f"PUT {V2}/order/certificate/{{order_id}}/status": thing(
        CANCELLERS, "orders", order_id="order", personal=True, json=lambda _: {"status": "canceled", "note": "x"}
    ),
    f"PUT {V2}/request/{{request_id}}/status": thing(
        APPROVERS, "orders", request_id="request", json=lambda _: {"status": "approved"}
    ),
    f"GET {V2}/certificate/{{certificate_id}}/download/format/{{form}}": thing(
        EVERYBODY, "orders", certificate_id="certificate", form="pem_all", personal=True
    ),
    f"GET {V2}/certificate/download/order/{{order_id}}/format/{{form}}": thing(
        EVERYBODY, "orders", order_id="order", form="pem_all", personal=True
    ),
    f"GET {V2}/order/certificate/status-changes": listed(EVERYBODY, "orders"),
    f"GET {V2}/order/certificate/{{order_id}}/reissue": thing(EVERYBODY, "orders", order_id="order", personal=True),
    f"POST {V2}/order/certificate/{{order_id}}/reissue": thing(
        PLACERS, "orders", order_id="order", personal=True, json=lambda _: {"certificate": {"csr": csr()}}
    ),
    f"GET {V2}/order/certificate/{{order_id}}/duplicate": thing(EVERYBODY, "orders", order_id="order", personal=True),
    f"POST {V2}/order/certificate/{{order_id}}/duplicate": thing(
        PLACERS, "orders", order_id="order", personal=True, json=lambda _: {"certificate": {"csr": csr()}}
    ),
    f"PUT {V2}/order/certificate/{{order_id}}/auto-reissue": thing(
        PLACERS, "orders", order_id="order", personal=True, json=lambda _: {"auto_reissue": True}
    ),
    f"PUT {V2}/order/certificate/{{order_id}}/revoke": thing(
        CANCELLERS, "orders", order_id="order", personal=True, json=lambda _: {"reason": "superseded"}
    ),
    f"PUT {V2}/certificate/{{number}}/revoke": thing(
        CANCELLERS, "orders", number="certificate", personal=True, json=lambda _: {"reason": "superseded"}
    ),
    f"PUT {V2}/order/certificate/{{order_id}}/check-dcv": thing(
        CANCELLERS, "orders", order_id="order", personal=True
    ),
    f"PUT {V2}/order/certificate/{{order_id}}/dcv-method": thing(
        CANCELLERS, "orders", order_id="waiting", personal=True, json=lambda _: {"dcv_method": "dns-txt-token"}
    ),
    f"PUT {V2}/order/certificate/{{order_id}}/dcv-random-value": thing(
        CANCELLERS, "orders", order_id="waiting", personal=True
    ),
    f"PUT {V2}/order/certificate/{{order_id}}/resend-emails": thing(
        CANCELLERS, "orders", order_id="waiting", personal=True, json=lambda _: {}
    ),
    f"GET {V2}/order/certificate/{{order_id}}/note": thing(EVERYBODY, "orders", order_id="order", personal=True),
    f"POST {V2}/order/certificate/{{order_id}}/note": thing(
        CANCELLERS, "orders", order_id="order", personal=True, json=lambda _: {"text": "x"}
    ),
    f"PUT {V2}/order/certificate/{{order_id}}/note/{{note_id}}": thing(
        CANCELLERS, "orders", order_id="order", note_id="note", personal=True, json=lambda _: {"text": "x"}
    ),
    f"DELETE {V2}/order/certificate/{{order_id}}/note/{{note_id}}": thing(
        CANCELLERS, "orders", order_id="order", note_id="note", personal=True
    ),
    f"GET {V2}/request": listed(EVERYBODY, "orders"),
    f"GET {V2}/request/{{request_id}}": thing(EVERYBODY, "orders", request_id="request", personal=True),
    f"GET {V2}/certificate/{{certificate_id}}": thing(
        EVERYBODY, "orders", certificate_id="certificate", personal=True
    ),
    f"GET {V2}/certificate/{{certificate_id}}/chain": thing(
        EVERYBODY, "orders", certificate_id="certificate", personal=True
    ),
    f"GET {V2}/certificate/{{certificate_id}}/download/platform": thing(
        EVERYBODY, "orders", certificate_id="certificate", personal=True
    ),
    f"GET {V2}/certificate/{{certificate_id}}/download/platform/{{platform}}": thing(
        EVERYBODY, "orders", certificate_id="certificate", platform="platform", personal=True
    ),
    f"GET {V2}/certificate/download/order/{{order_id}}": thing(EVERYBODY, "orders", order_id="order", personal=True),
    f"GET {V2}/organization": listed(EVERYBODY, "organizations"),
    f"POST {V2}/organization": thing(
        ADDERS, "organizations", json=lambda place: {**ACME, "name": "New", "container": {"id": place["division"]}}
    ),
    f"GET {V2}/organization/{{organization_id}}": thing(
        EVERYBODY, "organizations", organization_id="organization"
    ),
    f"GET {V2}/organization/{{organization_id}}/validation": thing(
        EVERYBODY, "organizations", organization_id="organization"
    ),
    f"POST {V2}/organization/{{organization_id}}/validation": thing(
        ADDERS, "organizations", organization_id="organization", json=lambda _: {"validations": [{"type": "ov"}]}
    ),
    f"PUT {V2}/organization/{{organization_id}}/activate": thing(
        EDITORS | STAFF, "organizations", organization_id="organization"
    ),
    f"PUT {V2}/organization/{{organization_id}}/deactivate": thing(
        EDITORS | STAFF, "organizations", organization_id="organization"
    ),
    f"GET {V2}/user/me": own(EVERYBODY, "me"),
    f"GET {V2}/user": listed(MANAGERS, "users"),
    f"POST {V2}/user": shared_thing(MANAGERS, "users", json=lambda place: ANN | of_account(place)),
    f"GET {V2}/user/{{user_id}}": shared_thing(MANAGERS, "users", user_id="user"),
    f"PUT {V2}/user/{{user_id}}": shared_thing(MANAGERS, "users", user_id="user", json=lambda _: {"first_name": "X"}),
    f"DELETE {V2}/user/{{user_id}}": shared_thing(MANAGERS, "users", user_id="user"),
    f"POST {V2}/user/{{user_id}}/password-link": shared_thing(MANAGERS, "users", user_id="user"),
    f"GET {V2}/user/{{user_id}}/api-key": shared_thing(MANAGERS, "users", user_id="user"),
    f"POST {V2}/user/{{user_id}}/api-key": shared_thing(
        MANAGERS, "users", user_id="user", json=lambda _: {"name": "x", "restricted_to_role_id": 103}
    ),
    f"DELETE {V2}/user/{{user_id}}/api-key/{{key_id}}": shared_thing(MANAGERS, "users", user_id="user", key_id="key"),
    f"GET {V2}/account": shared_thing(EVERYBODY, "account", query=of_account),
    f"PUT {V2}/account": shared_thing(MANAGERS, "account", json=lambda place: {"legal_name": "X"} | of_account(place)),
    f"GET {V2}/account/metadata": shared_thing(EVERYBODY, "fields", query=of_account),
    f"POST {V2}/account/metadata": shared_thing(
        MANAGERS, "account", json=lambda place: {"label": "X"} | of_account(place)
    ),
    f"PUT {V2}/account/metadata/{{field_id}}": shared_thing(
        MANAGERS, "account", field_id="field", json=lambda place: {"label": "X"} | of_account(place)
    ),
    f"GET {V2}/container": listed(EVERYBODY, "divisions", query=of_account),
    f"GET {V2}/container/{{container_id}}": thing(EVERYBODY, "divisions", container_id="division"),
    f"GET {V2}/container/{{container_id}}/template": thing(EVERYBODY, "divisions", container_id="division"),
    f"PUT {V2}/container/{{container_id}}": thing(
        MANAGERS, "divisions", container_id="division", json=lambda _: {"description": "X"}
    ),
    f"POST {V2}/container/{{container_id}}/children": thing(
        MANAGERS, "divisions", container_id="division", json=lambda _: {"name": "Child"}
    ),
    f"GET {V2}/product": listed(EVERYBODY, "products", query=of_account),
    f"GET {V2}/product/{{name_id}}": thing(
        EVERYBODY, "products", name_id="product", query=lambda place: {"container_id": place["division"]}
    ),
}  # fmt: skip

PAGES: dict[str, Rule] = {
    "GET /": public(),
    "GET /sign-in": public(),
    "POST /sign-in": public(form=lambda _: {"email": "nobody@acme.example", "password": "x"}),
    "POST /sign-out": public(),
    "GET /orders": listed(EVERYBODY),
    "GET /orders/list.csv": listed(EVERYBODY),
    "GET /orders/new": alone(PLACERS),
    "POST /orders/new": thing(PLACERS, form=order_form),
    "GET /orders/requests": listed(APPROVERS),
    "GET /orders/requests/{request_id}/approve": thing(APPROVERS, request_id="request"),
    "POST /orders/requests/{request_id}/approve": thing(APPROVERS, request_id="request"),
    "GET /orders/requests/{request_id}/reject": thing(APPROVERS, request_id="request"),
    "POST /orders/requests/{request_id}/reject": thing(
        APPROVERS, request_id="request", form=lambda _: {"reason": "x"}
    ),
    "GET /orders/{order_id}/renew": thing(PLACERS, order_id="order", personal=True),
    "GET /orders/{order_id}/reissue": thing(PLACERS, order_id="order", personal=True),
    "POST /orders/{order_id}/reissue": thing(PLACERS, order_id="order", personal=True),
    "GET /orders/{order_id}/duplicate": thing(PLACERS, order_id="order", personal=True),
    "POST /orders/{order_id}/duplicate": thing(PLACERS, order_id="order", personal=True),
    "GET /orders/{order_id}/revoke": thing(CANCELLERS, order_id="order", personal=True),
    "POST /orders/{order_id}/revoke": thing(
        CANCELLERS, order_id="order", form=lambda _: {"reason": "superseded"}, personal=True
    ),
    "POST /orders/{order_id}/emails": thing(CANCELLERS, order_id="waiting", personal=True),
    "POST /orders/{order_id}/check": thing(CANCELLERS, order_id="waiting", personal=True),
    "POST /orders/{order_id}/method": thing(
        CANCELLERS, order_id="waiting", form=lambda _: {"dcv_method": "dns-txt-token"}, personal=True
    ),
    "POST /orders/{order_id}/auto-reissue": thing(
        PLACERS, order_id="order", form=lambda _: {"on": "1"}, personal=True
    ),
    "POST /orders/{order_id}/notes": thing(
        CANCELLERS, order_id="order", form=lambda _: {"text": "x"}, personal=True
    ),
    "POST /orders/{order_id}/notes/{note_id}/delete": thing(
        CANCELLERS, order_id="order", note_id="note", personal=True
    ),
    "GET /orders/{order_id}": thing(EVERYBODY, order_id="order", personal=True),
    "GET /orders/{order_id}/certificate.pem": thing(EVERYBODY, order_id="order", personal=True),
    "GET /orders/{order_id}/{deed}": thing(EVERYBODY, order_id="order", deed="cancel", personal=True),
    "POST /orders/{order_id}/approve": thing(APPROVERS, order_id="waiting"),
    "POST /orders/{order_id}/reject": thing(APPROVERS, order_id="waiting", form=lambda _: {"reason": "x"}),
    "POST /orders/{order_id}/cancel": thing(
        CANCELLERS, order_id="order", form=lambda _: {"reason": "x"}, personal=True
    ),
    "GET /pki/{key_id}.crl": public(key_id="pem_all"),
    "GET /pki/{key_id}.cer": public(key_id="pem_all"),
    "GET /organizations": listed(EVERYBODY),
    "POST /organizations": thing(ADDERS, form=lambda place: {**ACME, "name": "New", "division": place["division"]}),
    "GET /organizations/new": listed(ADDERS),
    "GET /organizations/queue": alone(STAFF),
    "GET /organizations/{organization_id}": thing(EVERYBODY, organization_id="organization"),
    "GET /organizations/{organization_id}/edit": thing(EDITORS, organization_id="organization"),
    "POST /organizations/{organization_id}/edit": thing(EDITORS, organization_id="organization", form=lambda _: ACME),
    "POST /organizations/{organization_id}/validation": thing(
        ADDERS, organization_id="organization", form=lambda _: {"level": "ov"}
    ),
    "POST /organizations/{organization_id}/contacts": thing(
        ADDERS, organization_id="organization", form=lambda _: {"contact_type": "organization_contact"}
    ),
    "GET /organizations/{organization_id}/deactivate": thing(EDITORS | STAFF, organization_id="organization"),
    "POST /organizations/{organization_id}/{deed}": thing(
        EDITORS | STAFF, organization_id="organization", deed="deactivate"
    ),
    "GET /organizations/{organization_id}/vetting": thing(STAFF, organization_id="organization"),
    "POST /organizations/{organization_id}/record": thing(STAFF, organization_id="organization", form=lambda _: {}),
    "POST /organizations/{organization_id}/checks": thing(STAFF, organization_id="organization", form=lambda _: {}),
    "GET /account": shared_thing(EVERYBODY, query=of_account),
    "GET /account/details": shared_thing(MANAGERS, query=of_account),
    "POST /account/details": shared_thing(MANAGERS, query=of_account, form=lambda _: {"name": "X"}),
    "GET /account/open": alone(STAFF),
    "POST /account/open": alone(STAFF, form=lambda _: {"name": "X", "currency": "EUR", **PERSON}),
    "GET /account/password": own(),
    "POST /account/password": own(form=lambda _: {"current": "correct horse battery staple", **NEW_PASSWORD}),
    "GET /account/new-password": public(query=lambda _: {"token": "t"}),
    "POST /account/new-password": public(form=lambda _: {"token": "t", **NEW_PASSWORD}),
    "GET /account/divisions": listed(EVERYBODY, query=of_account),
    "POST /account/divisions": shared_thing(
        MANAGERS, query=of_account, form=lambda place: {"parent": place["division"], "name": "X"}
    ),
    "GET /account/divisions/{division_id}": thing(EVERYBODY, division_id="division"),
    "POST /account/divisions/{division_id}": thing(
        MANAGERS, division_id="division", form=lambda _: {"name": "X"}
    ),
    "GET /account/users": listed(MANAGERS, query=of_account),
    "GET /account/users/new": shared_thing(MANAGERS, query=of_account),
    "POST /account/users/new": shared_thing(MANAGERS, query=of_account, form=lambda _: PERSON),
    "GET /account/users/{user_id}": shared_thing(MANAGERS, user_id="user"),
    "POST /account/users/{user_id}": shared_thing(MANAGERS, user_id="user", form=lambda _: PERSON),
    "POST /account/users/{user_id}/disable": shared_thing(MANAGERS, user_id="user"),
    "POST /account/users/{user_id}/enable": shared_thing(MANAGERS, user_id="user"),
    "POST /account/users/{user_id}/link": shared_thing(MANAGERS, user_id="user"),
    "POST /account/users/{user_id}/password": shared_thing(MANAGERS, user_id="user", form=lambda _: NEW_PASSWORD),
    "POST /account/users/{user_id}/keys": shared_thing(
        MANAGERS, user_id="user", form=lambda _: {"name": "x", "once": "1"}
    ),
    "GET /account/users/{user_id}/keys/{key_id}/revoke": shared_thing(MANAGERS, user_id="user", key_id="key"),
    "POST /account/users/{user_id}/keys/{key_id}/revoke": shared_thing(MANAGERS, user_id="user", key_id="key"),
    "GET /account/keys": shared_thing(MANAGERS, query=of_account),
    "POST /account/keys": shared_thing(
        MANAGERS, query=of_account,
        form=lambda _: {"name": "CI", "email": "ci@acme.example", "role": "manager", "once": "1"},
    ),
    "GET /account/fields": shared_thing(MANAGERS, query=of_account),
    "POST /account/fields": shared_thing(
        MANAGERS, query=of_account, form=lambda _: {"label": "X", "data_type": "text"}
    ),
    "POST /account/fields/{field_id}": shared_thing(
        MANAGERS, field_id="field", query=of_account, form=lambda _: {"label": "X", "data_type": "text"}
    ),
}  # fmt: skip
RULES = API | PAGES
