"""Forms with a file in them (RFC 7578), as clients upload recordings and media."""

from __future__ import annotations

import re
from typing import Final

from local.simulators.server import Request

_BOUNDARY: Final = re.compile(r'boundary="?([^";]+)"?')
_FIELD: Final = re.compile(r'\bname="([^"]*)"')
_FILE_NAME: Final = re.compile(r'\bfilename="([^"]*)"')


def multipart(request: Request) -> tuple[dict[str, str], bytes, str]:
    """Fields, file and file name of a form; what cannot be read is empty. A field that is there several times
    (``name[]``) has its values joined with commas.
    """
    found = _BOUNDARY.search(request.headers.get("content-type", ""))
    fields: dict[str, str] = {}
    file, name = b"", ""
    if not found:
        return fields, file, name
    for part in (b"\r\n" + request.raw).split(b"\r\n--" + found[1].encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        lines = head.decode(errors="replace")
        field = _FIELD.search(lines)
        if field is None:
            continue
        if field[1] == "file":
            file_name = _FILE_NAME.search(lines)
            file, name = content, file_name[1] if file_name else ""
        else:
            value = content.decode(errors="replace")
            fields[field[1]] = f"{fields[field[1]]},{value}" if field[1] in fields else value
    return fields, file, name
