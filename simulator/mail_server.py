"""Takes mail by SMTP, in the same event loop as everything else."""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from simulator.mailbox import Mailbox

REFUSED_FOR_GOOD = "refuse"
REFUSED_FOR_NOW = "busy"
MAX_MAIL_BYTES = 20_000_000


class MailHandler:
    """aiosmtpd calls these by name. Addresses that start with refuse or busy are turned away."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[Any]
    ) -> str:
        local_part = address.partition("@")[0]
        if local_part.startswith(REFUSED_FOR_GOOD):
            return "550 5.1.1 No such mailbox"
        if local_part.startswith(REFUSED_FOR_NOW):
            return "451 4.3.0 Try again later"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        content = envelope.content
        source = content if isinstance(content, bytes) else str(content or "").encode()
        for recipient in envelope.rcpt_tos:
            self._mailbox.take(recipient, envelope.mail_from or "", source)
        return "250 OK"


async def start_mail_server(mailbox: Mailbox, host: str, port: int) -> asyncio.Server:
    handler = MailHandler(mailbox)

    def connection() -> SMTP:
        return SMTP(
            handler, hostname="simulator", ident="Carrier simulator", enable_SMTPUTF8=True,
            data_size_limit=MAX_MAIL_BYTES, loop=asyncio.get_running_loop(),
        )  # fmt: skip

    return await asyncio.get_running_loop().create_server(connection, host, port)
