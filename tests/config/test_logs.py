"""Log lines are JSON with ids; a number that slips in is masked."""

import json
import logging
import sys
from uuid import uuid4

from config.logs import Structured


def line(message: str, *args: object, exc_info: object = None, **extra: object) -> dict[str, str]:
    record = logging.getLogger("test").makeRecord(
        "callsign.test",
        logging.INFO,
        "f",
        1,
        message,
        args,
        exc_info,
        extra=extra,  # type: ignore[arg-type]
    )
    shown: dict[str, str] = json.loads(Structured("%(levelname)s %(name)s %(message)s").format(record))
    return shown


def test_ids_stand_in_fields_of_their_own() -> None:
    message = uuid4()
    found = line("attempt %s", "unknown", text=message, code="30003")
    assert (found["message"], found["text"], found["code"]) == ("attempt unknown", str(message), "30003")


def test_numbers_are_masked_in_words_fields_and_traces() -> None:
    try:
        raise ValueError("Key (to)=(+14155550199) exists")
    except ValueError:
        found = line("texting %s", "+14155550134", to="+447700900123", exc_info=sys.exc_info())
    said = json.dumps(found, ensure_ascii=False)
    assert "+…" in said
    assert not any(number in said for number in ("5550199", "5550134", "900123"))
