import asyncio
import os
import signal

import pytest

from services.billing.clients.pdf import render
from services.billing.clients.press import LOWEST, Press, Unprintable
from tests.billing.test_pdf import an_invoice


async def test_the_press_prints_the_bytes_that_the_renderer_makes_at_the_lowest_priority() -> None:
    press = Press()

    assert await press.print(an_invoice()) == render(an_invoice())

    assert press._process is not None
    assert os.getpriority(os.PRIO_PROCESS, press._process.pid) == LOWEST
    await press.close()


async def test_what_cannot_be_printed_is_said_and_the_next_document_is_printed() -> None:
    press = Press()

    with pytest.raises(Unprintable, match="KeyError"):
        await press.print({"kind": "invoice"})

    assert (await press.print(an_invoice())).startswith(b"%PDF")
    await press.close()


async def test_a_press_that_ended_is_started_again() -> None:
    press = Press()
    await press.print(an_invoice())
    assert press._process is not None
    os.kill(press._process.pid, signal.SIGKILL)
    await press._process.wait()

    assert (await press.print(an_invoice())).startswith(b"%PDF")

    await press.close()


async def test_a_press_without_work_ends_and_is_started_again_with_the_next_document() -> None:
    press = Press(rest_after=0.01)
    await press.print(an_invoice())
    idle = press._process
    assert idle is not None
    await asyncio.wait_for(idle.wait(), 10)
    assert idle.returncode == 0

    assert (await press.print(an_invoice())).startswith(b"%PDF")

    await press.close()
