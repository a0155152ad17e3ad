from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from services.orders import api, pages, worker
from services.orders.clients.test_ca import TestCa
from services.orders.consumers import door
from services.orders.settings import Settings
from shared.service import Service, make_service

if TYPE_CHECKING:
    from services.orders.clients.acme_ca import AcmeCa

TEMPLATES = Path(__file__).parent / "templates"


def build(settings: Settings) -> Service:
    key = settings.ca_key.get_secret_value()
    ca = TestCa(key, settings.published_at) if key else None
    service = make_service(
        "orders",
        settings,
        door=door,
        routers=[*api.routers, *pages.routers],
        steps=partial(worker.steps, ca, acme=acme_ca(settings)),
        templates=TEMPLATES,
    )
    service.app.state.issues_itself = ca is not None
    return service


def acme_ca(settings: Settings) -> "AcmeCa | None":
    """Its client takes 10 MB, so it is loaded only where there is such a CA."""
    if not settings.acme_directory:
        return None
    client = import_module("services.orders.clients.acme_ca")
    account = client.Account(
        settings.acme_directory,
        settings.acme_key.get_secret_value(),
        settings.acme_roots,
        settings.acme_ca,
        settings.acme_contact,
        settings.acme_eab_id,
        settings.acme_eab_key.get_secret_value(),
    )
    zone = client.Zone(
        settings.acme_dns_server,
        settings.acme_dns_zone.strip(".").lower(),
        settings.acme_tsig_name,
        settings.acme_tsig_key.get_secret_value(),
        settings.acme_tsig_algorithm,
        settings.acme_dns_wait,
    )
    made: AcmeCa = client.AcmeCa(account, zone if settings.acme_dns_server else None)
    return made
