"""The whole system on one machine: local AWS with IAM enforced, the simulators, the deployed template.

    python -m local.stack up      start everything and run until Ctrl-C
    python -m local.stack down    end one that was left in the background
    python -m local.stack status  what runs

Everything it starts ends with it: each process leads a group of its own, and the pid file is believed only
while the process behind it is still the one that was started.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import boto3
import requests
from botocore.config import Config

from local.build import ARCHITECTURE, ROOT, RUNTIME, SAM, LocalError, build, tool_environment
from local.mail_events import MailEvents
from local.metrics import StandIn

REGION = "eu-west-1"
ROOT_KEY = "test"
"""ministack's account root; functions and operators have credentials of their own, with IAM enforced."""
APP = {"app_id": "1234567890", "app_secret": "local-app-secret", "verify_token": "local-verify-token"}
SECRETS = {
    "AppSecretArn": APP,
    "TokenSecretArn": {"access_token": "EAAlocaltoken0000000000000001"},
    "PersonSecretArn": {"person_key": "local-person-key"},
    "OpenaiSecretArn": {"openai_api_key": "sk-local-000000000000"},
}
"""By the output that names the secret. Values for the simulators; nothing outside this machine knows them."""

BATCH_NAMES = {
    "sqs:SendMessage": "sqs:SendMessageBatch",
    "sqs:DeleteMessage": "sqs:DeleteMessageBatch",
    "sqs:ChangeMessageVisibility": "sqs:ChangeMessageVisibilityBatch",
    "sns:Publish": "sns:PublishBatch",
    "dynamodb:PartiQLInsert": "dynamodb:BatchExecuteStatement",
    "dynamodb:PartiQLUpdate": "dynamodb:BatchExecuteStatement",
}
"""AWS checks a batch call by the action of its single calls; ministack asks for the call's own name."""


def with_batch_names(actions: str | list[str]) -> list[str]:
    """The actions of a policy statement, and beside each the name that ministack asks for."""
    listed = [actions] if isinstance(actions, str) else list(actions)
    return list(dict.fromkeys([*listed, *(BATCH_NAMES[name] for name in listed if name in BATCH_NAMES)]))


def with_sessions(arns: list[str]) -> list[str]:
    """The ARNs of roles, and beside each that of its sessions.

    AWS gives a session the ARN of its role as ``aws:PrincipalArn``; ministack gives the session's own.
    """
    return [
        *arns,
        *(f"{arn.replace(':iam:', ':sts:', 1).replace(':role/', ':assumed-role/', 1)}/*" for arn in arns),
    ]


def without_tls(document: dict[str, Any]) -> dict[str, Any]:
    """A policy without the statements that refuse plain HTTP."""
    kept = [item for item in document["Statement"] if "Bool" not in item.get("Condition", {})]
    return {**document, "Statement": kept}


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(check: Callable[[], bool], what: str, within: float = 60.0) -> None:
    """Poll ``check`` until it holds. Raises :class:`LocalError` after ``within`` seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            if check():
                return
        time.sleep(0.05)
    raise LocalError(f"{what} was not ready within {within:.0f} seconds")


@dataclass
class Process:
    """One started process and its group."""

    name: str
    popen: subprocess.Popen[bytes]

    def stop(self, within: float = 8.0) -> None:
        """End the whole group: ask first, then insist."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(within)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()


