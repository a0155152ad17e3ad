from datetime import timedelta

from services.validation.clients.dns import DnsClient, Resolver
from services.validation.clients.suffixes import shipped_suffixes
from services.validation.consumers import make_door
from services.validation.rules.names import Blocklist
from services.validation.rules.policy import Policy
from services.validation.rules.polling import IMPATIENT, LONG_RUN
from services.validation.settings import Settings
from services.validation.worker import Looker, ResolverWatch
from shared.db import Database
from shared.service import Service, Step, make_service


def build(settings: Settings) -> Service:
    policy = policy_of(settings)
    client = DnsClient([Resolver(host, port) for host, port in settings.resolver_addresses])
    return make_service(
        "validation",
        settings,
        door=make_door(policy),
        steps=lambda db: _steps(db, client, policy, settings),
    )


def _steps(db: Database, client: DnsClient, policy: Policy, settings: Settings) -> list[Step]:
    if settings.test_mode:
        return [Looker(db, client, policy, settings.looks_in_flight).step]
    watch = ResolverWatch(client, settings.signed_zone, settings.broken_zone)
    return [watch.step, Looker(db, client, policy, settings.looks_in_flight, watch).step]


def policy_of(settings: Settings) -> Policy:
    return Policy(
        suffixes=shipped_suffixes(settings.test_suffixes if settings.test_mode else ()),
        blocked=Blocklist(frozenset(settings.blocked_names), frozenset(settings.blocked_suffixes)),
        labels=settings.txt_labels,
        lead=settings.lead,
        reuse_for_dv=settings.reuse_for_dv,
        test_mode=settings.test_mode,
        first_look=timedelta(0) if settings.test_mode else timedelta(seconds=1),
        phases=IMPATIENT if settings.test_mode else LONG_RUN,
        resolver_configuration=settings.resolver_configuration,
    )
