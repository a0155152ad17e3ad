from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from services.validation import api, pages
from services.validation.clients.configured import observer_of, panel_of, perspectives_of, post_of
from services.validation.clients.observing import PRIMARY
from services.validation.clients.panel import Panel
from services.validation.clients.suffixes import shipped_suffixes
from services.validation.clients.watch import ResolverWatch
from services.validation.consumers import make_door
from services.validation.rules.names import Blocklist
from services.validation.rules.policy import Policy
from services.validation.rules.polling import IMPATIENT, LONG_RUN
from services.validation.settings import Settings
from services.validation.worker import ByHand, Gate, Looker, Mailer, reminders, renewals
from shared.db import Database
from shared.service import Service, Step, make_service


def build(settings: Settings) -> Service:
    policy, configured = policy_of(settings), perspectives_of(settings)
    observer = observer_of(settings, configured.primary.name if configured.primary else PRIMARY)
    panel = panel_of(settings, configured.remotes)
    watch = None if settings.test_mode else ResolverWatch(observer.dns, settings.signed_zone, settings.broken_zone)

    async def close() -> None:
        for mailer in mailers:
            await mailer.stop()
        await observer.close()
        if panel:
            await panel.close()

    lookers: list[Looker] = []
    mailers: list[Mailer] = []

    def steps(db: Database) -> list[Step]:
        lookers.append(Looker(db, observer, policy, settings.looks_in_flight, watch, panel))
        gate = Gate(db, observer, policy, watch, panel)
        mailers.append(Mailer(db, observer, policy, post_of(settings), settings.base_url.rstrip("/"), watch))
        plans = [reminders(db, policy), renewals(db, policy)]
        steps = [gate.step, lookers[0].step, mailers[0].find, mailers[0].send, *plans]
        return [*(part.step for part in (watch, panel) if part), *steps]

    service = make_service(
        "validation",
        settings,
        door=make_door(policy),
        routers=[*api.routers, *pages.routers],
        templates=Path(__file__).parent / "templates",
        steps=steps,
        warnings=_not_validating(watch, panel),
        at_stop=close,
    )
    service.app.state.policy = policy
    service.app.state.by_hand = ByHand(lookers[0])
    # Why nothing is validated at the moment, if so: for the pages and answers about domains.
    service.app.state.why_not_validating = service.warnings
    return service


def _not_validating(watch: ResolverWatch | None, panel: Panel | None) -> Callable[[], list[str]]:
    """A resolver that is tried for the first time is no fault worth a word yet; one that is not trusted is."""

    def faults() -> list[str]:
        found = [watch.fault if watch else None, panel.fault if panel else None]
        return [fault for fault in found if fault]

    return faults


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
        cname_zone=settings.cname_zone,
        http_file=settings.http_file,
        issuer_domains=settings.issuer_domains,
        account_domain=settings.account_domain,
        persist_follow_cname=settings.persist_follow_cname,
        email_methods=settings.email_methods,
        local_tlds=frozenset(settings.test_suffixes if settings.test_mode else ()),
    )
