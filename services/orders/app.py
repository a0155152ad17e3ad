from functools import partial
from pathlib import Path

from services.orders import api, pages, worker
from services.orders.clients.test_ca import TestCa
from services.orders.consumers import door
from services.orders.settings import Settings
from shared.service import Service, make_service

TEMPLATES = Path(__file__).parent / "templates"


def build(settings: Settings) -> Service:
    key = settings.ca_key.get_secret_value()
    ca = TestCa(key) if key else None
    service = make_service(
        "orders",
        settings,
        door=door,
        routers=[*api.routers, *pages.routers],
        steps=partial(worker.steps, ca),
        templates=TEMPLATES,
    )
    service.app.state.issues_itself = ca is not None
    return service
