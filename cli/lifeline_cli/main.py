"""``lifeline``: steer Lifeline from a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from lifeline_cli import (
    audit,
    campaign,
    incident,
    limiter,
    media,
    messages,
    panic,
    person,
    queue,
    ready,
    render,
    stacks,
    whatsapp,
    whatsapp_account,
    whatsapp_token,
)
from lifeline_cli.client import Client
from lifeline_cli.errors import DONE, FAILED, USAGE, CliError
from lifeline_cli.options import Options, hoist
from lifeline_cli.render import Cli

app = typer.Typer(
    name="lifeline",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="Keep messages arriving when WhatsApp fails. Start with: lifeline panic status",
    epilog="The options above work before or after a command. "
    "Exit codes: 0 done, 1 refused or failed, 2 wrong usage. At 3 a.m.: docs/runbook.md.",
)
app.add_typer(panic.app, name="panic")
app.add_typer(queue.app, name="queue")
app.add_typer(limiter.app, name="limiter")
app.add_typer(whatsapp.app, name="whatsapp")
whatsapp.app.command("rate-status")(whatsapp_account.rate_status)
whatsapp.app.command("volume")(whatsapp_account.volume)
whatsapp.app.command("test")(whatsapp_account.probe)
whatsapp.app.command("token-status")(whatsapp_token.token_status)
whatsapp.app.command("refresh-token")(whatsapp_token.refresh_token)
whatsapp.app.command("set-token")(whatsapp_token.set_token)
app.add_typer(incident.app, name="incident")
app.add_typer(campaign.app, name="campaign")
app.add_typer(messages.contacts, name="contacts")
app.add_typer(person.app, name="person")
app.add_typer(media.app, name="media")
app.command("status")(ready.status)
app.command("audit")(audit.audit)
app.command("drill")(ready.drill)
app.command("errors")(messages.errors)
app.command("message")(messages.message)
app.command("send")(messages.send)


def _version(asked: bool) -> None:
    """Print the version of the command line and end."""
    if asked:
        from importlib.metadata import PackageNotFoundError, version  # not at the top: --help must not wait

        try:
            number = version("lifeline")
        except PackageNotFoundError:
            number = "(not installed: runs from a work tree)"
        sys.stdout.write(f"lifeline {number}\n")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    stack: Annotated[
        str,
        typer.Option(
            "--stack",
            metavar="NAME",
            envvar="LIFELINE_STACK",
            help="The CloudFormation stack, or its name in config.toml.",
        ),
    ] = "",
    region: Annotated[
        str, typer.Option("--region", metavar="REGION", help="AWS region; default: AWS_REGION.")
    ] = "",
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME", help="AWS profile; default: AWS_PROFILE.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with stable keys.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop."),
    ] = False,
) -> None:
    """Read the global options."""
    if context.obj is None:
        region = region or os.environ.get("AWS_REGION", "")
        context.obj = Cli(Client(stacks.resolved(Options(stack, region, profile, as_json))))


def run(arguments: Sequence[str] | None = None) -> int:
    """The console script: carry out a command line and return its exit code."""
    words = hoist(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(args=words, prog_name="lifeline", standalone_mode=False)
    except CliError as error:
        return _fail(error, "--json" in words)
    except typer.TyperException as error:
        return _usage(error, "--json" in words)
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("\n")
        return DONE if "--watch" in " ".join(words) else FAILED
    except BrokenPipeError:
        # Who reads has gone (head, less); Python would complain while it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return code if isinstance(code, int) else DONE


def _fail(error: CliError, as_json: bool) -> int:
    if as_json and error.shown:
        return error.exit_code
    if as_json:
        render.print_json(error.document())
        return error.exit_code
    console = render.err()
    console.print(render.text(f"lifeline: {error.message}", "bold red"))
    if error.valid:
        console.print(render.text(f"Valid: {', '.join(error.valid)}"))
    if error.hint:
        console.print(render.text(error.hint))
    return error.exit_code


def _usage(error: typer.TyperException, as_json: bool) -> int:
    message = getattr(error, "format_message", lambda: str(error))()
    if not message:  # no_args_is_help: the help has been printed
        return USAGE
    return _fail(CliError("usage", message, "See the options with --help.", exit_code=USAGE), as_json)


if __name__ == "__main__":
    sys.exit(run())
