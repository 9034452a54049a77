"""What of a medium, a header and a place can be said in a message: schemas that several kinds share.

Types: :data:`~lifeline.contract.media.FILE_TYPES`. A schema sees an address, never the medium behind
it: what an address ends in is checked, its size is Meta's to find.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lifeline.contract.media import FILE_TYPES
from lifeline.contract.patterns import LINE, LINK, MEDIA_ID, TEMPLATE_WORD, TEXT, VALUE, not_ending

MAX_CAPTION: Final = 1024
"""Characters of a caption (Meta's OpenAPI file, ``MediaObject_1``)."""
MAX_LINK: Final = 2048
MAX_FILENAME: Final = 240
"""Characters; both ours: Meta names no figure."""
MAX_HEADER: Final = 60
"""Characters of a header's text (Meta's OpenAPI file, ``HeaderObject``)."""
MAX_PLACE: Final = 1000
"""Characters of a place's name and of its address; ours: Meta names no figure."""


@dataclass(frozen=True, slots=True)
class Medium:
    """What a kind of medium may be. ``endings``: of file names, those of the types that Meta takes."""

    endings: tuple[str, ...]
    caption: bool = False
    filename: bool = False


def _endings(kind: str) -> tuple[str, ...]:
    return tuple(ending for item in FILE_TYPES.values() if item.kind == kind for ending in item.endings)


MEDIA: Final[Mapping[str, Medium]] = {
    "image": Medium(_endings("image"), caption=True),
    "document": Medium((), caption=True, filename=True),
    "video": Medium(_endings("video"), caption=True),
    # What is in an MP4 file, its name does not say.
    "audio": Medium((*_endings("audio"), "mp4")),
    "sticker": Medium(_endings("sticker")),
}
"""By kind of message. A document may be of any type."""
_KNOWN: Final = (
    *(ending for item in FILE_TYPES.values() for ending in item.endings),
    *("gif", "bmp", "tif", "tiff", "heic", "heif", "avif", "svg", "ico", "mov", "avi", "mkv", "webm", "wmv"),
    *("wav", "flac", "wma", "aiff", "zip", "htm", "html"),
)
"""Endings that say of what type a file is. Other addresses may lead to anything."""


def closed(title: str, required: tuple[str, ...] = (), /, **properties: Any) -> dict[str, Any]:
    """Schema of an object with these fields and no others; ``title``: its name in other languages."""
    return {
        "title": title,
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }


def line(most: int, description: str = "", *, pattern: str = LINE) -> dict[str, Any]:
    """Schema of a text of 1 to ``most`` characters without line breaks."""
    words = {"description": description} if description else {}
    return {"type": "string", "minLength": 1, "maxLength": most, "pattern": pattern, **words}


def text(most: int, description: str = "") -> dict[str, Any]:
    """Schema of a text of 1 to ``most`` characters in any number of lines."""
    return line(most, description, pattern=TEXT)


def medium(kind: str, title: str, *, caption: bool = True) -> dict[str, Any]:
    """Schema of a medium by ``id`` or by ``link``, with what Meta allows beside it."""
    about = MEDIA[kind]
    wrong = [ending for ending in _KNOWN if about.endings and ending not in about.endings]
    link = line(MAX_LINK, "An https address from which Meta fetches it, without a login.", pattern=LINK)
    if wrong:
        link["allOf"] = [{"pattern": not_ending(wrong)}]
    more = {"caption": text(MAX_CAPTION)} if caption and about.caption else {}
    if about.filename:
        more["filename"] = line(MAX_FILENAME, "What the file is called on the person's phone.")
    schema = closed(
        title,
        (),
        id=line(128, "The id of an uploaded medium, good for 30 days.", pattern=MEDIA_ID),
        link=link,
        **more,
    )
    return {**schema, "oneOf": [{"required": ["id"]}, {"required": ["link"]}]}


LOCATION: Final = closed(
    "Location",
    ("latitude", "longitude"),
    latitude={"type": "number", "minimum": -90, "maximum": 90},
    longitude={"type": "number", "minimum": -180, "maximum": 180},
    name=line(MAX_PLACE),
    address=line(MAX_PLACE),
)


def _media_header(kind: str) -> dict[str, Any]:
    name = kind.capitalize()
    content = medium(kind, f"Header{name}", caption=False)
    return closed(f"{name}Header", ("type", kind), **{"type": {"const": kind}, kind: content})


TEXT_HEADER: Final = closed("TextHeader", ("type", "text"), type={"const": "text"}, text=line(MAX_HEADER))
HEADER: Final[dict[str, Any]] = {
    "oneOf": [TEXT_HEADER, *(_media_header(kind) for kind in ("image", "video", "document"))]
}
"""Of an interactive message."""
CARD_HEADER: Final[dict[str, Any]] = {"oneOf": [_media_header(kind) for kind in ("image", "video")]}
"""Of a carousel's card."""
PARAMETER_NAME: Final = line(
    64, "The placeholder's name, in a template with named ones.", pattern=TEMPLATE_WORD
)
TEMPLATE_HEADER: Final[dict[str, Any]] = {
    "oneOf": [
        closed(
            "TemplateTextHeader",
            ("type", "text"),
            type={"const": "text"},
            text=line(MAX_HEADER, pattern=VALUE),
            parameter_name=PARAMETER_NAME,
        ),
        *(_media_header(kind) for kind in ("image", "video", "document")),
        closed("LocationHeader", ("type", "location"), type={"const": "location"}, location=LOCATION),
    ],
    "description": "The value of the template's header: a text, a medium or a place.",
}
"""Of a template: the value of the placeholder in a text, or what a header of that format shows."""
