"""Meta's WhatsApp Cloud API over pooled keep-alive connections."""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from lifeline.adapters.secrets import Secrets
from lifeline.contract.messages import Message, Template
from lifeline.domain.failure.causes import Cause, Fault
from lifeline.domain.failure.classify import Failure, classify_answer, classify_fault
from lifeline.domain.failure.usage import Usage, usage_headers

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
_YES: Final = "true"
_MEDIA_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MEDIA_HOSTS: Final = (".fbsbx.com", ".fbcdn.net", ".facebook.com", ".whatsapp.net")
"""Where Meta keeps media (lookaside.fbsbx.com above all)."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Meta took the message. ``held`` is ``held_for_quality_assessment``: neither sent nor failed."""

    wamid: str
    held: bool
    wa_id: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A readable JSON answer to a question about our account."""

    body: Mapping[str, Any]
    usage: Usage | None


@dataclass(frozen=True, slots=True)
class Media:
    """Where a medium can be downloaded, for 5 minutes (Meta, "Media"). ``size``: bytes, if Meta says."""

    url: str
    mime_type: str
    size: int | None


class Lost(StrEnum):
    """Why a medium cannot be had, now or later."""

    GONE = "gone"
    TOO_LARGE = "too_large"


class WhatsApp:
    """One client per worker. Every outcome is a value: nothing is raised for what Meta answers.

    The session is shared by the sending threads (urllib3's pool is thread-safe); it never retries by
    itself, because Meta has no idempotency key and a second POST could be a second message.
    """

    def __init__(
        self,
        secrets: Secrets,
        *,
        app_token: Callable[[], str],
        base_url: str,
        version: str,
        phone_number_id: str,
        waba_id: str,
        connections: int,
        connect_timeout: float,
        read_timeout: float,
    ) -> None:
        """``secrets``: the one with our access token. ``app_token``: ``APP_ID|APP_SECRET`` of our app, with
        which Meta is asked about tokens. Time-outs in seconds.
        """
        # urllib3 names whole addresses in its warnings, and those of the token calls hold secrets.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)
        self._secrets = secrets
        self._app_token = app_token
        self._root = f"{base_url}/{version}"
        self._phone_number_id = phone_number_id
        self._waba_id = waba_id
        self._timeout = (connect_timeout, read_timeout)
        self._session = requests.Session()
        self._session.trust_env = False
        adapter = HTTPAdapter(pool_connections=2, pool_maxsize=connections, max_retries=0, pool_block=True)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self.last_usage: Usage | None = None

    def send(
        self,
        message: Message,
        to: str,
        tag: str,
        *,
        template: Template | None = None,
        media_id: str | None = None,
    ) -> Accepted | Failure:
        """Ask Meta to deliver ``message`` to ``to`` (E.164). ``template`` replaces the message's own;
        ``media_id`` is what a voice message says, as an uploaded recording. ``tag``: see :func:`payload`.
        """
        return self.post_message(payload(message, to, tag, template, media_id))

    def post_message(self, body: Mapping[str, Any]) -> Accepted | Failure:
        """POST one message body as it is."""
        outcome = self._call("POST", f"/{self._phone_number_id}/messages", body=body)
        if isinstance(outcome, Failure):
            return outcome
        messages = outcome.body.get("messages")
        first = messages[0] if isinstance(messages, list) and messages else None
        if not isinstance(first, dict) or not first.get("id"):
            return classify_fault(Fault.NOT_JSON, "the answer to a send names no message id")
        contacts = outcome.body.get("contacts") or [{}]
        return Accepted(
            wamid=str(first["id"]),
            held=first.get("message_status") == "held_for_quality_assessment",
            wa_id=contacts[0].get("wa_id") if isinstance(contacts[0], dict) else None,
        )

    def phone_number(
        self, fields: str = "id,status,health_status,quality_rating,throughput", token: str | None = None
    ) -> Answer | Failure:
        """State of our business number: health, status, quality, throughput level.

        ``token``: another token than ours, to see whether it works.
        """
        return self._call("GET", f"/{self._phone_number_id}", params={"fields": fields}, token=token)

    def templates(
        self, name: str | None = None, after: str | None = None, limit: int = 100
    ) -> Answer | Failure:
        """One page of message templates, optionally of one name."""
        params = {
            "fields": "id,name,language,status,category,rejected_reason,quality_score,components",
            "limit": str(limit),
        }
        if name:
            params["name"] = name
        if after:
            params["after"] = after
        return self._call("GET", f"/{self._waba_id}/message_templates", params=params)

    def unpause(self, template_id: str) -> Answer | Failure:
        """Let Meta send a paused template again (Meta, "Template pausing": after pacing only by hand)."""
        return self._call("POST", f"/{template_id}/unpause", body={})

    def upload(self, audio: bytes) -> str | Failure:
        """Upload Ogg/Opus, at most 16 MB; answers with its media id, good for 30 days (Meta, "Media")."""
        outcome = self._call(
            "POST",
            f"/{self._phone_number_id}/media",
            files={
                "messaging_product": (None, "whatsapp"),
                "type": (None, "audio/ogg"),
                "file": ("voice.ogg", audio, "audio/ogg"),
            },
        )
        if isinstance(outcome, Failure):
            return outcome
        media_id = outcome.body.get("id")
        if not media_id:
            return classify_fault(Fault.NOT_JSON, "the answer to an upload names no media id")
        return str(media_id)

    def media_url(self, media_id: str) -> Media | Lost | Failure:
        """Where a medium is. The optional ``phone_number_id`` stays out: Meta once broke the call with it."""
        if not _MEDIA_ID.fullmatch(media_id):
            return Lost.GONE
        outcome = self._call("GET", f"/{media_id}")
        if isinstance(outcome, Failure):
            # An id that is too old, or was never ours: 100 with subcode 33, or a bare 404.
            return Lost.GONE if outcome.code == 100 or outcome.http_status == 404 else outcome
        size = str(outcome.body.get("file_size") or "")
        return Media(
            url=str(outcome.body.get("url") or ""),
            mime_type=str(outcome.body.get("mime_type") or ""),
            size=int(size) if size.isdigit() else None,
        )

    def download(self, media_id: str, limit: int) -> bytes | Lost | Failure:
        """A medium of at most ``limit`` bytes; no more than that is ever read.

        An address that has run out (404) is asked for anew, once (Meta, "Download media").
        """
        for _ in range(2):
            media = self.media_url(media_id)
            if not isinstance(media, Media):
                return media
            if media.size is not None and media.size > limit:
                return Lost.TOO_LARGE
            content = self._download(media.url, limit)
            if not (isinstance(content, Failure) and content.http_status == 404):
                return content
        return Lost.GONE

    def _download(self, url: str, limit: int) -> bytes | Lost | Failure:
        if not self._may_have_token(url):
            return classify_fault(Fault.NOT_JSON, "the address of a medium is not Meta's")
        token = self._secrets.get("access_token")
        try:
            with self._session.get(
                url,
                headers={"Authorization": f"Bearer {token}"},
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                if response.status_code != 200:
                    return classify_answer(response.status_code, None, response.headers)
                read = bytearray()
                # Not by Content-Length: Meta's answers have come without one.
                for part in response.iter_content(64 * 1024):
                    read += part
                    if len(read) > limit:
                        return Lost.TOO_LARGE
                return bytes(read)
        except requests.RequestException as error:
            return classify_fault(fault_of(error), type(error).__name__)

    def _may_have_token(self, url: str) -> bool:
        """Our token goes to Meta's hosts only (or to where the Graph API itself is), whatever it answers."""
        parts, root = urlsplit(url), urlsplit(self._root)
        if (parts.scheme, parts.netloc) == (root.scheme, root.netloc):
            return True
        host = f".{parts.hostname or ''}"
        return parts.scheme == "https" and host.endswith(_MEDIA_HOSTS)

    def debug_token(self, token: str | None = None) -> Answer | Failure:
        """What Meta says of a token (ours by default). An invalid one: HTTP 200, ``is_valid`` false.

        Where ours is not valid, the secret is read anew: somebody may have stored another one.
        Raises :class:`UnavailableError` where a secret cannot be read.
        """
        if token is not None:
            return self._debug(token)
        used = self._secrets.get("access_token")
        outcome = self._debug(used)
        if isinstance(outcome, Answer) and not _is_valid(outcome.body):
            fresh = self._secrets.renewed(used)
            if fresh and fresh != used:
                return self._debug(fresh)
        return outcome

    def _debug(self, token: str) -> Answer | Failure:
        return self._call("GET", "/debug_token", params={"input_token": token}, token=self._app_token())

    def exchange(self, token: str, app_id: str, app_secret: str) -> str | Failure:
        """A new token for one that is still valid; the old one works until its own end.

        Meta, "Business Manager: system users, refresh an expiring token". It is a GET, so the address holds
        secrets: no exception and no failure of this class carries an address.
        """
        params = {
            "grant_type": "fb_exchange_token",
            "client_id": app_id,
            "client_secret": app_secret,
            "set_token_expires_in_60_days": _YES,
            "fb_exchange_token": token,
        }
        outcome = self._call("GET", "/oauth/access_token", params=params, token=f"{app_id}|{app_secret}")
        if isinstance(outcome, Failure):
            return replace(outcome, details=_without(outcome.details, (token, app_secret)))
        new = outcome.body.get("access_token")
        if not isinstance(new, str) or not new:
            return classify_fault(Fault.NOT_JSON, "the answer to an exchange names no token")
        return new

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        token: str | None = None,
    ) -> Answer | Failure:
        """One call; ``token``: another one than ours.

        A refused token is looked up once more, and where somebody has stored another one meanwhile, the call
        is made again with that: Meta refused the first, so nothing was sent.
        """
        used = token or self._secrets.get("access_token")
        outcome = self._once(method, path, params=params, body=body, files=files, token=used)
        if token is None and isinstance(outcome, Failure) and outcome.cause is Cause.AUTH:
            fresh = self._secrets.renewed(used)
            if fresh and fresh != used:
                return self._once(method, path, params=params, body=body, files=files, token=fresh)
        return outcome

    def _once(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        files: Mapping[str, Any] | None,
        token: str,
    ) -> Answer | Failure:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if files is None:
            headers["Content-Type"] = "application/json"
        try:
            response = self._session.request(
                method,
                self._root + path,
                params=params,
                data=None if body is None else json.dumps(body).encode(),
                files=files,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return classify_fault(fault_of(error), type(error).__name__)
        answer = _json(response)
        self.last_usage = usage_headers(response.headers) or self.last_usage
        if response.status_code == 200 and isinstance(answer, dict) and "error" not in answer:
            return Answer(answer, self.last_usage)
        if response.status_code == 200 and not isinstance(answer, dict):
            return classify_fault(Fault.NOT_JSON, "Meta's answer is not a JSON object")
        failure = classify_answer(response.status_code, answer, response.headers)
        return replace(failure, details=_without(failure.details, (token,)))


def payload(
    message: Message, to: str, tag: str, template: Template | None = None, media_id: str | None = None
) -> dict[str, Any]:
    """The Graph body of a message (Meta, "POST /{phone-number-id}/messages").

    ``biz_opaque_callback_data`` carries ``tag``, our id and the number of the act: Meta echoes it in every
    status webhook, which settles sends whose answer was lost.
    """
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to.lstrip("+"),
        "biz_opaque_callback_data": tag,
    }
    chosen = template or message.template
    if message.type == "template" and chosen is not None:
        components: list[Any] = [dict(component) for component in chosen.components]
        if chosen.parameters:
            components.append(
                {"type": "body", "parameters": [{"type": "text", "text": text} for text in chosen.parameters]}
            )
        body["type"] = "template"
        body["template"] = {"name": chosen.name, "language": {"code": chosen.language}}
        if components:
            body["template"]["components"] = components
    elif media_id:
        body["type"] = "audio"
        body["audio"] = {"id": media_id}
    else:
        body["type"] = "text"
        body["text"] = {"body": message.text or "", "preview_url": False}
    return body


