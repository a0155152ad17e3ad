"""What clients get of a user, and what they send of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import queries
from services.orders.actions import UserChange, UserDetails
from services.orders.api.facts import Moment
from services.orders.api.fields import Id, Reference, Text
from services.orders.models import AppUser, Division
from services.orders.rules.roles import ROLES, role_of
from shared.errors import Rejected
from shared.web import Body


class Role(BaseModel):
    id: int
    name: str


class Home(BaseModel):
    id: int
    name: str


class UserShape(BaseModel):
    id: int
    username: str
    account_id: int
    first_name: str
    last_name: str
    email: str
    job_title: str
    telephone: str
    status: str
    last_login_date: Moment | None
    type: str
    is_api_only: bool
    has_container_assignments: bool
    container_id_assignments: list[int]
    access_roles: list[Role]
    container: Home | None


@dataclass(frozen=True)
class Homes:
    """The division a user begins in: the first assigned, else the account's top-level one."""

    names: dict[int, str]
    tops: dict[int, Division]

    def of(self, user: AppUser) -> Home | None:
        if user.divisions:
            return Home(id=user.divisions[0], name=self.names.get(user.divisions[0], ""))
        top = self.tops.get(user.account_id or 0)
        return Home(id=top.id, name=top.name) if top else None


async def homes(tx: AsyncSession, users: Sequence[AppUser]) -> Homes:
    assigned = {user.divisions[0] for user in users if user.divisions}
    accounts = {user.account_id for user in users if user.account_id}
    return Homes(await queries.divisions_named(tx, assigned), await queries.top_levels(tx, accounts))


def shown(user: AppUser, found: Homes) -> dict[str, Any]:
    number, role = ROLES[user.role]
    return UserShape(
        id=user.id,
        username=user.email,
        account_id=user.account_id or 0,
        first_name=user.first_name,
        last_name=user.last_name,
        email=user.email,
        job_title=user.job_title,
        telephone=user.telephone,
        status="inactive" if user.disabled_at else "active",
        last_login_date=user.last_sign_in_at,
        type="service" if user.is_api_only else "standard",
        is_api_only=user.is_api_only,
        has_container_assignments=bool(user.divisions),
        container_id_assignments=user.divisions,
        access_roles=[Role(id=number, name=role)],
        container=found.of(user),
    ).model_dump(mode="json", exclude_none=True)


class UserBody(Body):
    """`has_container_assignments: false` takes the divisions away: an empty list means that nothing was said (T6)."""

    username: Text | None = None
    email: Text | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    job_title: Text | None = None
    telephone: Text | None = None
    access_roles: tuple[Reference, ...] = ()
    container_id_assignments: tuple[Id, ...] = ()
    has_container_assignments: bool | None = None
    status: str | None = None
    account_id: Id = None
    is_api_only: bool = False
    api_name: Text | None = None
    restricted_to_role_id: int = 0

    @property
    def role(self) -> str | None:
        numbers = [role.id for role in self.access_roles if role.id]
        if len(numbers) > 1:
            raise Rejected("A user has one role; give one in access_roles.")
        return role_of(numbers[0]) if numbers else None

    @property
    def divisions(self) -> tuple[int, ...] | None:
        ids = tuple(number for number in self.container_id_assignments if number)
        return ids or (() if self.has_container_assignments is False else None)

    @property
    def is_active(self) -> bool | None:
        if self.status is None:
            return None
        if self.status.lower() not in ("active", "inactive"):
            raise Rejected(f'A user\'s status is "active" or "inactive", not "{self.status[:40]}".')
        return self.status.lower() == "active"

    def details(self) -> UserDetails:
        """A service user is the account's own hand, so it may what an administrator may, less its key's restriction."""
        role = self.role or ("administrator" if self.is_api_only else None)
        if role is None:
            raise Rejected('access_roles is missing; give the role, like [{"id": 5}].')
        return UserDetails(
            email=self.email or self.username or "",
            first_name="" if self.is_api_only else (self.first_name or ""),
            last_name=(self.api_name if self.is_api_only else None) or self.last_name or "",
            role=role,
            divisions=self.divisions or (),
            job_title=self.job_title or "",
            telephone=self.telephone or "",
            is_api_only=self.is_api_only,
        )

    def change(self) -> UserChange:
        return UserChange(
            self.email or self.username, self.first_name, self.api_name or self.last_name, self.job_title,
            self.telephone, self.role, self.divisions,
        )  # fmt: skip
