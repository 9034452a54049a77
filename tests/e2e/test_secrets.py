"""Which function's role reads which secret, with IAM enforced: by the call that is refused."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from local.stack import SECRETS
from tests.support.system import System

READERS = {
    "Webhook": {"AppSecretArn"},
    "Sender": {"TokenSecretArn", "PersonSecretArn"},
    "Voice": {"TokenSecretArn", "OpenaiSecretArn", "PersonSecretArn"},
    "Prober": {"AppSecretArn", "TokenSecretArn", "OpenaiSecretArn"},
    "TokenKeeper": {"AppSecretArn", "TokenSecretArn"},
    "Operator": {"AppSecretArn", "TokenSecretArn", "PersonSecretArn"},
    "OperatorRead": {"AppSecretArn", "TokenSecretArn"},
    "Drainer": set(),
    "Alarm": set(),
    "Feedback": set(),
}


@pytest.mark.parametrize("name", READERS)
def test_a_functions_role_reads_its_own_secrets_and_is_refused_the_others(system: System, name: str) -> None:
    function = system.stack.client("lambda").get_function_configuration(
        FunctionName=system.out[f"{name}FunctionName"]
    )
    session = system.stack.client("sts").assume_role(RoleArn=function["Role"], RoleSessionName="look")
    keys = session["Credentials"]
    manager = system.stack.client(
        "secretsmanager",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    for output, values in SECRETS.items():
        if output in READERS[name]:
            found = json.loads(manager.get_secret_value(SecretId=system.out[output])["SecretString"])
            assert set(found) >= set(values)
        else:
            with pytest.raises(ClientError, match="AccessDenied"):
                manager.get_secret_value(SecretId=system.out[output])
        if name != "TokenKeeper":
            with pytest.raises(ClientError, match="AccessDenied"):
                manager.put_secret_value(SecretId=system.out[output], SecretString="{}")
