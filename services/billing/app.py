from functools import partial
from pathlib import Path

from services.billing import api, consumers, pages, worker
from services.billing.clients.press import Press
from services.billing.settings import Settings
from shared.service import Service, make_service


def build(settings: Settings) -> Service:
    press = Press()
    service = make_service(
        "billing",
        settings,
        door=consumers.door,
        routers=[*api.routers, *pages.routers],
        steps=partial(worker.steps, press.print),
        at_stop=press.close,
        templates=Path(__file__).parent / "templates",
    )
    service.app.state.print = press.print
    return service
