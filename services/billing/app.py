from pathlib import Path

from services.billing import api, consumers, pages, worker
from services.billing.settings import Settings
from shared.service import Service, make_service


def build(settings: Settings) -> Service:
    return make_service(
        "billing",
        settings,
        door=consumers.door,
        routers=[api.router, pages.router],
        steps=worker.steps,
        templates=Path(__file__).parent / "templates",
    )
