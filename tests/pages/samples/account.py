from datetime import timedelta
from typing import Any

from services.orders.actions import DATA_TYPES
from services.orders.models import Account, ApiKey, AppUser, CustomField, Division
from services.orders.pages.divisions import tree
from services.orders.pages.fields import TYPES
from services.orders.rules.products import CATALOGUE
from services.orders.rules.roles import KEY_ROLES, OF_ACCOUNTS, ROLES
from tests.pages.samples.base import CARA, NOW, OLE, Sample, caller

ADA = caller("Ada King", "administrator")
ACME = Account(
    id=9001, name="Acme Example Inc.", legal_name="Acme Example Holding Gesellschaft mit beschränkter Haftung",
    currency="EUR", address={"line1": "1 Main Street", "postcode": "84043", "city": "Lehi", "country": "US"},
    vat_number="DE123456789", buyer_reference=None, billing_emails=["ap@acme.example", "books@acme.example"],
    opened_at=NOW,
)  # fmt: skip
BARE = Account(id=9002, name="Globex", currency="JPY", address=None, billing_emails=[], opened_at=NOW)
LONG = "Rechenzentren Mitteleuropa und angeschlossene Beteiligungsgesellschaften"


def division(id: int, name: str, parent: int | None = None, active: bool = True, text: str = "") -> Division:
    return Division(
        id=id, name=name, parent_id=parent, is_active=active, description=text, account_id=9001, product_name_ids=[],
        created_at=NOW,
    )  # fmt: skip


MAIN = division(14, "Main")
LABS = division(17, LONG, 15, active=False)
DIVISIONS = [MAIN, division(15, "Hosting", 14, text="Servers for customers"), division(16, "Labs", 14), LABS]


def user(id: int, name: str, role: str, divisions: tuple[int, ...] = (), **facts: Any) -> AppUser:
    first, _, last = name.partition(" ")
    told = {"is_api_only": False, "job_title": "", "telephone": "", "disabled_at": None, "last_sign_in_at": NOW,
            "password_hash": "x", "link_until": None}  # fmt: skip
    return AppUser(
        id=id, account_id=9001, email=f"{first.lower()}@acme.example", first_name=first if last else "",
        last_name=last or name, role=role, divisions=list(divisions),
        created_at=NOW, **told | facts,
    )  # fmt: skip


ANN = user(151, "Ann Lee", "administrator")
OLE_USER = user(152, "Ole Strand-Featherstonehaugh", "limited_user", (14, 15, 16, 17), disabled_at=NOW)
ROBOT = user(153, "deploy pipeline, Hosting", "administrator", (15,), is_api_only=True,
             last_sign_in_at=None)  # fmt: skip
NEW = user(154, "Nia Berg", "manager", password_hash=None, link_until=NOW + timedelta(hours=20), last_sign_in_at=None)


def key(id: int, name: str, role: int = 0, revoked: bool = False) -> ApiKey:
    return ApiKey(id=id, name=name, key_role=role, created_at=NOW, revoked_at=NOW if revoked else None)


KEYS = [key(1501, "deploy"), key(1502, "a-script-that-somebody-wrote-in-2019", 101, revoked=True), key(1503, "hr", 103)]
FIELDS = [
    CustomField(
        id=1, label="Cost centre", description="Four digits", data_type="int", is_required=True, is_active=True
    ),
    CustomField(id=2, label="Ticket", description="", data_type="text", is_required=False, is_active=True),
    CustomField(id=3, label=LONG, description="", data_type="email_list", is_required=False, is_active=False),
]
CHOICES = [(role, ROLES[role][1]) for role in OF_ACCOUNTS]
SPOTS = [(str(one.id), one.name) for one in DIVISIONS]
NAMES = {one.id: one.name for one in DIVISIONS}
PAGED = {"search": "", "first": "", "next": ""}
USERS = PAGED | {
    "rows": [ANN, OLE_USER, ROBOT, NEW], "account": ACME, "names": {9001: ACME.name}, "divisions": NAMES,
    "add": "/account/users/new",
}  # fmt: skip
TREE = {
    "account": ACME, "rows": list(tree(DIVISIONS)), "may_manage": True, "parents": [(14, "Main"), (15, "Hosting")],
    "form": {}, "action": "/account/divisions", "error": "",
}  # fmt: skip


def one_division(of: Division, **more: Any) -> dict[str, Any]:
    products = [(each.name_id, each.name) for each in CATALOGUE]
    return {"division": of, "parent": MAIN if of.parent_id else None, "may_manage": True, "products": products,
            "children": [], "back": "/account/divisions", "error": "", **more}  # fmt: skip


def one_user(of: AppUser, **more: Any) -> dict[str, Any]:
    names = ("email", "first_name", "last_name", "job_title", "telephone", "role")
    return {"user": of, "account": ACME, "form": {name: getattr(of, name) for name in names}, "choices": CHOICES,
            "divisions": SPOTS, "chosen": {str(one) for one in of.divisions}, "keys": KEYS, "restrictions": KEY_ROLES,
            "once": "1", "here": f"/account/users/{of.id}", "back": "/account/users", "error": "", "at": NOW,
            **more}  # fmt: skip


NEW_USER = {"account": ACME, "form": {}, "choices": CHOICES, "divisions": SPOTS, "chosen": set(),
            "action": "/account/users/new", "back": "/account/users", "error": ""}  # fmt: skip
