"""An account that another selling entity serves from one day on."""

from services.billing import actions
from services.billing.actions.catalogue import CatalogueFile
from services.billing.queries.catalogue import newest_catalogue
from shared.events.orders import AccountChanged, Address
from tests.conftest import World
from tests.makers import NOW, an_account

PARIS = Address(line1="1 rue de la Paix", postcode="75002", city="Paris", country="FR")
FRENCH = {
    "number": 2, "valid_from": "2026-01-01", "name": "Issuary France SAS", "address": ["1 rue Exemple", "75001 Paris"],
    "country": "FR", "currency": "EUR", "sells_to": ["FR"], "invoice_prefix": "FA", "credit_note_prefix": "AV",
    "request_prefix": "DP", "iban": "FR7630006000011234567890189", "bic": "AGRIFRPP", "bank": "Banque Exemple",
}  # fmt: skip


async def move_to_france(world: World) -> None:
    async with world.billing.db.transaction() as tx:
        await actions.load_catalogue(tx, CatalogueFile.model_validate({"selling_entity": [FRENCH]}), "tests", NOW)
        await newest_catalogue(tx)
    moved = an_account(address=PARIS)
    await world.deliver("billing", AccountChanged(occurred_at=NOW, account_id=9001, account=moved))
