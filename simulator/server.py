"""Puts the simulator together: its parts, its routes, and the order in which they start and stop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from simulator import carrier, control, endpoint, handset_pages, listing, mail_pages, media_files, numbers
from simulator.accounts import Accounts
from simulator.callbacks import Callbacks
from simulator.faults import Faults
from simulator.ledger import Ledger
from simulator.lifecycle import Lifecycle
from simulator.mail_server import start_mail_server
from simulator.mailbox import Mailbox
from simulator.media import MediaStore
from simulator.parts import SIMULATOR, Simulator
from simulator.settings import Settings
from simulator.storage import Storage
from simulator.webhooks import WebhookCaller
from simulator.wire import API

ACCOUNT = API + "/{account}"
TWILIO_ROUTES = [
    web.post(ACCOUNT + "/Messages.json", carrier.send_message),
    web.get(ACCOUNT + "/Messages.json", listing.list_messages),
    web.get(ACCOUNT + "/Messages/{sid}.json", carrier.fetch_message),
    web.post(ACCOUNT + "/Messages/{sid}.json", carrier.update_message),
    web.get(ACCOUNT + "/Messages/{sid}/Media.json", media_files.list_media),
    web.get(ACCOUNT + "/Messages/{sid}/Media/{media}", media_files.fetch_media),
    web.get(ACCOUNT + "/IncomingPhoneNumbers.json", numbers.list_numbers),
    web.post(ACCOUNT + "/IncomingPhoneNumbers.json", numbers.register_number),
    web.get(ACCOUNT + "/IncomingPhoneNumbers/{sid}.json", numbers.fetch_number),
    web.post(ACCOUNT + "/IncomingPhoneNumbers/{sid}.json", numbers.update_number),
    web.delete(ACCOUNT + "/IncomingPhoneNumbers/{sid}.json", numbers.release_number),
    web.get(ACCOUNT + "/SMS/ShortCodes.json", numbers.list_short_codes),
    web.get(ACCOUNT + ".json", numbers.fetch_account),
    web.route("*", "/2010-04-01/{rest:.*}", endpoint.unknown_resource),
]


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Simulator]:
    """A simulator that listens on both its ports until the block ends. OSError when a port is taken."""
    simulator = _assemble(settings)
    runner = web.AppRunner(build_app(simulator), access_log=None, shutdown_timeout=0.5)
    try:
        await runner.setup()
        mail_server = await start_mail_server(simulator.mailbox, settings.host, settings.smtp_port)
        await web.TCPSite(runner, settings.host, settings.port, backlog=1024).start()
        simulator.callbacks.start()
        simulator.lifecycle.resume()
        yield simulator
        mail_server.close()
    finally:
        await runner.cleanup()
        await simulator.callbacks.stop()
        await simulator.webhooks.close()
        simulator.storage.close()


def _assemble(settings: Settings) -> Simulator:
    storage = Storage(settings.ledger_path)
    accounts, ledger, faults = Accounts(storage), Ledger(storage), Faults()
    webhooks = WebhookCaller()
    callbacks = Callbacks(accounts, ledger, webhooks)
    return Simulator(
        storage=storage,
        accounts=accounts,
        ledger=ledger,
        mailbox=Mailbox(storage),
        media=MediaStore(storage),
        base_url=settings.base_url,
        faults=faults,
        webhooks=webhooks,
        callbacks=callbacks,
        lifecycle=Lifecycle(ledger, faults, callbacks),
    )


def build_app(simulator: Simulator) -> web.Application:
    app = web.Application(client_max_size=60 * 2**20, middlewares=[control.explain_bad_requests])
    app[SIMULATOR] = simulator
    app.add_routes(
        [*TWILIO_ROUTES, *control.ROUTES, *handset_pages.ROUTES, *mail_pages.ROUTES, *media_files.ROUTES]
    )
    return app