STAFF = NEW_USER | {"account": None, "choices": [("operator", "Operator")], "divisions": [], "error": "No address."}
ALL_KEYS = {
    "rows": [(KEYS[0], ANN), (KEYS[1], ROBOT), (KEYS[2], OLE_USER)], "account": ACME, "form": {"role": "administrator"},
    "restrictions": KEY_ROLES, "all_roles": CHOICES, "divisions": SPOTS, "chosen": set(), "once": "1", "error": "",
    "action": "/account/keys", "first": "", "next": "",
}  # fmt: skip
CUSTOM = {"rows": FIELDS, "account": ACME, "edited": None, "types": [(name, TYPES[name]) for name in DATA_TYPES],
          "form": {}, "here": "/account/fields", "base": "/account/fields", "suffix": "", "error": ""}  # fmt: skip
FORM = {"account": ACME, "form": {"name": ACME.name}, "error": "", "back": "/account", "action": "/account/details"}
KEY = "4f1c2b7d90aa5e7f3c1b4f1c2b7d90aa5e7f3c1b4f1c2b7d90aa5e7f3c1bd0e9"
LINK = f"https://certificates.acme.example/account/new-password?token={KEY}"

SAMPLES = [
    Sample("account", "orders", "account.html", "/account", ADA, {"account": ACME, "may_manage": True, "suffix": ""}),
    Sample("account-limited", "orders", "account.html", "/account", OLE,
           {"account": BARE, "may_manage": False, "suffix": ""}),
    Sample("accounts", "orders", "accounts.html", "/account", CARA,
           PAGED | {"rows": [ACME, BARE], "next": "/account?after=9002"}),
    Sample("accounts-none", "orders", "accounts.html", "/account", CARA, PAGED | {"rows": [], "search": "Initech"}),
    Sample("account-details", "orders", "account_form.html", "/account/details", ADA, FORM),
    Sample("account-open", "orders", "account_form.html", "/account/open", CARA,
           FORM | {"account": None, "form": {}, "error": "There is a user ann@acme.example already."}),
    Sample("account-divisions", "orders", "divisions.html", "/account/divisions", ADA, TREE),
    Sample("account-divisions-seen", "orders", "divisions.html", "/account/divisions", OLE,
           TREE | {"may_manage": False}),
    Sample("account-divisions-refused", "orders", "divisions.html", "/account/divisions", ADA,
           TREE | {"error": 'There is a division "Labs" there already; give another name.', "form": {"name": "Labs"}}),
    Sample("account-division", "orders", "division.html", "/account/divisions/15", ADA,
           one_division(DIVISIONS[1], children=[LABS])),
    Sample("account-division-top", "orders", "division.html", "/account/divisions/14", ADA,
           one_division(MAIN, children=DIVISIONS[1:3], error="Main has active sub-divisions; deactivate them first.")),
    Sample("account-division-inactive", "orders", "division.html", "/account/divisions/17", OLE,
           one_division(LABS, may_manage=False)),
    Sample("users", "orders", "users.html", "/account/users", ADA, USERS),
    Sample("users-of-all", "orders", "users.html", "/account/users", CARA,
           USERS | {"account": None, "next": "?after=1"}),
    Sample("users-none", "orders", "users.html", "/account/users", ADA, USERS | {"rows": [], "search": "Zoe"}),
    Sample("user", "orders", "user.html", "/account/users/151", ADA, one_user(ANN)),
    Sample("user-new-one", "orders", "user.html", "/account/users/154", ADA, one_user(NEW, keys=[])),
    Sample("user-service", "orders", "user.html", "/account/users/153", ADA, one_user(ROBOT)),
    Sample("user-disabled", "orders", "user.html", "/account/users/152", CARA,
           one_user(OLE_USER, error="Ann Lee is the last administrator of the whole account; make another one first.")),
    Sample("user-add", "orders", "user_new.html", "/account/users/new", ADA, NEW_USER),
    Sample("user-add-operator", "orders", "user_new.html", "/account/users/new", CARA, STAFF),
    Sample("api-keys", "orders", "api_keys.html", "/account/keys", ADA, ALL_KEYS),
    Sample("api-keys-none", "orders", "api_keys.html", "/account/keys", CARA,
           ALL_KEYS | {"rows": [], "error": "The name of the key is missing; give it."}),
    Sample("api-key-made", "orders", "secret.html", "/account/keys", ADA,
           {"kind": "key", "secret": KEY, "user": ROBOT, "name": ROBOT.name, "back": "/account/keys"}),
    Sample("password-link-made", "orders", "secret.html", "/account/users/154/link", ADA,
           {"kind": "link", "secret": LINK, "user": NEW, "until": NOW, "back": "/account/users/154"}),
    Sample("custom-fields", "orders", "custom_fields.html", "/account/fields", ADA, CUSTOM),
    Sample("custom-field", "orders", "custom_fields.html", "/account/fields", ADA, CUSTOM | {"edited": FIELDS[0]}),
    Sample("custom-fields-none", "orders", "custom_fields.html", "/account/fields", ADA,
           CUSTOM | {"rows": [], "error": "The label is missing; give it."}),
    Sample("own-password", "orders", "own_password.html", "/account/password", OLE, {"error": ""}),
    Sample("own-password-wrong", "orders", "own_password.html", "/account/password", OLE,
           {"error": "The current password is not right; type the one you signed in with."}),
    Sample("new-password", "orders", "new_password.html", "/account/new-password", None,
           {"user": NEW, "token": KEY, "error": ""}),
    Sample("new-password-late", "orders", "new_password.html", "/account/new-password", None,
           {"user": None, "token": "", "error": "This link was used already, or is too old; ask for another one."}),
]  # fmt: skip