@dataclass
class LocalStack:
    """One local system. Several can run side by side, each in its own folder."""

    folder: Path
    name: str = "lifeline-local"
    settings: dict[str, Any] = field(default_factory=dict)
    persist: bool = False
    quiet: bool = False
    parameters: dict[str, str] = field(default_factory=dict)
    openapi: Path | None = None
    """Meta's OpenAPI file, if the simulator is to hold sends and its own answers against it."""
    functions_endpoint: str = ""
    """Where the functions find AWS, if not at the local AWS itself: a proxy before it."""
    built: Path | None = None
    """Folder with a built template to deploy instead of the build's own."""
    processes: list[Process] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    endpoints: dict[str, str] = field(default_factory=dict)
    started_at: float = 0.0
    aws_port: int = 0
    mail_events: MailEvents | None = None
    """SES's events about mails, once the local AWS has been started."""
    _stand_in: StandIn | None = None

    def say(self, text: str) -> None:
        """Tell what is going on, with the time since the start."""
        if not self.quiet:
            print(f"[{time.monotonic() - self.started_at:5.1f} s] {text}", flush=True)

    @contextlib.contextmanager
    def _saying(self, what: str) -> Iterator[None]:
        """Tell what is going on, and each ten seconds that it still does."""
        self.say(what)
        over = threading.Event()

        def remind() -> None:
            while not over.wait(10.0):
                self.say(f"still {what}")

        reminder = threading.Thread(target=remind, daemon=True)
        reminder.start()
        try:
            yield
        finally:
            over.set()
            reminder.join()

    def start(self) -> LocalStack:
        """Start, build and deploy everything. On a failure nothing is left running."""
        self.started_at = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.start_aws()
            self._start_simulators()
            if self.built is None:
                with self._saying("building"):
                    self.built = build(say=False)
            with self._saying("deploying the template"):
                self._deploy()
            self._fill()
            self._start_stand_in()
            self._write_endpoints()
        except BaseException:
            self.stop()
            raise
        self.say("ready")
        return self

    def update(self, built: Path) -> None:
        """Deploy another build over the running system, as an update in place does.

        Args:
            built: Folder with a built template.

        Raises:
            LocalError: ``sam deploy`` failed; its words are in the text.
        """
        self.built = built
        self._deploy()
        self._bound_the_workers()

    def stop(self) -> None:
        """End everything that was started."""
        if self._stand_in is not None:
            self._stand_in.stop()
            self._stand_in = None
        if self.mail_events is not None:
            self.mail_events.stop()
            self.mail_events = None
        for process in reversed(self.processes):
            process.stop()
        self.processes.clear()
        for name in ("pid.json", "endpoints.json", "env", "env.local.json"):
            (self.folder / name).unlink(missing_ok=True)
        self._discard(self.folder / "tmp")

    @staticmethod
    def _discard(left: Path) -> None:
        """Delete in the background: each worker has unpacked the layer, which is thousands of files."""
        gone = Path(tempfile.mkdtemp(prefix="lifeline-gone-"))
        try:
            left.rename(gone / left.name)
        except OSError:  # on another file system, or not there
            gone.rmdir()
            shutil.rmtree(left, ignore_errors=True)
            return
        # The shell ends at once and leaves no child to wait for.
        command = ["sh", "-c", 'nice rm -rf "$0" >/dev/null 2>&1 </dev/null &', str(gone)]
        subprocess.run(command, check=False, start_new_session=True)

    # -- the parts ---------------------------------------------------------------------------------

    def start_aws(self) -> None:
        """Start the local AWS (again on the same port, after :meth:`stop_aws`)."""
        self.say("starting the local AWS, IAM enforced")
        self.aws_port = self.aws_port or free_port()
        if self.mail_events is None:
            self.mail_events = MailEvents(self.aws_port, self.client).start()
        temp = self.folder / "tmp"
        temp.mkdir(exist_ok=True)
        env = tool_environment() | {
            "GATEWAY_PORT": str(self.aws_port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "AUTH": "true",
            "CLOUDTRAIL_RECORDING": "1",
            "CLOUDTRAIL_MAX_EVENTS": "500000",
            "LOG_LEVEL": "WARNING",
            # Functions inherit this: their mails go by the stand-in for SES's events.
            "AWS_ENDPOINT_URL_SESV2": self.mail_events.url,
            "PERSIST_STATE": "1" if self.persist else "0",
            "STATE_DIR": str(self.folder / "state"),
            "TMPDIR": str(temp),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        }
        if self.functions_endpoint:
            # Workers inherit it; what asks SES passes it first as well.
            env["AWS_ENDPOINT_URL"] = env["AWS_ENDPOINT_URL_SESV2"] = self.functions_endpoint
        self._spawn("aws", [str(Path(sys.executable).parent / "ministack")], env)
        wait_for(lambda: requests.get(f"{self.aws_url}/_ministack/health", timeout=1).ok, "the local AWS")

    def stop_aws(self) -> None:
        """End the local AWS with all its functions, as a crash would."""
        for process in [p for p in self.processes if p.name == "aws"]:
            process.stop()
            self.processes.remove(process)

    @property
    def aws_url(self) -> str:
        return f"http://127.0.0.1:{self.aws_port}"

    def _start_simulators(self) -> None:
        self.say("starting the simulators")
        ports = {name: free_port() for name in ("graph", "graph_control", "openai", "openai_control")}
        local = self._local_parameters()
        common = tool_environment() | {"PYTHONPATH": str(ROOT)}
        self._spawn(
            "graph",
            [
                sys.executable,
                *("-m", "local.simulators.graph"),
                *("--port", str(ports["graph"]), "--control-port", str(ports["graph_control"])),
                *("--access-token", SECRETS["TokenSecretArn"]["access_token"]),
                *("--app-id", APP["app_id"], "--app-secret", APP["app_secret"]),
                *("--verify-token", APP["verify_token"]),
                *("--phone-number-id", local["PhoneNumberId"], "--waba-id", local["WabaId"]),
                *(("--openapi", str(self.openapi)) if self.openapi else ()),
            ],
            common,
        )
        self.endpoints |= {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        wait_for(
            lambda: requests.get(f"{self.endpoints['graph_control']}/_control/health", timeout=1).ok,
            "the Graph simulator",
        )
        self._spawn(
            "openai",
            [
                sys.executable,
                *("-m", "local.simulators.openai"),
                *("--port", str(ports["openai"]), "--control-port", str(ports["openai_control"])),
                *("--api-key", SECRETS["OpenaiSecretArn"]["openai_api_key"]),
            ],
            common,
        )
        wait_for(
            lambda: requests.get(f"{self.endpoints['openai_control']}/_control/health", timeout=1).ok,
            "the OpenAI simulator",
        )

    def _spawn(self, name: str, command: list[str], env: dict[str, str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env=env,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.processes.append(Process(name, popen))

    def _local_parameters(self) -> dict[str, str]:
        config = tomllib.loads((ROOT / "samconfig.toml").read_text())
        listed = config["local"]["deploy"]["parameters"]["parameter_overrides"]
        return dict(item.split("=", 1) for item in listed) | self.parameters

    def _deploy(self) -> None:
        assert self.built is not None
        path = self.built / "template.yaml"
        values = self._local_parameters() | {
            "PythonRuntime": RUNTIME,
            "Architecture": ARCHITECTURE,
            "GraphBaseUrl": self.endpoints["graph"],
            "OpenaiBaseUrl": self.endpoints["openai"],
        }
        if self.settings:
            values["SettingsJson"] = json.dumps(self.settings, separators=(",", ":")).replace('"', '\\"')
        overrides = [f'{name}="{value}"' for name, value in values.items()]
        command = [
            str(SAM),
            "deploy",
            *("--template-file", str(path)),
            *("--stack-name", self.name, "--region", REGION, "--resolve-s3"),
            *("--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset"),
            *("--no-progressbar", "--parameter-overrides", *overrides),
        ]
        # It looks each five seconds whether the deployment goes on; here nobody limits how often it may.
        env = tool_environment() | self.environment() | {"SAM_CLI_POLL_DELAY": "0.3"}
        done = subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, check=False, timeout=300
        )
        (self.folder / "deploy.log").write_text(done.stdout + done.stderr)
        if done.returncode:
            raise LocalError(
                f"sam deploy failed (see deploy.log):\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
            )
        stack = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        self.outputs = {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}

    def _fill(self) -> None:
        """What a person does once after the first deployment: secrets, mail identity, Meta's webhook."""
        self.say("filling the secrets, verifying the mail identity, registering the webhook")
        for output, values in SECRETS.items():
            self.client("secretsmanager").put_secret_value(
                SecretId=self.outputs[output], SecretString=json.dumps(values)
            )
        self.client("sesv2").create_email_identity(EmailIdentity=self._local_parameters()["EmailFrom"])
        self.client("sns").create_platform_application(
            Name=f"{self.name}-app", Platform="GCM", Attributes={"PlatformCredential": "local"}
        )
        self._bound_the_workers()
        self._allow_batches()
        self._allow_sessions()
        # The events of the first mails find a worker, and do not start one each.
        self.client("lambda").invoke(
            FunctionName=self.outputs["FeedbackFunctionName"],
            InvocationType="Event",
            Payload=json.dumps({"Records": []}).encode(),
        )
        # The gateway routes by host name; the name itself resolves nowhere, so callers send it as a header.
        host = f"{self.outputs['WebhookApiId']}.execute-api.127.0.0.1"
        self.endpoints |= {"webhook": f"{self.aws_url}/webhook", "webhook_host": host}
        requests.post(
            f"{self.endpoints['graph_control']}/_control/settings",
            json={"webhook_url": self.endpoints["webhook"], "webhook_host": host},
            timeout=5,
        ).raise_for_status()

    def _bound_the_workers(self) -> None:
        """ministack keeps a number from a template parameter as text and then cannot compare it."""
        functions = self.client("lambda")
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            most = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
            if most:
                functions.update_event_source_mapping(
                    UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": int(most)}
                )

    def _allow_batches(self) -> None:
        """Only in the local AWS: see :data:`BATCH_NAMES`. The resources stay those of the template."""
        iam = self.client("iam")
        for managed in iam.list_policies(Scope="Local")["Policies"]:
            arn, version = managed["Arn"], managed["DefaultVersionId"]
            document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
            for statement in document["Statement"]:
                statement["Action"] = with_batch_names(statement["Action"])
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
        for role in iam.list_roles()["Roles"]:
            if not role["RoleName"].startswith(f"{self.name}-"):
                continue
            names = {"RoleName": role["RoleName"]}
            for policy in iam.list_role_policies(**names)["PolicyNames"]:
                document = iam.get_role_policy(**names, PolicyName=policy)["PolicyDocument"]
                for statement in list(document["Statement"]):
                    statement["Action"] = with_batch_names(statement["Action"])
                    if "dynamodb:BatchExecuteStatement" in statement["Action"]:
                        # AWS authorises each statement of the batch on its table; ministack names no table.
                        document["Statement"].append(
                            {"Effect": "Allow", "Action": "dynamodb:BatchExecuteStatement", "Resource": "*"}
                        )
                    if {"ses:SendEmail", "ses:GetEmailIdentity"} & set(statement["Action"]):
                        # AWS authorises a mail on its identity and its sender; ministack names neither.
                        statement["Resource"] = "*"
                        statement.pop("Condition", None)
                    if str(statement.get("Resource")).endswith(":endpoint/*"):
                        # AWS names a device endpoint/GCM/APP/ID, ministack app/GCM/APP/ID.
                        devices = statement["Resource"]
                        statement["Resource"] = [devices, devices.replace(":endpoint/*", ":app/*")]
                iam.put_role_policy(**names, PolicyName=policy, PolicyDocument=json.dumps(document))

    def _allow_sessions(self) -> None:
        """Only in the local AWS, which speaks plain HTTP: what refuses that goes, and see
        :func:`with_sessions`. What else is denied stays so for everybody else.
        """
        sqs, sns = self.client("sqs"), self.client("sns")
        # The last calls under those policies pass as if a proxy before ministack had ended their TLS.
        sqs.meta.events.register(
            "before-send.sqs", lambda request, **_: request.headers.update({"X-Forwarded-Proto": "https"})
        )
        for url in (value for name, value in self.outputs.items() if name.endswith(("QueueUrl", "DlqUrl"))):
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
            document = without_tls(json.loads(found["Policy"]))
            for statement in document["Statement"]:
                ours = statement.get("Condition", {}).get("ArnNotEquals")
                statement["Action"] = with_batch_names(statement["Action"])
                if ours:
                    ours["aws:PrincipalArn"] = with_sessions(ours["aws:PrincipalArn"])
            policy = json.dumps(document) if document["Statement"] else ""
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        for arn in (value for name, value in self.outputs.items() if name.endswith("TopicArn")):
            found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
            document = without_tls(json.loads(found["Policy"]))
            if not document["Statement"]:
                # A topic without a policy of its own has AWS's: its account may do everything.
                everything = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sns:Publish"}
                document["Statement"] = [{**everything, "Resource": arn}]
            sns.set_topic_attributes(
                TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(document)
            )

    def _start_stand_in(self) -> None:
        """AWS turns EMF log lines into metrics and lets alarms invoke functions; a stand-in does here."""
        self._stand_in = StandIn(self)
        self._stand_in.start()

    def forget_metrics(self) -> None:
        """Alarms judge what comes from now on."""
        if self._stand_in is not None:
            self._stand_in.forget()

    def _write_endpoints(self) -> None:
        env_file = self.folder / "env"
        env_file.write_text(
            "".join(
                f"export {name}={value}\n" for name, value in (self.environment() | self._names()).items()
            )
        )
        environments = json.dumps(self._function_environments(), indent=2)
        (self.folder / "env.local.json").write_text(environments + "\n")
        endpoints = {
            **self.endpoints,
            "aws": self.aws_url,
            "stack": self.name,
            "region": REGION,
            "env": str(env_file),
            "env_file": str(env_file),
        }
        self.endpoints = endpoints
        (self.folder / "endpoints.json").write_text(json.dumps(endpoints, indent=2) + "\n")
        pids = {process.name: process.popen.pid for process in self.processes}
        (self.folder / "pid.json").write_text(json.dumps({"self": os.getpid(), "processes": pids}))

    def _function_environments(self) -> dict[str, dict[str, str]]:
        """What ``sam local invoke --env-vars`` reads: each function's deployed environment, and this AWS."""
        functions = self.client("lambda")
        found = {}
        for output, name in self.outputs.items():
            if output.endswith("FunctionName"):
                configuration = functions.get_function_configuration(FunctionName=name)
                variables = configuration.get("Environment", {}).get("Variables", {})
                found[output.removesuffix("Name")] = variables | self.environment()
        return found

    def _names(self) -> dict[str, str]:
        return {"LIFELINE_STACK": self.name, "LIFELINE_GRAPH_CONTROL": self.endpoints["graph_control"]}

    # -- for those who use it ------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """What a shell needs to talk to this system."""
        return {
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }

    def client(self, service: str, **credentials: str) -> Any:
        """A boto3 client on this system; root unless credentials are given."""
        keys = credentials or {"aws_access_key_id": ROOT_KEY, "aws_secret_access_key": ROOT_KEY}
        return cast(Any, boto3.client)(
            service,
            endpoint_url=self.aws_url,
            region_name=REGION,
            config=Config(connect_timeout=3, read_timeout=65, retries={"total_max_attempts": 3}),
            **keys,
        )

    def new_push_endpoint(self) -> str:
        """A device: an SNS platform endpoint with a token of its own."""
        client = self.client("sns")
        application = client.list_platform_applications()["PlatformApplications"][0]["PlatformApplicationArn"]
        answer = client.create_platform_endpoint(
            PlatformApplicationArn=application, Token=secrets.token_hex(32)
        )
        return str(answer["EndpointArn"])


@contextlib.contextmanager
def running(folder: Path, **options: Any) -> Iterator[LocalStack]:
    """A local system for the time of a ``with`` block."""
    stack = LocalStack(folder, **options).start()
    try:
        yield stack
    finally:
        stack.stop()


def _is_ours(pid: int, *words: str) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        done = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)],  # noqa: S607  # macOS and Linux keep it in different folders
            capture_output=True,
            text=True,
            check=False,
        )
        command = done.stdout
    return any(word in command for word in words)


