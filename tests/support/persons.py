"""IAM users of the deployed system, with the stack's policies or without."""

from __future__ import annotations

import json
from typing import Any

import boto3
from lifeline_cli.proof import Signer

from local.stack import REGION
from tests.support.system import System


class Person:
    """An IAM user that may do nothing yet."""

    def __init__(self, system: System, name: str) -> None:
        self.system = system
        self.name = name
        self.iam = system.stack.client("iam")
        self.iam.create_user(UserName=name)
        self.key = self.iam.create_access_key(UserName=name)["AccessKey"]

    @property
    def keys(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": self.key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self.key["SecretAccessKey"],
        }

    def may(self, output: str) -> None:
        self.iam.attach_user_policy(UserName=self.name, PolicyArn=self.system.out[output])

    def client(self, service: str) -> Any:
        return self.system.stack.client(
            service,
            aws_access_key_id=self.key["AccessKeyId"],
            aws_secret_access_key=self.key["SecretAccessKey"],
        )

    def sign(self, request: dict[str, Any]) -> dict[str, Any]:
        stack = self.system.stack.client("cloudformation").describe_stacks(StackName=self.system.stack.name)[
            "Stacks"
        ][0]
        session = boto3.Session(
            aws_access_key_id=self.key["AccessKeyId"],
            aws_secret_access_key=self.key["SecretAccessKey"],
            region_name=REGION,
        )
        return {**request, "proof": Signer(session, REGION, stack["StackId"]).prove(request)}

    def ask(self, function: str, request: dict[str, Any]) -> dict[str, Any]:
        answer = self.client("lambda").invoke(
            FunctionName=self.system.out[f"{function}Name"], Payload=json.dumps(request).encode()
        )
        document: dict[str, Any] = json.loads(answer["Payload"].read())
        return document

    def leave(self) -> None:
        for policy in self.iam.list_attached_user_policies(UserName=self.name)["AttachedPolicies"]:
            self.iam.detach_user_policy(UserName=self.name, PolicyArn=policy["PolicyArn"])
        for policy in self.iam.list_user_policies(UserName=self.name)["PolicyNames"]:
            self.iam.delete_user_policy(UserName=self.name, PolicyName=policy)
        self.iam.delete_access_key(UserName=self.name, AccessKeyId=self.key["AccessKeyId"])
        self.iam.delete_user(UserName=self.name)
