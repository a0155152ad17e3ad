"""The perspectives as they are configured: checked at start, for what is wrong here makes every check worthless."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from services.validation.clients.answering import Answerer
from services.validation.clients.checks_https import HttpsChannel, Identity
from services.validation.clients.checks_kafka import KafkaChannel
from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.http import HttpClient
from services.validation.clients.mail import Post, Sender
from services.validation.clients.observing import Observer
from services.validation.clients.panel import Channel, InProcess, Panel, Times
from services.validation.clients.suffixes import shipped_suffixes
from services.validation.rules.guard import Guard
from services.validation.rules.perspectives import Perspective, faults
from services.validation.settings import Settings, address
from shared.settings import SettingsRefused

PERSPECTIVES = TypeAdapter(tuple[Perspective, ...])
NAME = "ISSUARY_VALIDATION_PERSPECTIVES"


@dataclass(frozen=True)
class Configured:
    primary: Perspective | None
    remotes: tuple[Perspective, ...]


def perspectives_of(settings: Settings) -> Configured:
    configured = _parsed(settings.perspectives)
    primary, remotes = next(iter(configured), None), configured[1:]
    if primary and (wrong := [*faults(primary, remotes), *_unreachable(settings, remotes)]):
        raise SettingsRefused(f"{NAME}: {'; '.join(wrong)}.")
    return Configured(primary, remotes)


def _parsed(given: str) -> tuple[Perspective, ...]:
    try:
        return PERSPECTIVES.validate_json(given or "[]")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "".join(f"{part}: " for part in first["loc"])
        raise SettingsRefused(f"{NAME}: {where}{first['msg'].removeprefix('Value error, ')}.") from None


def _unreachable(settings: Settings, remotes: Sequence[Perspective]) -> list[str]:
    played = [one.name for one in remotes if one.resolvers]
    wrong = []
    if played and not settings.test_mode:
        wrong.append(f"{played[0]} is played within this process, which test mode alone may do")
    if any(one.url for one in remotes) and not settings.has_identity:
        wrong.append("an https address needs ISSUARY_VALIDATION_PERSPECTIVE_CERTIFICATE, …_KEY and …_CA")
    return wrong


def identity_of(settings: Settings) -> Identity:
    key = settings.perspective_key.get_secret_value()
    return Identity(settings.perspective_certificate, key, settings.perspective_ca)


def panel_of(settings: Settings, remotes: Sequence[Perspective], times: Times = Times()) -> Panel | None:  # noqa: B008
    """None in test mode where nobody is configured: what is proven there proves nothing to the public anyway."""
    if settings.test_mode and not remotes:
        return None
    regions = {one.name: one.region for one in remotes}
    return Panel(regions, list(_channels(settings, remotes)), settings.lead, times)


def _channels(settings: Settings, remotes: Sequence[Perspective]) -> list[Channel]:
    played = [_played(settings, one) for one in remotes if one.resolvers]
    https = {one.name: one.url for one in remotes if one.url}
    kafka = [one.name for one in remotes if not one.resolvers and not one.url]
    channels: list[Channel] = []
    if played:
        channels.append(InProcess(played))
    if https:
        channels.append(HttpsChannel(https, identity_of(settings).asking()))
    if kafka:
        channels.append(KafkaChannel(settings, kafka))
    return channels


def _played(settings: Settings, one: Perspective) -> Answerer:
    return Answerer(one.name, one.region, observer_of(settings, one.name, one.resolvers))


def observer_of(settings: Settings, name: str, resolvers: Sequence[str] = ()) -> Observer:
    local = settings.test_suffixes if settings.test_mode else ()
    client = client_of(settings, resolvers)
    return Observer(client, name, HttpClient(client, shipped_suffixes(local), guard_of(settings), name), local)


def guard_of(settings: Settings) -> Guard:
    return Guard(settings.http_port, settings.https_port, settings.smtp_port, settings.reachable_networks)


def post_of(settings: Settings) -> Post:
    """By our own resolvers, as everything: that of an operating system may not validate (EM9)."""
    sender = Sender.of(settings.mail_from, settings.mail_hostname)
    return Post(client_of(settings), guard_of(settings), sender)


def client_of(settings: Settings, resolvers: Sequence[str] = ()) -> DnsClient:
    addresses = [address(text) for text in resolvers] or settings.resolver_addresses
    return DnsClient([Resolver(host, port) for host, port in addresses])
