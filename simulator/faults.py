"""What goes wrong on purpose, and how often. Seeded, so that a run can be repeated."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from random import Random
from typing import Any


@dataclass(frozen=True, slots=True)
class CallbackFaults:
    delay_ms: float = 150
    duplicate: float = 0
    reorder: float = 0
    drop: float = 0


@dataclass(frozen=True, slots=True)
class FaultSettings:
    """Shares lie between 0 and 1, times are milliseconds."""

    seed: int = 0
    latency_ms: float = 0
    rate_429: float = 0
    drop_before: float = 0
    drop_after_accept: float = 0
    error_500_after_accept: float = 0
    slow: float = 0
    slow_ms: float = 25_000
    list_delay_ms: float = 0
    callbacks: CallbackFaults = field(default_factory=CallbackFaults)


@dataclass(frozen=True, slots=True)
class RequestFaults:
    """What goes wrong with one request to send."""

    rate_429: bool = False
    drop_before: bool = False
    drop_after_accept: bool = False
    error_500_after_accept: bool = False
    slow: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptFaults:
    """What goes wrong with one status callback."""

    duplicate: bool = False
    reorder: bool = False
    drop: bool = False


REQUEST_FAULTS = tuple(held.name for held in fields(RequestFaults))
RECEIPT_FAULTS = tuple(held.name for held in fields(ReceiptFaults))
NO_REQUEST_FAULTS = RequestFaults()
NO_RECEIPT_FAULTS = ReceiptFaults()


class Faults:
    def __init__(self) -> None:
        self.set(FaultSettings())

    def set(self, settings: FaultSettings) -> None:
        self.settings = settings
        # Two dice, so that when a callback leaves does not change which request fails next.
        self._request_dice = Random(settings.seed)
        self._receipt_dice = Random(settings.seed + 1)
        self._requests_fail = any(getattr(settings, name) for name in REQUEST_FAULTS)
        self._receipts_fail = any(getattr(settings.callbacks, name) for name in RECEIPT_FAULTS)

    def next_request(self) -> RequestFaults:
        if not self._requests_fail:
            return NO_REQUEST_FAULTS
        return RequestFaults(*_throw(self._request_dice, self.settings, REQUEST_FAULTS))

    def next_receipt(self) -> ReceiptFaults:
        if not self._receipts_fail:
            return NO_RECEIPT_FAULTS
        return ReceiptFaults(*_throw(self._receipt_dice, self.settings.callbacks, RECEIPT_FAULTS))

    def as_json(self) -> dict[str, Any]:
        return asdict(self.settings)


def _throw(dice: Random, settings: object, names: tuple[str, ...]) -> list[bool]:
    return [dice.random() < getattr(settings, name) for name in names]


def read_faults(asked: Mapping[str, Any]) -> FaultSettings:
    """Settings out of JSON; what is left out is its default. Raises ValueError that names the wrong field."""
    plain = {name: value for name, value in asked.items() if name != "callbacks"}
    callbacks = asked.get("callbacks") or {}
    if not isinstance(callbacks, Mapping):
        raise ValueError("callbacks must be an object")
    _check(plain, FaultSettings, "")
    _check(callbacks, CallbackFaults, "callbacks.")
    return FaultSettings(**plain, callbacks=CallbackFaults(**callbacks))


def _check(values: Mapping[str, Any], kind: type, prefix: str) -> None:
    known = {held.name for held in fields(kind)}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{prefix}{name}: no such fault")
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise ValueError(f"{prefix}{name}: must be a number, not below 0")
        if name == "seed" and not isinstance(value, int):
            raise ValueError(f"{prefix}{name}: must be a whole number")
        if name != "seed" and not name.endswith("_ms") and value > 1:
            raise ValueError(f"{prefix}{name}: is a share between 0 and 1")
