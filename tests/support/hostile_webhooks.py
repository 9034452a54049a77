"""What strangers post to the webhook, and what other accounts' webhooks hold."""

from __future__ import annotations

import json
from typing import Final

from tests.support.meta import (
    WABA_ID,
    sign,
    status,
    statuses,
)

OTHER_NUMBER: Final = "100000000000009"


OTHER_WABA: Final = "200000000000009"


RESTRICTED: Final = {
    "event": "ACCOUNT_RESTRICTION",
    "restriction_info": [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING"}],
}


GOOD_POST: Final = json.dumps(
    {
        "object": "whatsapp_business_account",
        "entry": [{"id": WABA_ID, "changes": [statuses([status("sent", "read", act=1)])]}],
    }
).encode()


DOOR: Final[dict[str, tuple[bytes, str | None, int]]] = {
    "no signature": (GOOD_POST, "", 401),
    "a signature of zeros": (GOOD_POST, "sha256=" + "0" * 64, 401),
    "a signature by an empty secret": (GOOD_POST, sign(GOOD_POST, ""), 401),
    "a signature by another secret": (GOOD_POST, sign(GOOD_POST, "guess"), 401),
    "a signature without its name": (GOOD_POST, sign(GOOD_POST)[7:], 401),
    "a signature of SHA-1": (GOOD_POST, "sha1=" + "0" * 40, 401),
    "a signature in capitals": (GOOD_POST, sign(GOOD_POST).upper(), 401),
    "a signature of another body": (GOOD_POST + b" ", sign(GOOD_POST), 401),
    "a signature with half a character": (GOOD_POST, "sha256=\ud83d", 401),
    "a long signature": (GOOD_POST, "sha256=" + "a" * 100_000, 401),
    "nothing, signed": (b"", None, 400),
    "cut off, signed": (GOOD_POST[:-5], None, 400),
    "a list, signed": (b"[]", None, 400),
    "null, signed": (b"null", None, 400),
    "no UTF-8, signed": (b"\xff\xfe\x00", None, 400),
    "20,000 brackets, signed": (b"[" * 20_000, None, 400),
    "another object, signed": (b'{"object": "page", "entry": []}', None, 200),
    "no entries, signed": (b'{"object": "whatsapp_business_account"}', None, 200),
    "entries of other types, signed": (
        b'{"object": "whatsapp_business_account", "entry": [1, null, [], {"changes": [2, {"value": 3}]}]}',
        None,
        200,
    ),
}
