"""A mail server on loopback that speaks real SMTP (RFC 5321) and keeps what it accepted; it can refuse on demand."""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


@dataclass
class Accepted:
    """One mail as the server took it: envelope and message."""

    sender: str
    recipients: list[str]
    message: EmailMessage

    @property
    def text(self) -> str:
        """The plain text part."""
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    @property
    def html(self) -> str:
        """The HTML part."""
        part = self.message.get_body(("html",))
        assert part is not None
        return str(part.get_content())

    @property
    def attachments(self) -> dict[str, bytes]:
        """Attached files by name."""
        return {
            part.get_filename() or "": part.get_payload(decode=True)  # type: ignore[misc]
            for part in self.message.iter_attachments()
        }


@dataclass
class MailServer:
    """Accepts mails; ``refuse_data`` answers the next mails with 451, ``refused`` are addresses answered with 550."""

    port: int = 0
    mails: list[Accepted] = field(default_factory=list)
    refuse_data: int = 0
    refused: set[str] = field(default_factory=set)
    sessions: int = 0
    _server: Any = None

    def start(self) -> None:
        """Listens on a free port of 127.0.0.1."""
        owner = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                owner.sessions += 1
                _Session(owner, self.rfile, self.wfile).run()

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Stops listening; connections are refused from now on."""
        self._server.shutdown()
        self._server.server_close()


class _Session:
    def __init__(self, owner: MailServer, reader: Any, writer: Any) -> None:
        self.owner, self.reader, self.writer = owner, reader, writer
        self.sender, self.recipients = "", []  # type: ignore[var-annotated]

    def run(self) -> None:
        self._say("220 loopback ESMTP")
        for raw in self.reader:
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            verb = line.split(" ", 1)[0].upper()
            if verb == "QUIT":
                self._say("221 bye")
                return
            getattr(self, f"_on_{verb.lower()}", self._on_unknown)(line)

    def _say(self, text: str) -> None:
        self.writer.write(f"{text}\r\n".encode())

    def _on_unknown(self, line: str) -> None:
        self._say("502 not implemented")

    def _on_ehlo(self, line: str) -> None:
        self._say("250-loopback")
        self._say("250 8BITMIME")

    def _on_helo(self, line: str) -> None:
        self._say("250 loopback")

    def _on_noop(self, line: str) -> None:
        self._say("250 ok")

    def _on_rset(self, line: str) -> None:
        self.sender, self.recipients = "", []
        self._say("250 ok")

    def _on_mail(self, line: str) -> None:
        self.sender = line.split("<", 1)[1].split(">", 1)[0]
        self._say("250 ok")

    def _on_rcpt(self, line: str) -> None:
        address = line.split("<", 1)[1].split(">", 1)[0]
        if address in self.owner.refused:
            self._say("550 no such mailbox")
            return
        self.recipients.append(address)
        self._say("250 ok")

    def _on_data(self, line: str) -> None:
        if not self.recipients:
            self._say("503 no recipients")
            return
        self._say("354 go on")
        lines = []
        for raw in self.reader:
            if raw == b".\r\n":
                break
            lines.append(raw[1:] if raw.startswith(b"..") else raw)
        if self.owner.refuse_data:
            self.owner.refuse_data -= 1
            self._say("451 try again later")
            return
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.owner.mails.append(Accepted(self.sender, self.recipients, message))
        self.sender, self.recipients = "", []
        self._say("250 accepted")
