"""`python -m simulator`: runs until it is told to stop (SIGTERM or SIGINT)."""

import asyncio
import gc
import logging
import signal
import sys

from simulator.server import running
from simulator.settings import Settings, read_settings


async def serve(settings: Settings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with running(settings):
        _collect_less()
        where = f"http://{settings.host}:{settings.port}"
        print(f"Simulator is ready: {where} (mail on port {settings.smtp_port})", flush=True)
        await stopped.wait()


def _collect_less() -> None:
    """Garbage collections would look at a ledger that only grows, again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def main() -> int:
    logging.basicConfig(level=logging.WARNING)
    settings = read_settings()
    try:
        asyncio.run(serve(settings))
    except OSError as error:
        print(f"Simulator cannot start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
