import asyncio

from shared.devstack.chosen import Postgres
from shared.migrate import check, upgrade


async def test_databases_may_be_migrated_at_the_same_time(postgres: Postgres) -> None:
    urls = {name: postgres.url(f"{name}_at_once") for name in ("billing", "notifications", "orders", "validation")}
    await postgres.make_databases([f"{name}_at_once" for name in urls])

    async with asyncio.timeout(60):
        await asyncio.gather(*(asyncio.to_thread(upgrade, name, url) for name, url in urls.items()))

    for name, url in urls.items():
        await asyncio.to_thread(check, name, url)
