"""Roles of users, and what an API key may be restricted to (certcentral-api 2.2)."""

from shared.errors import Rejected

OPERATOR = "operator"
ROLES = {
    "administrator": (1, "Administrator"),
    "limited_user": (2, "Limited user"),
    "finance_manager": (3, "Finance manager"),
    "manager": (4, "Manager"),
    "standard_user": (5, "Standard user"),
    OPERATOR: (9, "Operator"),
}
OF_ACCOUNTS = tuple(role for role in ROLES if role != OPERATOR)
KEY_ROLES = {
    0: "No restriction",
    100: "Orders",
    101: "Orders, domains, organizations",
    102: "View only",
    103: "User management",
}
USER_MANAGEMENT = 103
_BY_ID = {number: role for role, (number, _) in ROLES.items()}


def role_of(number: int) -> str:
    if number not in _BY_ID:
        known = ", ".join(f"{number} ({ROLES[role][1]})" for number, role in sorted(_BY_ID.items()))
        raise Rejected(f"There is no role {number}; use {known}.")
    return _BY_ID[number]


def check_role(role: str, of_staff: bool) -> str:
    if of_staff and role != OPERATOR:
        raise Rejected("The staff of the certificate authority has the role operator.")
    if not of_staff and role not in OF_ACCOUNTS:
        raise Rejected(f'There is no role "{role[:40]}" in an account; use {", ".join(OF_ACCOUNTS)}.')
    return role


def check_key_role(key_role: int) -> int:
    if key_role not in KEY_ROLES:
        known = ", ".join(f"{number} ({name})" for number, name in KEY_ROLES.items())
        raise Rejected(f"An API key cannot be restricted to {key_role}; use {known}.")
    return key_role
