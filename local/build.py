"""``sam build`` with the Python that is there, byte-compiled; skipped when no input has changed.

SAM ships a layer without byte code and ``/opt`` is read-only in Lambda, so every cold start would compile
every module that it imports. Hash-based pyc files need no check of the source's time.
"""

from __future__ import annotations

import compileall
import fcntl
import hashlib
import os
import platform
import py_compile
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / ".aws-sam" / "build"
STAMP = ROOT / ".aws-sam" / "inputs.sha256"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
SAM = ROOT / ".venv-sam" / "bin" / "sam"


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
        started = time.monotonic()
        STAMP.unlink(missing_ok=True)
        command = [
            str(SAM),
            "build",
            *("--template", "template.yaml", "--cached", "--parallel"),
            *("--parameter-overrides", f"PythonRuntime={RUNTIME}", f"Architecture={ARCHITECTURE}"),
        ]
        done = subprocess.run(
            command, cwd=ROOT, env=tool_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LocalError(f"sam build failed:\n{done.stdout}\n{done.stderr}")
        layer = BUILT / "LifelineLayer" / "python"
        for junk in layer.rglob("__pycache__"):
            shutil.rmtree(junk)
        compileall.compile_dir(
            layer,
            quiet=2,
            workers=os.cpu_count() or 1,
            stripdir=layer,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        STAMP.write_text(wanted)
        if say:
            print(f"build: done in {time.monotonic() - started:.1f} s", flush=True)
    return BUILT


if __name__ == "__main__":
    try:
        build()
    except LocalError as error:
        sys.exit(str(error))
