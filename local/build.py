"""``sam build``, then the layer without what nothing runs, byte-compiled.

    python -m local.build            for this machine, skipped when no input has changed
    python -m local.build --env dev  for what samconfig.toml deploys to an environment; ``sam deploy`` follows
    python -m local.build --env prod --canary Canary10Percent5Minutes    with canary.yaml laid over it

SAM ships a layer without byte code and ``/opt`` is read-only in Lambda, so every cold start would compile
every module that it imports. Hash-based pyc files need no check of the source's time. And it ships what
packages carry for others: descriptions of 430 AWS services, of which the functions call nine.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import yaml

from local import canary

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / ".aws-sam" / "build"
STAMP = ROOT / ".aws-sam" / "inputs.sha256"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
SAM = ROOT / ".venv-sam" / "bin" / "sam"

SERVICES: Final = frozenset(
    {
        "cloudwatch",
        "dynamodb",
        "lambda",
        "pinpoint-sms-voice-v2",
        "s3",
        "secretsmanager",
        "sesv2",
        "sns",
        "sqs",
        "sts",
    }
)
"""AWS services that functions call, as boto3 names them. The layer describes no other."""
POWERTOOLS: Final = frozenset({"data_classes", "jmespath_utils", "typing"})
"""Utilities of Powertools that are imported, directly or by one another."""
LEFT_OUT: Final = (
    "bin",
    "boto3/data",  # resources: the functions use clients
    "boto3/examples",
    "botocore/data/*/*/examples-1.json",
    "aws_lambda_powertools/event_handler",
    "phonenumbers/shortdata/region_*.py",  # emergency and premium numbers: none is asked for
    "*.dist-info/RECORD",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/WHEEL",
    "**/*.pyi",
    "**/py.typed",
    "**/tests",
    "**/__pycache__",
)
"""What no function reads, as patterns in the layer. Licences and each package's METADATA stay."""


class LocalError(Exception):
    """Something local could not be done; the text says what and what to do next."""


def tool_environment() -> dict[str, str]:
    """The environment of every tool: none of the caller's AWS settings, no telemetry."""
    env = {
        k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAM_", "LIFELINE_", "POWERTOOLS_"))
    }
    env["SAM_CLI_TELEMETRY"] = "0"
    env["AWS_DEFAULT_REGION"] = "eu-west-1"
    # SAM looks for the runtime's Python and its pip on the path; a virtual environment's has no pip.
    env["PATH"] = os.pathsep.join([str(Path(sys.base_prefix) / "bin"), env.get("PATH", os.defpath)])
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"):
        env.pop(name, None)
    return env


def digest() -> str:
    """One hash over everything that the build reads."""
    found = hashlib.sha256(f"{RUNTIME} {ARCHITECTURE}".encode())
    files = [ROOT / "template.yaml", Path(__file__)]
    for folder in ("functions", "layers"):
        files += sorted(p for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    for path in files:
        found.update(str(path.relative_to(ROOT)).encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def build(say: bool = True) -> Path:
    """Build once per set of inputs; returns the folder with the built template."""
    STAMP.parent.mkdir(exist_ok=True)
    with (STAMP.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = digest()
        if STAMP.exists() and STAMP.read_text() == wanted and (BUILT / "template.yaml").exists():
            if say:
                print("build: nothing has changed", flush=True)
            return BUILT
        _build(
            [
                *("--template", "template.yaml", "--cached", "--parallel"),
                *("--parameter-overrides", f"PythonRuntime={RUNTIME}", f"Architecture={ARCHITECTURE}"),
            ],
            sys.executable,
            say,
        )
        STAMP.write_text(wanted)
    return BUILT


def build_for(environment: str, shift: str | None = None) -> Path:
    """Build with the parameters that ``samconfig.toml`` deploys to ``environment``, whatever its runtime and
    processor are.

    Args:
        environment: One of ``samconfig.toml``.
        shift: How CodeDeploy shifts the traffic, one of :data:`canary.SHIFTS`; ``None`` deploys all at once,
            without CodeDeploy.

    Raises:
        LocalError: There is no such environment, or its Python is not there.
    """
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    if "deploy" not in config.get(environment, {}):
        raise LocalError(f"samconfig.toml has no environment {environment}")
    overrides: list[str] = config[environment]["deploy"]["parameters"]["parameter_overrides"]
    runtime = dict(item.split("=", 1) for item in overrides).get("PythonRuntime") or _default_runtime()
    python = shutil.which(runtime, path=tool_environment()["PATH"])
    if python is None:
        raise LocalError(f"{environment} runs {runtime}, and there is no {runtime} on the path")
    STAMP.parent.mkdir(exist_ok=True)
    with (STAMP.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build(["--config-env", environment, "--parameter-overrides", *overrides], python, say=True)
        if shift:
            canary.lay_over(BUILT / "template.yaml", shift, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    return BUILT


def _default_runtime() -> str:
    """The template's own."""

    class Loader(yaml.SafeLoader):
        """Reads CloudFormation's tags as plain values, which are not looked at here."""

    Loader.add_multi_constructor("!", lambda loader, suffix, node: None)
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader)  # noqa: S506  # it extends the safe one
    return str(template["Parameters"]["PythonRuntime"]["Default"])


def _build(arguments: list[str], python: str, say: bool) -> None:
    """``sam build``, then :func:`trim`, then byte code by ``python``, which is the runtime's own version."""
    started = time.monotonic()
    STAMP.unlink(missing_ok=True)
    done = subprocess.run(
        [str(SAM), "build", *arguments],
        cwd=ROOT,
        env=tool_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LocalError(f"sam build failed:\n{done.stdout}\n{done.stderr}")
    layer = BUILT / "LifelineLayer" / "python"
    trim(layer)
    compiled = subprocess.run(
        [
            *(python, "-m", "compileall", "-q", "-j", "0", "-s", str(layer)),
            *("--invalidation-mode", "unchecked-hash", str(layer)),
        ],
        env=tool_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if compiled.returncode:
        raise LocalError(f"byte code could not be made:\n{compiled.stdout}\n{compiled.stderr}")
    if say:
        files = [path for path in layer.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        print(
            f"build: done in {time.monotonic() - started:.1f} s; layer of {size / 1e6:.1f} MB, "
            f"{len(files)} files",
            flush=True,
        )


def trim(layer: Path) -> None:
    """Delete from a layer what no function reads: :data:`LEFT_OUT`, and AWS services beside :data:`SERVICES`.

    Of each service the newest version stays, which is the one that boto3 takes.
    """
    unused = [path for pattern in LEFT_OUT for path in layer.glob(pattern)]
    for service in (layer / "botocore" / "data").iterdir():
        if service.is_dir():
            versions = sorted(path for path in service.iterdir() if path.is_dir())
            unused += versions[:-1] if service.name in SERVICES else [service]
    utilities = layer / "aws_lambda_powertools" / "utilities"
    unused += [path for path in utilities.iterdir() if path.is_dir() and path.name not in POWERTOOLS]
    for path in unused:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", help="an environment of samconfig.toml; default: this machine")
    parser.add_argument("--canary", choices=canary.SHIFTS, metavar="SHIFT", help=", ".join(canary.SHIFTS))
    chosen = parser.parse_args()
    if chosen.canary and not chosen.env:
        parser.error("--canary needs --env: what is deployed to this machine has no CodeDeploy")
    if chosen.env:
        build_for(chosen.env, chosen.canary)
    else:
        build()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LocalError as error:
        sys.exit(str(error))
