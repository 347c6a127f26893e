"""Accounts and numbers the carrier knows. They survive both a restart and a reset."""

import base64
import secrets
from dataclasses import dataclass

from simulator import clock
from simulator.storage import Storage

SAVE_ACCOUNT = "INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?)"
SAVE_NUMBER = "INSERT OR REPLACE INTO numbers VALUES (?, ?, ?, ?, ?, ?, ?)"


@dataclass(slots=True)
class Account:
    sid: str
    auth_token: str
    inbound_url: str
    created: float


@dataclass(slots=True)
class Number:
    sid: str
    account_sid: str
    number: str
    sms_url: str
    friendly_name: str
    created: float
    updated: float

    @property
    def is_phone_number(self) -> bool:
        return self.number.startswith("+")

    @property
    def is_short_code(self) -> bool:
        return self.number.isdigit()


class Accounts:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._accounts: dict[str, Account] = {}
        self._by_login: dict[str, Account] = {}
        self._numbers: dict[tuple[str, str], Number] = {}
        for row in storage.rows("SELECT * FROM accounts ORDER BY created"):
            self._keep(Account(*row))
        for row in storage.rows("SELECT * FROM numbers ORDER BY updated"):
            number = Number(*row)
            self._numbers[number.account_sid, number.number] = number

    def _keep(self, account: Account) -> None:
        self._accounts[account.sid] = account
        login = base64.b64encode(f"{account.sid}:{account.auth_token}".encode()).decode()
        self._by_login[f"Basic {login}"] = account

    def save_account(self, sid: str, auth_token: str, inbound_url: str | None) -> Account:
        """Make an account, or give it a new token or address. An address left out stays as it was."""
        known = self._accounts.get(sid)
        created = known.created if known else clock.now()
        if inbound_url is None:
            inbound_url = known.inbound_url if known else ""
        self._by_login = {login: held for login, held in self._by_login.items() if held.sid != sid}
        account = Account(sid, auth_token, inbound_url, created)
        self._keep(account)
        self._storage.write(SAVE_ACCOUNT, (sid, auth_token, inbound_url, created))
        return account

    def save_number(
        self, account_sid: str, number: str, sms_url: str | None = None, friendly_name: str | None = None
    ) -> Number:
        """Make a number of an account, or change it. What is None stays as it was."""
        known = self._numbers.pop((account_sid, number), None)
        moment = clock.now()
        if known is None:
            known = Number("PN" + secrets.token_hex(16), account_sid, number, "", number, moment, moment)
        known.sms_url = known.sms_url if sms_url is None else sms_url
        known.friendly_name = known.friendly_name if friendly_name is None else friendly_name
        known.updated = moment
        self._numbers[account_sid, number] = known
        self._storage.write(
            SAVE_NUMBER,
            (
                known.sid, account_sid, number, known.sms_url, known.friendly_name, known.created, moment,
            ),
        )  # fmt: skip
        return known

    def remove_number(self, number: Number) -> None:
        del self._numbers[number.account_sid, number.number]
        self._storage.write("DELETE FROM numbers WHERE sid = ?", (number.sid,))

    def login(self, authorization: str | None) -> Account | None:
        """The account whose sid and token an HTTP Basic header carries."""
        return self._by_login.get(authorization or "")

    def find(self, sid: str) -> Account | None:
        return self._accounts.get(sid)

    def newest(self) -> Account | None:
        return max(self._accounts.values(), key=lambda account: account.created, default=None)

    def all(self) -> list[Account]:
        return list(self._accounts.values())

    def numbers_of(self, account_sid: str) -> list[Number]:
        """Numbers of an account, the one changed last first."""
        return [held for held in reversed(self._numbers.values()) if held.account_sid == account_sid]

    def find_number(self, number: str, account_sid: str | None = None) -> Number | None:
        """The number in this account; without an account, the holder that registered it last."""
        if account_sid is not None:
            return self._numbers.get((account_sid, number))
        return next((held for held in reversed(self._numbers.values()) if held.number == number), None)

    def find_number_by_sid(self, account_sid: str, sid: str) -> Number | None:
        return next((held for held in self.numbers_of(account_sid) if held.sid == sid), None)
