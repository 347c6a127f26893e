"""What becomes of an accepted text: sent, then delivered or not, each step a delay after the one before."""

import asyncio

from simulator import clock
from simulator.callbacks import Callbacks
from simulator.faults import Faults
from simulator.ledger import Ledger, Message
from simulator.magic import fate_of

Steps = tuple[tuple[str, int | None], ...]


class Lifecycle:
    def __init__(self, ledger: Ledger, faults: Faults, callbacks: Callbacks) -> None:
        self._ledger = ledger
        self._faults = faults
        self._callbacks = callbacks

    def start(self, message: Message) -> None:
        self._later(message, fate_of(message.to).steps)

    def resume(self) -> None:
        """After a restart, take up every text that was still under way."""
        for message in self._ledger.unfinished():
            steps = fate_of(message.to).steps
            done = [status for status, _ in steps].index("sent") + 1 if message.status == "sent" else 0
            self._later(message, steps[done:])

    def _later(self, message: Message, steps: Steps) -> None:
        if steps:
            delay = self._faults.settings.callbacks.delay_ms / 1000
            asyncio.get_running_loop().call_later(delay, self._advance, message, steps)

    def _advance(self, message: Message, steps: Steps) -> None:
        if message.is_final or not self._ledger.is_current(message):
            return
        message.status, message.error_code = steps[0]
        if message.status == "sent":
            message.sent = clock.now()
        self._ledger.save(message)
        if message.status_callback:
            self._tell(message)
        self._later(message, steps[1:])

    def _tell(self, message: Message) -> None:
        faults = self._faults.next_receipt()
        if faults.drop:
            return
        # Held back until the step after it has surely been told.
        after_s = self._faults.settings.callbacks.delay_ms * 2.5 / 1000 + 0.05 if faults.reorder else 0
        self._callbacks.tell(message, after_s)
        if faults.duplicate:
            self._callbacks.tell(message, after_s)
