from functools import partial
from pathlib import Path

from services.billing import api, consumers, pages, worker
from services.billing.clients.press import Press
from services.billing.rules.camt import LARGEST_FILE
from services.billing.settings import Settings
from shared.service import Service, make_service


def build(settings: Settings) -> Service:
    press = Press()
    service = make_service(
        "billing",
        settings,
        door=consumers.door,
        routers=[*api.routers, *pages.routers],
        steps=partial(worker.steps, press.print, settings.payment_days),
        at_stop=press.close,
        larger=dict.fromkeys((*api.LARGE, *pages.LARGE), LARGEST_FILE + 2**20),
        templates=Path(__file__).parent / "templates",
    )
    service.app.state.print = press.print
    service.app.state.close_month = partial(worker.close_month, service.db, settings.payment_days)
    service.app.state.match_bank_line = partial(worker.match_bank_lines, service.db)
    return service
