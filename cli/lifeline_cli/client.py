"""Find the operator functions through the stack's outputs and invoke them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from lifeline.contract.operator_actions import Refusal, only_reads, parse_answer, request_faults, request_for

from lifeline_cli.errors import CliError, of_aws, usage
from lifeline_cli.options import Options
from lifeline_cli.proof import Signer

OUTPUT: Final = "OperatorFunctionName"
READ_OUTPUT: Final = "OperatorReadFunctionName"
STACK_VARIABLE: Final = "LIFELINE_STACK"
CALL_SECONDS: Final = 65
"""Read time-out of an invocation: more than OperatorFunction's own 60 s."""


def checked(action: str, **fields: Any) -> dict[str, Any]:
    """A request that fits the contract. Raises a usage error, before anything is asked of AWS."""
    request = request_for(action, **fields)
    faults = [fault.removeprefix("request.") for fault in request_faults(request)]
    if faults:
        raise usage("; ".join(faults), "Nothing was sent.")
    return request


class Client:
    """Operator actions of one stack. Nothing is loaded or asked before the first call."""

    def __init__(self, options: Options) -> None:
        self.options = options

    @property
    def stack(self) -> str:
        """The stack's name. Raises :class:`CliError` where none is given."""
        name = self.options.stack or os.environ.get(STACK_VARIABLE, "")
        if not name:
            raise usage(
                "no stack is set",
                f"Use --stack NAME, or set {STACK_VARIABLE}: export {STACK_VARIABLE}=lifeline-prod",
            )
        return name

    @cached_property
    def _session(self) -> Any:
        import boto3  # not at the top: --help must not wait for it

        try:
            session = boto3.Session(
                profile_name=self.options.profile or None, region_name=self.options.region or None
            )
        except Exception as error:
            raise of_aws(error, "reading the profile", self.options.region) from error
        if not session.region_name:
            raise CliError(
                "no_region",
                "no AWS region is set",
                "Use --region, for example --region eu-west-1, or set AWS_REGION.",
            )
        return session

    @property
    def region(self) -> str:
        """The region in use."""
        return str(self._session.region_name)

    def _aws(self, service: str, read_timeout: int = 15, attempts: int = 3) -> Any:
        from botocore.config import Config

        config = Config(
            connect_timeout=5,
            read_timeout=read_timeout,
            retries={"total_max_attempts": attempts, "mode": "standard"},
        )
        try:
            return self._session.client(service, config=config)
        except (CliError, KeyboardInterrupt):
            raise
        except Exception as error:
            raise of_aws(error, f"connecting to {service}", self.options.region) from error

    @cached_property
    def _lambda(self) -> Any:
        return self._aws("lambda", CALL_SECONDS, attempts=1)

    @cached_property
    def _described(self) -> dict[str, Any]:
        """The stack as CloudFormation describes it."""
        name, doing = self.stack, f"reading stack {self.stack} in {self.region}"
        try:
            return dict(self._aws("cloudformation").describe_stacks(StackName=name)["Stacks"][0])
        except CliError:
            raise
        except Exception as error:
            fault = of_aws(error, doing, self.region)
            if fault.code == "aws" and "does not exist" in fault.message:
                raise CliError(
                    "no_stack",
                    f"there is no stack {name!r} in {self.region}",
                    "Check --stack and --region (and --profile: another account has other stacks).",
                ) from error
            raise fault from error

    def function(self, request: Mapping[str, Any]) -> str:
        """The physical name of the function that takes a request: the reading one where that will do."""
        output = READ_OUTPUT if only_reads(request) else OUTPUT
        outputs = {item["OutputKey"]: item["OutputValue"] for item in self._described.get("Outputs", [])}
        if output not in outputs:
            raise CliError(
                "not_lifeline",
                f"stack {self.stack!r} has no output {output}: it is not a Lifeline stack, or its deployment "
                "did not finish",
                "Check --stack, or deploy again.",
            )
        return str(outputs[output])

    @cached_property
    def _signer(self) -> Signer:
        return Signer(self._session, self.region, str(self._described["StackId"]))

    def prove(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Who calls, signed with the caller's credentials for this request alone."""
        try:
            return self._signer.prove(request)
        except CliError:
            raise
        except Exception as error:
            raise of_aws(error, "signing the request", self.region) from error

    def call(self, action: str, **fields: Any) -> dict[str, Any]:
        """Carry out one action and return its ``result``. Raises :class:`CliError` otherwise."""
        return self._answer(checked(action, **fields))

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        document, action = self._invoke(request), request["action"]
        try:
            answer = parse_answer(document)
        except ValueError as error:
            raise CliError("bad_answer", f"{self.function(request)}: {error}", action=action) from error
        if isinstance(answer, Refusal):
            raise CliError(answer.code, answer.message, action=action, valid=answer.valid)
        return dict(answer)

    def change(self, action: str, **fields: Any) -> dict[str, Any]:
        """As :meth:`call`, with a proof of who calls: the history names the actor."""
        request = checked(action, **fields)
        return self._answer({**request, "proof": self.prove(request)})

    def _invoke(self, request: dict[str, Any]) -> object:
        function = self.function(request)
        try:
            answer = self._lambda.invoke(FunctionName=function, Payload=json.dumps(request).encode())
            payload = answer["Payload"].read()
        except CliError:
            raise
        except Exception as error:
            if "ResourceNotFound" in type(error).__name__:
                raise CliError(
                    "no_function",
                    f"the stack names function {function}, which does not exist",
                    "Deploy the stack again.",
                ) from error
            raise of_aws(error, f"invoking {function}", self.region) from error
        return self._read(function, request["action"], answer, payload)

    @staticmethod
    def _read(function: str, action: str, answer: Any, payload: bytes) -> object:
        try:
            document = json.loads(payload or b"null")
        except ValueError:
            document = None
        if answer.get("FunctionError"):
            detail = document if isinstance(document, dict) else {}
            text = str(detail.get("errorMessage") or payload[:200].decode(errors="replace"))
            raise CliError(
                "function_failed",
                f"{function} failed: {detail.get('errorType', answer['FunctionError'])}: {text[:300]}",
                f"See its log: aws logs tail /aws/lambda/{function} --since 10m",
                action=action,
            )
        return document