def fault_of(error: requests.RequestException) -> Fault:
    """Which transport fault an exception stands for, above all: may the request have left?"""
    if isinstance(error, requests.exceptions.SSLError):
        return Fault.TLS
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return Fault.CONNECT_TIMEOUT
    if isinstance(error, requests.exceptions.ReadTimeout):
        return Fault.READ_TIMEOUT
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, urllib3.exceptions.NameResolutionError | socket.gaierror):
            return Fault.DNS
        if isinstance(cause, urllib3.exceptions.NewConnectionError | ConnectionRefusedError):
            return Fault.REFUSED
        reason = getattr(cause, "reason", None)
        nested = next((arg for arg in cause.args if isinstance(arg, BaseException)), None)
        cause = (
            reason if isinstance(reason, BaseException) else nested or cause.__cause__ or cause.__context__
        )
    return Fault.BROKEN


def _json(response: requests.Response) -> object:
    if len(response.content) > MAX_ANSWER_BYTES:
        return None
    try:
        return response.json()
    except ValueError:
        return None


def _is_valid(body: Mapping[str, Any]) -> bool:
    data = body.get("data")
    return isinstance(data, dict) and data.get("is_valid") is True


def _without(text: str, secrets: tuple[str, ...]) -> str:
    """``text`` without these values: Meta repeats a malformed token in its message."""
    for secret in secrets:
        if len(secret) >= 6:
            text = text.replace(secret, "***")
    return text