def guide(stack: LocalStack) -> str:
    """What may be done with a running system, for operators and for producers."""
    folder = stack.folder
    shown = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    return f"""
Lifeline runs locally. In another terminal:

    source {shown}/env
    .venv/bin/lifeline panic status
    .venv/bin/lifeline queue status
    curl -s -X POST {stack.endpoints["graph_control"]}/_control/faults -d '{{"kind": "unreachable"}}'
    curl -s -X DELETE {stack.endpoints["graph_control"]}/_control/faults

Your own project that sends messages (docs/producers.md, "Test your own project"), in its shell:

    source {stack.folder}/env; pip install {ROOT}/producer
    python -c 'from lifeline_producer import Lifeline, text
    print(Lifeline.of_stack("{stack.name}").send(text(id="t1", to="+4915112345678", text="Hi")))'
    curl -s "{stack.endpoints["graph_control"]}/_control/requests?path=/messages"
    python {ROOT}/examples/appointments/appointments.py "$LIFELINE_STACK" --outage

Addresses: {shown}/endpoints.json   Logs: {shown}/*.log   End: Ctrl-C here, or make local-stop
"""


def up(folder: Path, name: str) -> None:
    """Start and run until Ctrl-C or a termination signal."""
    if (folder / "pid.json").exists():
        old = json.loads((folder / "pid.json").read_text())
        if _is_ours(old["self"], "local.stack", "local.demo"):
            raise LocalError(
                f"a local system already runs (process {old['self']}); end it with: make local-stop"
            )
    ended = threading.Event()
    for kind in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(kind, lambda *_: ended.set())
    with running(folder, name=name) as stack:
        print(guide(stack), flush=True)
        ended.wait()
        print("stopping", flush=True)


def down(folder: Path) -> None:
    """End a system that runs in the background."""
    path = folder / "pid.json"
    if not path.exists():
        print("no local system runs")
        return
    pids = json.loads(path.read_text())
    if _is_ours(pids["self"], "local.stack", "local.demo"):
        os.kill(pids["self"], signal.SIGTERM)
        wait_for(lambda: not path.exists(), "the end of the local system", within=40)
    else:
        for pid in pids["processes"].values():
            if _is_ours(pid, "ministack", "local.simulators"):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
        path.unlink()
        shutil.rmtree(folder / "tmp", ignore_errors=True)
    print("stopped")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["up", "down", "status"])
    parser.add_argument("--folder", type=Path, default=ROOT / ".local")
    parser.add_argument("--name", default="lifeline-local")
    chosen = parser.parse_args()
    try:
        if chosen.what == "up":
            up(chosen.folder.resolve(), chosen.name)
        elif chosen.what == "down":
            down(chosen.folder.resolve())
        else:
            path = chosen.folder / "endpoints.json"
            print(path.read_text() if path.exists() else "no local system runs")
    except LocalError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
