"""The parts of a running simulator, and how a request finds them."""

from dataclasses import dataclass

from aiohttp import web

from simulator.accounts import Accounts
from simulator.callbacks import Callbacks
from simulator.faults import Faults
from simulator.ledger import Ledger
from simulator.lifecycle import Lifecycle
from simulator.mailbox import Mailbox
from simulator.storage import Storage
from simulator.webhooks import WebhookCaller


@dataclass(slots=True)
class Simulator:
    storage: Storage
    accounts: Accounts
    ledger: Ledger
    mailbox: Mailbox
    faults: Faults
    webhooks: WebhookCaller
    callbacks: Callbacks
    lifecycle: Lifecycle
    concurrent: int = 0


SIMULATOR = web.AppKey("simulator", Simulator)
