"""Someone who asks for texts through the API without pause, and never takes a missing answer for an answer."""

import itertools
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType

import requests

from tests.stack import Api

LONGEST = 90.0  # a request that was not accepted after so many seconds of asking again counts as refused


@dataclass
class Asker:
    """Within its block each thread posts a text to a number of its own, again with the same key until a 202 comes."""

    api: Api
    senders: list[str]
    threads: int = 2
    pause: float = 0.1
    accepted: dict[str, str] = field(default_factory=dict)  # message id: number
    answers: Counter[str] = field(default_factory=Counter)
    moments: list[tuple[float, str]] = field(default_factory=list)  # time.monotonic(), what came
    given_up: list[str] = field(default_factory=list)
    refused: str = ""  # the last refusal, in full

    def __enter__(self) -> "Asker":
        self._stop = threading.Event()
        self._numbers = itertools.count()
        self._mark = uuid.uuid4().hex[:8]
        self._running = [threading.Thread(target=self._ask_on, daemon=True) for _ in range(self.threads)]
        for thread in self._running:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._running:
            thread.join(LONGEST + 40)
        if error is None:
            assert not any(thread.is_alive() for thread in self._running), "a request never ended"

    def _ask_on(self) -> None:
        session = requests.Session()
        while not self._stop.is_set():
            self._ask(session, next(self._numbers))
            self._stop.wait(self.pause)

    def _ask(self, session: requests.Session, n: int) -> None:
        to, ends = f"+1628559{n:04d}", time.monotonic() + LONGEST
        while time.monotonic() < ends:
            said = self._post(session, n, to)
            self.moments.append((time.monotonic(), said))
            self.answers[said] += 1
            if said == "202":
                return
            if said in ("400", "403", "422"):
                break
            time.sleep(0.25)
        self.given_up.append(to)

    def _post(self, session: requests.Session, n: int, to: str) -> str:
        text = {"to": to, "body": f"{self._mark} {n}", "from": self.senders[n % len(self.senders)]}
        headers = {"Authorization": f"Bearer {self.api.key}", "Idempotency-Key": f"{self._mark}-{n}"}
        try:
            answer = session.post(f"{self.api.base}/api/v1/messages", json=text, headers=headers, timeout=20)
        except requests.RequestException:
            return "no answer"
        if answer.status_code == 202:
            self.accepted[answer.json()["id"]] = to
        elif answer.status_code in (400, 403, 422):
            self.refused = answer.text
        return str(answer.status_code)

    def accepted_since(self, moment: float) -> int:
        return sum(1 for at, said in list(self.moments) if said == "202" and at >= moment)

    def first_accepted_after(self, moment: float) -> float | None:
        return next((at for at, said in list(self.moments) if said == "202" and at >= moment), None)
