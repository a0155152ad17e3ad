"""A mailer is always killed between the mail server's answer and its own note of it."""

import asyncio
from pathlib import Path

from chaos.killer import kill_with_its_answer
from chaos.members import Member
from chaos.sink import Sink


async def test_a_killed_mailer_has_its_answer_and_has_not_noted_it_and_the_other_goes_on(tmp_path: Path) -> None:
    mailers = [Member("notifications", number, tmp_path, "tests.chaos.mailer") for number in (1, 2)]
    async with Sink() as sink:
        for one in mailers:
            await one.start({"SMTP_PORT": str(sink.port)})
        try:
            caught = await kill_with_its_answer(sink, mailers)
            assert caught is not None
            [other] = [one for one in mailers if one is not caught]
            before = len(noted(tmp_path, other))

            assert not caught.child.is_running
            assert len(taken(sink, caught)) == len(noted(tmp_path, caught)) + 1
            async with asyncio.timeout(20):
                while len(noted(tmp_path, other)) < before + 3:  # noqa: ASYNC110 - of another process
                    await asyncio.sleep(0.05)
        finally:
            for one in mailers:
                await one.kill()


def taken(sink: Sink, mailer: Member) -> list[str]:
    return [mail.message_id for mail in sink.mails if mail.message_id.startswith(f"<{mailer.port}-")]


def noted(folder: Path, mailer: Member) -> list[str]:
    return (folder / f"{mailer.name}.1.log").read_text().split()
