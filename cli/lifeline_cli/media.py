"""``lifeline media ...``: files at Meta that messages name by a media id."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from lifeline.contract.media import DIRECT_BYTES, FILE_TYPES, HEAD, file_fault, type_of

from lifeline_cli import render
from lifeline_cli.errors import CliError
from lifeline_cli.render import Cli

if TYPE_CHECKING:
    from rich.console import RenderableType

app = typer.Typer(no_args_is_help=True, help="Upload, list and delete media files at Meta.")
PART: Final = 1 << 20
PUT_SECONDS: Final = 300.0
"""How long the upload of a large file may take without an answer."""


@app.command()
def upload(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file.")],
    mime: Annotated[
        str,
        typer.Option(
            "--type", metavar="MIME", help="MIME type, such as image/png; default: from the extension."
        ),
    ] = "",
) -> None:
    """Upload a file to Meta and print its media ID, valid for 30 days. The same file keeps its ID."""
    cli: Cli = context.obj
    kind = (mime or type_of(file.name) or "").partition(";")[0].strip().lower()
    if not kind:
        raise CliError(
            "bad_file",
            f"unknown type: WhatsApp takes no files with the extension of {file}",
            "Use --type MIME.",
            valid=tuple(FILE_TYPES),
        )
    size, sha256 = _checked(file, kind)
    fields: dict[str, Any] = {"file": file.name[:240], "type": kind}
    if size <= DIRECT_BYTES:
        fields["data"] = base64.b64encode(file.read_bytes()).decode()
    else:
        fields["sha256"] = sha256
        _put(file, cli.client.change("media.prepare", sha256=sha256, size=size, type=kind))
    cli.show("media.upload", cli.client.change("media.upload", **fields), draw_upload)


def _checked(file: Path, kind: str) -> tuple[int, str]:
    """Size and SHA-256 of a file that Meta would take. Raises :class:`CliError` for another."""
    digest, size = hashlib.sha256(), 0
    try:
        with file.open("rb") as source:
            fault = file_fault(kind, file.stat().st_size, source.read(HEAD))
            if fault:
                raise CliError(
                    "bad_file",
                    f"{file}: {fault}",
                    "See docs/operations.md, Files at Meta, for types and sizes.",
                )
            source.seek(0)
            while part := source.read(PART):
                digest.update(part)
                size += len(part)
    except OSError as error:
        raise CliError("unreadable_file", f"cannot read {file}: {error}") from error
    return size, digest.hexdigest()


def _put(file: Path, place: Mapping[str, Any]) -> None:
    import urllib3  # not at the top: --help must not wait for it

    try:
        with file.open("rb") as source:
            answer = urllib3.request(
                place["method"],
                place["url"],
                body=source,
                headers=place["headers"],
                timeout=PUT_SECONDS,
                retries=False,
            )
    except (OSError, urllib3.exceptions.HTTPError) as error:
        raise CliError("not_uploaded", f"failed to upload {file} to S3: {type(error).__name__}") from error
    if answer.status != 200:
        code = re.search(rb"<Code>(\w+)</Code>", answer.data)
        said = f"HTTP {answer.status} {code[1].decode() if code else ''}".strip()
        raise CliError("not_uploaded", f"failed to upload {file} to S3: {said}", "Try again.")


@app.command("list")
def list_(context: typer.Context) -> None:
    """List the files uploaded from this stack that Meta still has."""
    cli: Cli = context.obj
    cli.show("media.list", cli.client.call("media.list"), draw_list)


@app.command()
def delete(
    context: typer.Context,
    media_id: Annotated[str, typer.Argument(metavar="ID", help="The media id.", show_default=False)],
) -> None:
    """Delete a file at Meta. Meta rejects messages that still use it."""
    cli: Cli = context.obj
    cli.show("media.delete", cli.client.change("media.delete", id=media_id), draw_delete)


def draw_upload(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """The id, and until when it is good."""
    was = " was uploaded before" if result["known"] else ""
    yield render.text(
        f"{result['name']} ({result['kind']}, {result['type']}, {result['size']} bytes){was}: media id "
    )
    yield render.text(result["id"], "bold")
    yield render.text(f"Valid until {render.moment(result['expires_at'])}.", "dim")


def draw_list(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """A row per file."""
    rows = result["media"]
    if not rows:
        yield render.text("No files uploaded in the last 30 days.", "yellow")
        return
    yield render.table(
        ("id", "kind", "name", "bytes", "expires"),
        [
            (
                row["id"],
                row["kind"] or row["type"],
                row["name"],
                row["size"],
                render.moment(row["expires_at"]),
            )
            for row in rows
        ],
        right=("bytes",),
    )


def draw_delete(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """Whether it was there."""
    name = f" ({result['name']})" if result["name"] else ""
    if result["deleted"]:
        yield render.text(f"Deleted {result['id']}{name} at Meta.")
    else:
        yield render.warn(f"Meta no longer has {result['id']}{name}.")
