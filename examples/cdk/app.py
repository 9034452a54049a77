"""A CDK app with Lifeline as a nested stack, and a role that may send messages.

cdk deploy -c template_url=https://BUCKET.s3.REGION.amazonaws.com/packaged.yaml
"""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

PARAMETERS = {
    "Stage": "prod",
    "PhoneNumberId": "100000000000001",
    "WabaId": "200000000000002",
    "EmailFrom": "no-reply@lifeline.example",
    "EngineeringEmail": "oncall@lifeline.example",
}


class Clinic(cdk.Stack):
    """What a clinic runs: here the role of its booking service only."""

    def __init__(self, scope: Construct, name: str, *, template_url: str) -> None:
        super().__init__(scope, name)
        lifeline = cdk.CfnStack(self, "Lifeline", template_url=template_url, parameters=PARAMETERS)

        def output(key: str) -> str:
            return lifeline.get_att(f"Outputs.{key}").to_string()

        booking = iam.Role(self, "Booking", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        booking.add_managed_policy(
            iam.ManagedPolicy.from_managed_policy_arn(self, "MaySend", output("ProducerPolicyArn"))
        )
        # The booking service sends to these; operators give the nested stack's name to `lifeline --stack`.
        cdk.CfnOutput(self, "WhatsappQueueUrl", value=output("WhatsappQueueUrl"))
        cdk.CfnOutput(self, "CriticalQueueUrl", value=output("CriticalQueueUrl"))
        cdk.CfnOutput(self, "WebhookUrl", value=output("WebhookUrl"))
        cdk.CfnOutput(self, "LifelineStack", value=cdk.Fn.select(1, cdk.Fn.split("/", lifeline.ref)))


app = cdk.App()
Clinic(app, "clinic", template_url=app.node.get_context("template_url"))
app.synth()
