"""A primary and a standby that has to have everything before it counts as committed."""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Self

from tests.containers.servers import Pg

COPY = """
rm -rf "$PGDATA"; mkdir -p -m 700 "$PGDATA"; export PGPASSWORD="$POSTGRES_PASSWORD"
until pg_basebackup -h {primary} -U postgres -D "$PGDATA" -X stream -R; do sleep 0.2; done
as=""; if [ "$(id -u)" = 0 ]; then chown -R postgres "$PGDATA"; as="gosu postgres"; fi
exec $as postgres -c cluster_name=standby -c max_connections=200 -c listen_addresses='*'
"""


class Pair:
    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self.primary = await stack.enter_async_context(Pg())
            await self.primary.run('echo "host replication all all scram-sha-256" >> "$PGDATA/pg_hba.conf"')
            await self.primary.ask("SELECT pg_reload_conf()")
            self.standby = await stack.enter_async_context(self._copy())
            await self.primary.ask("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
            await self.primary.ask("SELECT pg_reload_conf()")
            await self.primary.until("SELECT FROM pg_stat_replication WHERE sync_state = 'sync'")
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _copy(self) -> Pg:
        standby = Pg()
        standby._password = self.primary._password
        container = standby.container
        container.command = ["bash", "-c", COPY.format(primary=self.primary.inner_address)]
        container.environment = {**container.environment, "POSTGRES_PASSWORD": self.primary._password}
        return standby

    def url(self, database: str) -> str:
        """Of both, the primary of the beginning first."""
        login, _ = self.primary.url(database).rsplit("@", 1)
        servers = (self.primary, self.standby)
        return f"{login}@/{database}?" + "&".join(f"host={one.container.host}:{one.port}" for one in servers)

    async def make_databases(self, names: Iterable[str]) -> None:
        await self.primary.make_databases(names)

    async def cut(self) -> None:
        """The standby hears nothing of the primary any more."""
        await self.standby.ask("ALTER SYSTEM SET primary_conninfo = ''")
        await self.standby.ask("SELECT pg_reload_conf()")
        await self.primary.until("SELECT WHERE NOT EXISTS (SELECT FROM pg_stat_replication)")

    async def promote(self) -> None:
        """As an orchestrator does once it has made sure that the old primary is gone."""
        await self.standby.ask("SELECT pg_promote()")
