"""The parts of a running simulator, and how a request finds them."""

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

from simulator.accounts import Accounts
from simulator.callbacks import Callbacks
from simulator.faults import Faults
from simulator.ledger import Ledger
from simulator.lifecycle import Lifecycle
from simulator.mailbox import Mailbox
from simulator.media import MediaStore
from simulator.storage import Storage
from simulator.webhooks import WebhookCaller


@dataclass(slots=True)
class Simulator:
    storage: Storage
    accounts: Accounts
    ledger: Ledger
    mailbox: Mailbox
    media: MediaStore
    faults: Faults
    webhooks: WebhookCaller
    callbacks: Callbacks
    lifecycle: Lifecycle
    base_url: str = ""  # as the product asks it
    concurrent: int = 0
    fetching: set[asyncio.Task[None]] = field(default_factory=set)


SIMULATOR = web.AppKey("simulator", Simulator)
