"""When a recipient is not to be disturbed: the message says so, else the contact, else the setting."""

from __future__ import annotations

from lifeline.adapters.contacts import Contact
from lifeline.contract.messages import Message
from lifeline.domain.pace.quiet import CRITICAL, QuietHours, Rest, zones_of
from lifeline.settings import Settings


class AtRest:
    """One instance per worker. ``to``: the number in E.164, or the business-scoped user id."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def until(self, message: Message, to: str | None, contact: Contact | None, now: float) -> float | None:
        """When the recipient's quiet hours are over (epoch seconds); ``None`` when it is not quiet."""
        rest = self._rest(message, to, contact)
        return rest.until(now, self._settings.quiet) if rest else None

    def noted(self, message: Message, to: str | None, contact: Contact | None) -> str | None:
        """What the row keeps of it for the tick; ``None`` where nothing holds the message back."""
        rest = self._rest(message, to, contact)
        return rest.written() if rest else None

    def _rest(self, message: Message, to: str | None, contact: Contact | None) -> Rest | None:
        recipient = message.recipient
        given = recipient.quiet_hours or (contact.quiet_hours if contact else None)
        own = QuietHours(*given) if given else None
        if message.priority == CRITICAL or not to or not (own or self._settings.quiet).any:
            return None
        zone = recipient.time_zone or (contact.time_zone if contact else None)
        return Rest(zones_of(to, zone, self._settings.default_region_code), own)
