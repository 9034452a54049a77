"""Builds the package (PEP 517) with the contract's own files in it.

The contract has one source, ``layers/lifeline/lifeline/contract``. What the package needs of it is copied
when it is built, under the package's own name: the only change is that of the imports, ``lifeline.contract``
to ``lifeline_producer.contract``. A source distribution carries the copies, and is built from them.

    python build_backend.py       write the copies into src, for tools that read the source (git ignores them)
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "src" / "lifeline_producer"
CONTRACT = HERE.parent / "layers" / "lifeline" / "lifeline" / "contract"
LICENSE = HERE.parent / "LICENSE"
ROOTS = ("__init__", "inbound", "messages", "outcomes")
"""What is copied, with all that it imports of the contract; operators' actions stay out."""

_IMPORT = re.compile(r"^from lifeline\.contract\.(\w+) import", re.MULTILINE)

WHEEL = b"Wheel-Version: 1.0\nGenerator: lifeline-producer\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
MOMENT = (2026, 1, 1, 0, 0, 0)
"""The time of every file: the same sources give the same bytes."""


def copies() -> dict[str, str]:
    """The contract's files as the package has them, by name."""
    if not CONTRACT.is_dir():  # a source distribution
        return {path.name: path.read_text() for path in sorted((SOURCE / "contract").glob("*.py"))}
    texts: dict[str, str] = {}
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if f"{name}.py" not in texts:
            text = (CONTRACT / f"{name}.py").read_text()
            texts[f"{name}.py"] = renamed(text)
            waiting += _IMPORT.findall(text)
    return dict(sorted(texts.items()))


def renamed(text: str) -> str:
    """A file of the contract under the package's own name."""
    return re.sub(r"^from lifeline\.contract\b", "from lifeline_producer.contract", text, flags=re.MULTILINE)


def project() -> dict[str, Any]:
    """The table ``project`` of pyproject.toml."""
    read: dict[str, Any] = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    return read


def files() -> dict[str, bytes]:
    """All files of the package, by their path in the wheel."""
    own = {
        f"lifeline_producer/{path.name}": path.read_bytes()
        for path in sorted(SOURCE.iterdir())
        if path.suffix == ".py" or path.name == "py.typed"
    }
    return own | {f"lifeline_producer/contract/{name}": text.encode() for name, text in copies().items()}


def metadata() -> bytes:
    """METADATA of the wheel, PKG-INFO of the source distribution."""
    told = project()
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {told['name']}",
        f"Version: {told['version']}",
        f"Summary: {told['description']}",
        f"License-Expression: {told['license']}",
        f"Requires-Python: {told['requires-python']}",
        *(f"Requires-Dist: {name}" for name in told["dependencies"]),
        "Classifier: Typing :: Typed",
        "Description-Content-Type: text/markdown",
        "",
        (HERE / "README.md").read_text(),
    ]
    return "\n".join(lines).encode()


def _stem() -> str:
    told = project()
    return f"{told['name'].replace('-', '_')}-{told['version']}"


def build_wheel(
    wheel_directory: str, config_settings: object = None, metadata_directory: str | None = None
) -> str:
    """Write the wheel; gives its name (PEP 517)."""
    stem = _stem()
    info = f"{stem}.dist-info"
    content = files() | {
        f"{info}/METADATA": metadata(),
        f"{info}/WHEEL": WHEEL,
    }
    if LICENSE.exists():
        content[f"{info}/licenses/LICENSE"] = LICENSE.read_bytes()
    rows = []
    for name, data in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}")
    rows.append(f"{info}/RECORD,,")
    content[f"{info}/RECORD"] = ("\n".join(rows) + "\n").encode()
    name = f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in content.items():
            entry = zipfile.ZipInfo(path, MOMENT)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
    return name


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:
    """Write the source distribution, with the copies and the tests; gives its name (PEP 517)."""
    stem = _stem()
    content = {f"src/{name}": data for name, data in files().items()} | {"PKG-INFO": metadata()}
    for path in (HERE / "pyproject.toml", HERE / "README.md", Path(__file__), *(HERE / "tests").glob("*.py")):
        content[path.relative_to(HERE).as_posix()] = path.read_bytes()
    name = f"{stem}.tar.gz"
    with tarfile.open(Path(sdist_directory) / name, "w:gz") as archive:
        for path_in, data in content.items():
            entry = tarfile.TarInfo(f"{stem}/{path_in}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return name


def main() -> None:
    """Write the copies into the source folder."""
    target = SOURCE / "contract"
    target.mkdir(exist_ok=True)
    for name, text in copies().items():
        (target / name).write_text(text)


if __name__ == "__main__":
    main()
