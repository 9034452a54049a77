"""The way to Meta below HTTP: does its name resolve, does it take a connection?"""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

from lifeline.domain.failure.causes import Fault

FAULTS = (OSError, UnicodeError)
"""What a host name or a socket may raise; ``ssl.SSLError`` and time-outs are kinds of ``OSError``."""


class UnreachedError(Exception):
    """The name or the host did not answer. ``fault`` says at which point."""

    def __init__(self, fault: Fault, detail: str) -> None:
        self.fault = fault
        super().__init__(detail)


class GraphHost:
    """One host, taken from the Graph API's base address. ``timeout``: seconds for each step."""

    def __init__(self, base_url: str, timeout: float) -> None:
        parts = urlsplit(base_url)
        self.host = parts.hostname or ""
        self._tls = parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        self._timeout = timeout

    def resolve(self) -> list[str]:
        """The host's addresses. Raises :class:`UnreachedError`."""
        try:
            infos = socket.getaddrinfo(self.host, self._port, type=socket.SOCK_STREAM)
        except FAULTS as error:
            raise UnreachedError(Fault.DNS, f"{self.host} has no address: {error}") from error
        return list(dict.fromkeys(str(item[4][0]) for item in infos))

    def connect(self) -> str:
        """Open one connection and close it; what was agreed on. Raises :class:`UnreachedError`."""
        where = f"{self.host}:{self._port}"
        try:
            with socket.create_connection((self.host, self._port), self._timeout) as plain:
                if not self._tls:
                    return f"{where} takes connections"
                context = ssl.create_default_context()
                with context.wrap_socket(plain, server_hostname=self.host) as secure:
                    return f"{where} takes connections, {secure.version()}"
        except ssl.SSLError as error:
            raise UnreachedError(Fault.TLS, f"{where}: {error.reason or type(error).__name__}") from error
        except TimeoutError as error:
            raise UnreachedError(Fault.CONNECT_TIMEOUT, f"{where} does not answer") from error
        except FAULTS as error:
            raise UnreachedError(
                Fault.REFUSED, f"{where}: {getattr(error, 'strerror', None) or error}"
            ) from error
