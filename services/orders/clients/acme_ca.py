"""A CA that speaks ACME (RFC 8555). The library is synchronous, so each call runs in a thread, one at a time."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import requests
from acme import challenges, errors, messages
from acme.client import ClientNetwork, ClientV2
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from josepy.errors import DeserializationError
from josepy.jwa import ES256, RS256
from josepy.jwk import JWK, JWKEC, JWKRSA
from josepy.util import ComparableECKey, ComparableRSAKey

from services.orders.clients.dns_update import Zone, ZoneRefused
from services.orders.clients.problems import AcmeNotYet, AcmeOver, AcmeRefused
from services.orders.rules.received import blocks
from services.orders.rules.revocation import REASONS
from shared.settings import SettingsRefused

Result = TypeVar("Result")

NETWORK_TIMEOUT = 15
SOON_OVER = ("badNonce", "serverInternal")
PATIENCE = timedelta(seconds=40)  # for the CA to prove or to sign; then the order rests and is gone on with


@dataclass(frozen=True)
class Account:
    directory: str
    key: str = field(repr=False)
    roots: str = field(repr=False)
    ca: str = field(default="", repr=False)
    contact: str = ""
    eab_id: str = ""
    eab_key: str = field(default="", repr=False)


class AcmeCa:
    def __init__(self, account: Account, zone: Zone | None) -> None:
        self._account, self._zone = account, zone
        self._key = _key_of(account.key)
        self._roots = blocks(account.roots)
        self._trust = _as_file(account.ca) if account.ca else None
        self._client: ClientV2 | None = None
        self._one_at_a_time = asyncio.Lock()

    async def order(self, names: Sequence[str]) -> str:
        """A new order; its address."""
        return await self._run(lambda client: self._order(client, names))

    async def prove(self, url: str) -> None:
        """The CA's own proof of each name: what it takes for proven already is left, the rest is proven by DNS."""
        await self._run(lambda client: self._prove(client, url))

    async def finalize(self, url: str, csr: str) -> tuple[str, tuple[str, str]]:
        """The certificate with its intermediate and root. An order that is finalized already is only fetched."""
        return await self._run(lambda client: self._finalize(client, url, csr))

    async def is_finalized(self, url: str) -> bool:
        """Whether there is, or will be, a certificate."""
        return await self._run(lambda client: _order_at(client, url).body.status.name in ("processing", "valid"))

    async def revoke(self, pem: str, reason: str) -> None:
        await self._run(lambda client: _revoke(client, pem, reason))

    async def _run(self, call: Callable[[ClientV2], Result]) -> Result:
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._called, call)

    def _called(self, call: Callable[[ClientV2], Result]) -> Result:
        with _in_words():
            self._client = self._client or self._connect()
            return call(self._client)

    def _connect(self) -> ClientV2:
        algorithm = ES256 if isinstance(self._key, JWKEC) else RS256
        net = ClientNetwork(self._key, alg=algorithm, user_agent="Issuary", timeout=NETWORK_TIMEOUT)
        if self._trust:
            net.verify_ssl = self._trust  # type: ignore[assignment]  # handed on to requests, which takes a path
        client = ClientV2(ClientV2.get_directory(self._account.directory, net), net)
        net.account = self._registration(client)
        return client

    def _registration(self, client: ClientV2) -> messages.RegistrationResource:
        """The account of this key; it is made where there is none yet (RFC 8555 7.3)."""
        new = messages.NewRegistration.from_data(
            email=self._account.contact or None,
            terms_of_service_agreed=True,
            external_account_binding=self._external(client),
        )
        try:
            return client.new_account(new)
        except errors.ConflictError as known:
            return messages.RegistrationResource(uri=known.location, body=messages.Registration())

    def _external(self, client: ClientV2) -> Any:
        if not self._account.eab_id:
            return None
        return messages.ExternalAccountBinding.from_data(
            account_public_key=self._key.public_key(),
            kid=self._account.eab_id,
            hmac_key=self._account.eab_key,
            directory=client.directory,
        )

    def _order(self, client: ClientV2, names: Sequence[str]) -> str:
        identifiers = [messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=name) for name in names]
        wish = messages.NewOrder(identifiers=identifiers)
        response = client.net.post(client.directory["newOrder"], wish, new_nonce_url=client.directory["newNonce"])
        return str(response.headers["Location"])

    def _prove(self, client: ClientV2, url: str) -> None:
        order = _order_at(client, url)
        if order.body.status != messages.STATUS_PENDING:
            return
        published: list[tuple[str, str]] = []
        try:
            waiting = [each for each in order.authorizations if each.body.status == messages.STATUS_PENDING]
            asked = [self._publish(authorization, published) for authorization in waiting]
            if published and self._zone:
                time.sleep(self._zone.wait)
            for challenge in asked:
                client.answer_challenge(challenge, challenge.response(self._key))
            client.poll_authorizations(order, _until())
        except errors.ValidationError as error:
            raise AcmeOver(self._unproven(error)) from error
        finally:
            self._withdraw(published)

    def _publish(self, authorization: Any, published: list[tuple[str, str]]) -> Any:
        name = _name_of(authorization)
        if self._zone is None:
            raise AcmeRefused(
                f"the CA wants its own proof of {name}, and no zone is set for it: set ISSUARY_ORDERS_ACME_DNS_SERVER "
                "and what belongs to it, or have the names authorized for the account"
            )
        for challenge in authorization.body.challenges:
            if isinstance(challenge.chall, challenges.DNS01):
                text = challenge.validation(self._key)
                self._zone.publish(name, text)
                published.append((name, text))
                return challenge
        raise AcmeRefused(f"the CA offers no DNS challenge for {name}")

    def _withdraw(self, published: Sequence[tuple[str, str]]) -> None:
        """What stays behind harms nobody: it answers a challenge that is over."""
        for name, text in published:
            try:
                if self._zone:
                    self._zone.withdraw(name, text)
            except ZoneRefused:
                continue

    def _unproven(self, error: errors.ValidationError) -> str:
        said = []
        for authorization in error.failed_authzrs:
            name = _name_of(authorization)
            why = next((each.error.detail for each in authorization.body.challenges if each.error), "no reason given")
            place = self._zone.place(name) if self._zone else ""
            said.append(f"{name}: {why}. Publish the CNAME record _acme-challenge.{name} with the value {place}")
        return f"the CA could not prove {'; '.join(said)}"

    def _finalize(self, client: ClientV2, url: str, csr: str) -> tuple[str, tuple[str, str]]:
        order = _order_at(client, url).update(csr_pem=csr.encode("ascii"))
        try:
            done = client.poll_finalization(order, _until(), fetch_alternative_chains=True)
        except errors.IssuanceError as error:
            raise AcmeOver(f"the CA did not issue: {error.error.detail or error.error}") from error
        return self._chosen([done.fullchain_pem, *done.alternative_fullchains_pem])

    def _chosen(self, chains: Sequence[str]) -> tuple[str, tuple[str, str]]:
        """Three certificates are delivered (contract T15), so the chain with one intermediate to a known root."""
        for leaf, *above in map(blocks, chains):
            for root in self._roots:
                if above and len([each for each in above if each != root]) == 1 and _is_issued_by(above[0], root):
                    return _pem(leaf), (_pem(above[0]), _pem(root))
        raise AcmeRefused(
            "none of the chains of the CA leads over one intermediate to a root in ISSUARY_ORDERS_ACME_ROOTS; add it"
        )


