from functools import partial
from pathlib import Path

from services.notifications import pages, worker
from services.notifications.clients.billing import Documents
from services.notifications.clients.letter import Sender
from services.notifications.clients.smtp import MailServer, Post
from services.notifications.consumers import door
from services.notifications.settings import Settings
from services.notifications.worker import Office
from shared.service import Service, make_service
from shared.wire import verifying


def build(settings: Settings) -> Service:
    office = make_office(settings)
    return make_service(
        "notifications",
        settings,
        door=door,
        routers=[pages.router],
        steps=lambda db: [partial(worker.send_due, db, office), office.post.knock],
        faults=lambda: office.post.faults,
        templates=Path(__file__).parent / "templates",
    )


def make_office(settings: Settings) -> Office:
    server = MailServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_tls,
        settings.smtp_user,
        settings.smtp_password.get_secret_value(),
        trusts=verifying("ISSUARY_NOTIFICATIONS_SMTP_CA", settings.smtp_ca) if settings.smtp_ca else None,
    )
    return Office(
        Documents(settings.billing_url or settings.base_url, settings.service_key.get_secret_value()),
        Post(server),
        Sender.named(settings.mail_from, settings.mail_reply_to, settings.base_url.rstrip("/")),
    )
