"""What is taken out of a built layer, and for which runtime an environment is built."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local import build as building
from local.build import ROOT, LocalError, build_for, trim


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_a_layer_keeps_what_functions_read(tmp_path: Path) -> None:
    kept = {
        "botocore/data/endpoints.json",
        "botocore/data/sqs/2012-11-05/service-2.json.gz",
        "botocore/data/lambda/2015-03-31/paginators-1.json",
        "aws_lambda_powertools/logging/logger.py",
        "aws_lambda_powertools/utilities/__init__.py",
        "aws_lambda_powertools/utilities/typing/__init__.py",
        "phonenumbers/data/region_DE.py",
        "phonenumbers/shortdata/__init__.py",
        "boto3-1.0.dist-info/METADATA",
        "boto3-1.0.dist-info/licenses/LICENSE",
        "lifeline/settings.py",
    }
    dropped = {
        "botocore/data/ec2/2016-11-15/service-2.json.gz",
        "botocore/data/lambda/2014-11-11/service-2.json.gz",
        "botocore/data/lambda/2015-03-31/examples-1.json",
        "boto3/data/sqs/2012-11-05/resources-1.json",
        "boto3/examples/s3.rst",
        "boto3-1.0.dist-info/RECORD",
        "aws_lambda_powertools/event_handler/router.py",
        "aws_lambda_powertools/utilities/parser/parser.py",
        "phonenumbers/shortdata/region_DE.py",
        "phonenumbers/phonenumber.pyi",
        "requests/__pycache__/api.cpython-311.pyc",
        "requests/tests/test_api.py",
        "bin/jp.py",
    }
    for name in kept | dropped:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    trim(tmp_path)
    assert files(tmp_path) == kept


def test_an_environment_that_is_not_there_is_refused() -> None:
    with pytest.raises(LocalError, match="no environment nowhere"):
        build_for("nowhere")


def test_an_environment_is_built_with_what_it_deploys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[tuple[list[str], str]] = []
    monkeypatch.setattr(building, "STAMP", tmp_path / "out" / "stamp")
    monkeypatch.setattr(building, "_build", lambda arguments, python, say: calls.append((arguments, python)))
    monkeypatch.setattr("shutil.which", lambda name, path: f"/bin/{name}")
    build_for("dev")
    ((arguments, python),) = calls
    assert arguments[:3] == ["--config-env", "dev", "--parameter-overrides"]
    assert "Stage=dev" in arguments
    default = re.search(r"PythonRuntime:.*?Default: (\S+)", (ROOT / "template.yaml").read_text(), re.DOTALL)
    assert default is not None
    assert python == f"/bin/{default[1]}"


def test_the_runtime_of_an_environment_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path: None)
    with pytest.raises(LocalError, match=r"dev runs python3\.\d+"):
        build_for("dev")