def _order_at(client: ClientV2, url: str) -> messages.OrderResource:
    body = messages.Order.from_json(_fetch(client, url).json())
    authorizations = [_authorization_at(client, each) for each in body.authorizations]
    return messages.OrderResource(body=body, uri=url, authorizations=authorizations)


def _authorization_at(client: ClientV2, url: str) -> messages.AuthorizationResource:
    return messages.AuthorizationResource(body=messages.Authorization.from_json(_fetch(client, url).json()), uri=url)


def _fetch(client: ClientV2, url: str) -> requests.Response:
    """POST-as-GET (RFC 8555 6.3)."""
    try:
        return client.net.post(url, None, new_nonce_url=client.directory["newNonce"])
    except messages.Error as error:
        if error.code in ("malformed", "unauthorized"):
            raise AcmeOver(f"the CA no longer knows the order: {error.detail}") from error
        raise
    except errors.ClientError as error:
        if isinstance(said := error.args[0], requests.Response) and said.status_code in (404, 410):
            raise AcmeOver("the CA no longer knows the order") from error
        raise


def _revoke(client: ClientV2, pem: str, reason: str) -> None:
    """Said twice is as good as once."""
    try:
        client.revoke(x509.load_pem_x509_certificate(pem.encode("ascii")), REASONS[reason])
    except messages.Error as error:
        if error.code != "alreadyRevoked":
            raise


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except messages.Error as error:
        if error.code in SOON_OVER:
            raise AcmeNotYet from error
        raise AcmeRefused(f"the CA said: {error.detail or error.code or error}") from error
    except errors.TimeoutError as error:
        raise AcmeNotYet from error
    except (errors.Error, DeserializationError, requests.RequestException, ValueError) as error:
        raise AcmeRefused(f"the CA cannot be reached or is not understood: {error}") from error
    except ZoneRefused as error:
        raise AcmeRefused(str(error)) from error


def _name_of(authorization: Any) -> str:
    return str(authorization.body.identifier.value)


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:
        return False
    return True


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def _until() -> datetime:
    """The library reckons in local time without a zone."""
    return datetime.now() + PATIENCE  # noqa: DTZ005


def _key_of(pem: str) -> JWK:
    try:
        key = serialization.load_pem_private_key(pem.encode("ascii"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return JWKEC(key=ComparableECKey(key))
    if isinstance(key, rsa.RSAPrivateKey):
        return JWKRSA(key=ComparableRSAKey(key))
    raise SettingsRefused(
        "ISSUARY_ORDERS_ACME_KEY is no unencrypted key in PEM, P-256 or RSA; for a file's path use "
        "ISSUARY_ORDERS_ACME_KEY_FILE."
    )


def _as_file(pem: str) -> str:
    """The library wants a path; this one is in memory, and a read-only root will do."""
    place = os.memfd_create("acme-ca")
    os.write(place, pem.encode("ascii"))
    return f"/proc/self/fd/{place}"
