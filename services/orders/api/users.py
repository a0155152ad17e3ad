"""Users, service users and their API keys (certcentral-api 7)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from services.orders import actions, queries
from services.orders.api.facts import Moment
from services.orders.api.fields import Text, number
from services.orders.api.people import UserBody, homes, shown
from services.orders.models import ApiKey
from services.orders.rules import secrets
from services.orders.rules.links import password_link
from services.orders.rules.roles import KEY_ROLES, ROLES, role_of
from shared.access import Caller
from shared.errors import NotFound
from shared.listing import Listing, parse_listing
from shared.web import Body, Once, Tx, Who, now

router = APIRouter(prefix="/services/v2/user")


def user_number(user_id: Annotated[str, Path()]) -> int:
    return number(user_id, "not_found|user", "user")


def key_number(key_id: Annotated[str, Path()]) -> int:
    return number(key_id, "not_found|api_key", "API key")


UserNumber = Annotated[int, Depends(user_number)]
KeyNumber = Annotated[int, Depends(key_number)]


@router.get("/me")
async def me(tx: Tx, who: Who) -> dict[str, Any]:
    who.require(*ROLES)
    user = await queries.user(tx, who.user_id)
    if user is None:
        raise NotFound("This key stands for no user any more.", "not_found|user")
    return shown(user, await homes(tx, [user]))


@router.get("")
async def list_users(request: Request, tx: Tx, who: Who) -> JSONResponse:
    listing = parse_listing(
        request.query_params.multi_items(), queries.USER_FILTERS, queries.USER_COLUMNS, ("account_id", "container_id")
    )
    users, total = await queries.listed_users(tx, await _wanted(tx, who, listing))
    found = await homes(tx, users)
    page = {"total": total, "limit": listing.limit, "offset": listing.offset}
    return JSONResponse({"users": [shown(user, found) for user in users], "page": page})


async def _wanted(tx: Tx, who: Caller, listing: Listing) -> queries.Listed:
    named = (
        number(listing.one("account_id") or "0", "not_found|account", "account") if listing.one("account_id") else None
    )
    role = listing.one("role_id")
    chosen = role_of(number(role, "not_found|role", "role")) if role else None
    account = None if who.is_operator and named is None else await actions.account_of(tx, who, named)
    actions.require_manager(who)
    return queries.Listed(account.id if account else None, listing, chosen)


@router.post("", status_code=201)
async def add_user(body: UserBody, tx: Tx, who: Who, once: Once) -> JSONResponse:
    """A service user gets its key with it. The key is told this once: a repeated request is answered without it."""

    async def added() -> dict[str, Any]:
        if not body.is_api_only:
            return {"id": (await actions.create_user(tx, who, body.account_id, body.details(), now())).id}
        key = secrets.api_key()
        user = await actions.create_service_user(
            tx, who, body.account_id, body.details(), body.restricted_to_role_id, key, now()
        )
        return {"id": user.id, "api_key": key}

    return await once(tx, 201, added, told_once=("api_key",))


@router.get("/{user_id}")
async def show_user(user_id: UserNumber, tx: Tx, who: Who) -> dict[str, Any]:
    who.require(*ROLES)
    user = await actions.user_in_sight(tx, who, user_id)
    return shown(user, await homes(tx, [user]))


@router.put("/{user_id}", status_code=204, response_class=Response)
async def change_user(user_id: UserNumber, body: UserBody, tx: Tx, who: Who) -> Response:
    who.require(*ROLES)
    is_active = body.is_active
    await actions.change_user(tx, who, user_id, body.change(), now())
    if is_active is not None:
        await (actions.enable_user if is_active else actions.disable_user)(tx, who, user_id, now())
    return Response(status_code=204)


@router.delete("/{user_id}", status_code=204, response_class=Response)
async def remove_user(user_id: UserNumber, tx: Tx, who: Who) -> Response:
    """It is disabled: what it ordered stays, and keeps its name."""
    who.require(*ROLES)
    await actions.disable_user(tx, who, user_id, now())
    return Response(status_code=204)


@router.post("/{user_id}/password-link", status_code=201)
async def make_password_link(request: Request, user_id: UserNumber, tx: Tx, who: Who) -> dict[str, Any]:
    """Issuary's own: whoever opens it sets the password, once."""
    who.require(*ROLES)
    token = secrets.link_token()
    until = await actions.offer_password_link(tx, who, user_id, token, now())
    url = password_link(request.app.state.settings.base_url, token)
    return {"url": url, "expires_at": until.isoformat(timespec="seconds")}


# ── their keys, Issuary's own ────────────────────────────────────────────────────────────────────────────────────────


class KeyShape(BaseModel):
    id: int
    name: str
    restricted_to_role_id: int
    restriction: str
    date_created: Moment
    status: str
    date_revoked: Moment | None


class KeyBody(Body):
    name: Text = ""
    restricted_to_role_id: int = 0


@router.get("/{user_id}/api-key")
async def list_keys(user_id: UserNumber, tx: Tx, who: Who) -> JSONResponse:
    who.require(*ROLES)
    user = await actions.user_in_sight(tx, who, user_id)
    keys = [_key(key) for key in await queries.keys_of(tx, [user.id])]
    return JSONResponse({"api_keys": keys})


@router.post("/{user_id}/api-key", status_code=201)
async def make_key(user_id: UserNumber, body: KeyBody, tx: Tx, who: Who, once: Once) -> JSONResponse:
    async def made() -> dict[str, Any]:
        who.require(*ROLES)
        key = secrets.api_key()
        row = await actions.create_api_key(tx, who, user_id, body.name, body.restricted_to_role_id, key, now())
        return {"id": row.id, "api_key": key}

    return await once(tx, 201, made, told_once=("api_key",))


@router.delete("/{user_id}/api-key/{key_id}", status_code=204, response_class=Response)
async def revoke_key(user_id: UserNumber, key_id: KeyNumber, tx: Tx, who: Who) -> Response:
    who.require(*ROLES)
    await actions.revoke_key(tx, who, user_id, key_id, now())
    return Response(status_code=204)


def _key(key: ApiKey) -> dict[str, Any]:
    return KeyShape(
        id=key.id,
        name=key.name,
        restricted_to_role_id=key.key_role,
        restriction=KEY_ROLES.get(key.key_role, ""),
        date_created=key.created_at,
        status="revoked" if key.revoked_at else "active",
        date_revoked=key.revoked_at,
    ).model_dump(mode="json", exclude_none=True)
