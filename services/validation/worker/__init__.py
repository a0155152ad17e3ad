"""Claim → look → record. Looks are under way side by side; a slow name server delays its own look only."""

from services.validation.clients.watch import ResolverWatch
from services.validation.worker.by_hand import ByHand
from services.validation.worker.gate import Gate
from services.validation.worker.looking import Looker
from services.validation.worker.mailing import Mailer
from services.validation.worker.reminding import reminders
from services.validation.worker.renewing import renewals

__all__ = ["ByHand", "Gate", "Looker", "Mailer", "ResolverWatch", "reminders", "renewals"]
