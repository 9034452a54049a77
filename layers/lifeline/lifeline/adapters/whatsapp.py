"""Meta's WhatsApp Cloud API over pooled keep-alive connections."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from urllib3.filepost import encode_multipart_formdata

from lifeline.adapters.http import HEADER_SAFE, Http, HttpError
from lifeline.adapters.secrets import Secrets
from lifeline.contract.messages import Message, Template
from lifeline.domain.failure.causes import Cause, Fault
from lifeline.domain.failure.classify import Failure, classify_answer, classify_fault
from lifeline.domain.failure.reading import read_json
from lifeline.domain.failure.usage import Usage, usage_headers
from lifeline.domain.message.kinds import request

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

    Its connections are shared by the sending threads; nothing is asked twice, because Meta has no idempotency
    key and a second POST could be a second message.
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
        self._secrets = secrets
        self._app_token = app_token
        self._root = f"{base_url}/{version}"
        self._phone_number_id = phone_number_id
        self._waba_id = waba_id
        self._http = Http(connections=connections, connect_timeout=connect_timeout, read_timeout=read_timeout)
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
        """Ask Meta to deliver ``message`` to ``to`` (E.164, or a business-scoped id). ``template`` replaces
        the message's own; ``media_id`` is what a voice message says, as an uploaded recording. ``tag``: see
        :func:`~lifeline.domain.message.kinds.request`.
        """
        return self.post_message(request(message, to, tag, template, media_id))

    def post_message(self, body: Mapping[str, Any]) -> Accepted | Failure:
        """POST one message body as it is."""
        outcome = self._call("POST", f"/{self._phone_number_id}/messages", body=json.dumps(body).encode())
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

    def reaches(self, within: float) -> Failure | None:
        """Why Meta does not answer within so many seconds where nothing is sent; ``None`` if it does."""
        outcome = self._call("GET", f"/{self._phone_number_id}?fields=id", within=within)
        return outcome if isinstance(outcome, Failure) else None

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
        return self._call("POST", f"/{template_id}/unpause", body=b"{}")

    def upload(
        self,
        content: bytes,
        name: str = "voice.ogg",
        mime_type: str = "audio/ogg",
        wait: float | None = None,
    ) -> str | Failure:
        """Upload a file, by default speech; answers with its media id, good for 30 days (Meta, "Media").

        ``wait``: seconds without an answer; Meta takes its time for a large one.
        """
        body, kind = encode_multipart_formdata(
            {
                "messaging_product": "whatsapp",
                "type": mime_type,
                "file": (name, content, mime_type),
            }
        )
        outcome = self._call("POST", f"/{self._phone_number_id}/media", body=body, kind=kind, wait=wait)
        if isinstance(outcome, Failure):
            return outcome
        media_id = outcome.body.get("id")
        if not media_id:
            return classify_fault(Fault.NOT_JSON, "the answer to an upload names no media id")
        return str(media_id)

    def delete_media(self, media_id: str) -> Lost | Failure | None:
        """Delete a medium; ``Lost.GONE`` where Meta has it no longer."""
        outcome = self._call("DELETE", f"/{media_id}") if _MEDIA_ID.fullmatch(media_id) else Lost.GONE
        if isinstance(outcome, Failure) and (outcome.code == 100 or outcome.http_status == 404):
            return Lost.GONE
        return None if isinstance(outcome, Answer) else outcome

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
        if not HEADER_SAFE.fullmatch(token):
            return _no_token()
        try:
            # Not by Content-Length: Meta's answers have come without one.
            reply = self._http.ask("GET", url, {"Authorization": f"Bearer {token}"}, limit=limit)
        except HttpError as error:
            return classify_fault(error.fault, str(error))
        if reply.status != 200:
            return classify_answer(reply.status, None, reply.headers)
        return Lost.TOO_LARGE if reply.body is None else reply.body

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
        body: bytes | None = None,
        kind: str = "application/json",
        token: str | None = None,
        within: float | None = None,
        wait: float | None = None,
    ) -> Answer | Failure:
        """One call; ``kind``: of its body; ``token``: another one than ours; ``within``: seconds for all
        of it, where it has less than its time-outs; ``wait``: seconds without an answer, where it has others.

        A refused token is looked up once more, and where somebody has stored another one meanwhile, the call
        is made again with that: Meta refused the first, so nothing was sent.
        """
        if params:
            path = f"{path}?{urlencode(params)}"
        used = token or self._secrets.get("access_token")
        outcome = self._once(method, path, body, kind, used, within=within, wait=wait)
        if token is None and isinstance(outcome, Failure) and outcome.cause is Cause.AUTH:
            fresh = self._secrets.renewed(used)
            if fresh and fresh != used:
                return self._once(method, path, body, kind, fresh, within=within, wait=wait)
        return outcome

    def _once(
        self,
        method: str,
        path: str,
        body: bytes | None,
        kind: str,
        token: str,
        *,
        within: float | None,
        wait: float | None,
    ) -> Answer | Failure:
        if not HEADER_SAFE.fullmatch(token):
            return _no_token()
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Content-Type": kind}
        try:
            reply = self._http.ask(
                method,
                self._root + path,
                headers,
                body,
                limit=MAX_ANSWER_BYTES,
                within=within,
                wait=wait,
            )
        except HttpError as error:
            return classify_fault(error.fault, str(error))
        answer = read_json(reply.body)
        self.last_usage = usage_headers(reply.headers) or self.last_usage
        if reply.status == 200 and isinstance(answer, dict) and "error" not in answer:
            return Answer(answer, self.last_usage)
        if reply.status == 200 and not isinstance(answer, dict):
            return classify_fault(Fault.NOT_JSON, "Meta's answer is not a JSON object")
        failure = classify_answer(reply.status, answer, reply.headers)
        return replace(failure, details=_without(failure.details, (token,)))


def _no_token() -> Failure:
    """Nothing that could stand in a header is stored; it is not named."""
    return classify_answer(401, {"error": {"message": "no usable access token is stored"}}, {})


def _is_valid(body: Mapping[str, Any]) -> bool:
    data = body.get("data")
    return isinstance(data, dict) and data.get("is_valid") is True


def _without(text: str, secrets: tuple[str, ...]) -> str:
    """``text`` without these values: Meta repeats a malformed token in its message."""
    for secret in secrets:
        if len(secret) >= 6:
            text = text.replace(secret, "***")
    return text
