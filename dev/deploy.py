"""Deploys what dev.package made to the local AWS: the same template and code that go to a real one."""

import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from dev import tokens
from dev.ministack import CREDENTIALS, REGION
from dev.package import Package

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

STACK = "store-credit"
BUCKET = "store-credit-deployments"
DEPLOY_SECONDS = 120


def deploy(aws: str, package: Package, data: Path, test_clock: str, dynamodb_endpoint: str) -> dict[str, str]:
    """Creates the stack or brings it up to date, keeping its tables; returns the stack's outputs by name.

    Raises RuntimeError with CloudFormation's reasons when it fails.
    """
    s3 = client("s3", aws)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="jwks.json", Body=json.dumps(tokens.jwks(data)).encode())
    code = {"Bucket": BUCKET, "Key": f"{package.digest}.zip"}
    s3.put_object(**code, Body=package.code.read_bytes())
    template = json.loads(package.template.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = code
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = _put_layer(s3, package.layer)
    s3.put_object(Bucket=BUCKET, Key=f"{package.digest}.json", Body=json.dumps(template).encode())
    parameters = {
        "OidcIssuer": tokens.ISSUER,
        "OidcAudience": tokens.AUDIENCE,
        "OidcJwksUrl": f"{aws}/{BUCKET}/jwks.json",
        "TestClock": test_clock,
        "DynamoDBEndpoint": dynamodb_endpoint,
    }
    outputs = _bring_up(client("cloudformation", aws), f"{aws}/{BUCKET}/{package.digest}.json", parameters)
    _put_gateway_responses(aws, outputs["RestAPIId"], package.stage, template)
    return outputs


def _put_layer(s3: Any, layer: Path) -> dict[str, str]:
    """Where the layer is, named by what is in it: the same one is put once, and stays the version that it is."""
    content = layer.read_bytes()
    place = {"Bucket": BUCKET, "Key": f"{hashlib.sha256(content).hexdigest()}.zip"}
    try:
        s3.head_object(**place)
    except ClientError:
        s3.put_object(**place, Body=content)
    return place


def client(service: str, aws: str) -> Any:
    """A client of the local AWS."""
    return boto3.client(
        service,  # type: ignore[call-overload]  # the service's name is a variable here
        endpoint_url=aws,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}),
    )


def _bring_up(cloudformation: "CloudFormationClient", template_url: str, parameters: dict[str, str]) -> dict[str, str]:
    request: Any = {
        "StackName": STACK,
        "TemplateURL": template_url,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    before = _settled(cloudformation)
    if before and before["StackStatus"].startswith("ROLLBACK"):
        # Its creation failed: there is nothing in it to keep, and it can only be deleted.
        cloudformation.delete_stack(StackName=STACK)
        before = _settled(cloudformation)
    if before is None or before["StackStatus"] == "DELETE_COMPLETE":
        cloudformation.create_stack(**request)
    else:
        try:
            cloudformation.update_stack(**request)
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise RuntimeError(f"the stack cannot be brought up to date: {error}") from error
    after = _settled(cloudformation)
    if after is None or after["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise RuntimeError(f"the deployment failed: {_reasons(cloudformation)}")
    return {output["OutputKey"]: output["OutputValue"] for output in after["Outputs"]}


def _settled(cloudformation: "CloudFormationClient") -> Any:
    """The stack's description once nothing is in progress; None where there is no stack."""
    deadline = time.monotonic() + DEPLOY_SECONDS
    while True:
        try:
            stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            return None
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            return stack
        if time.monotonic() > deadline:
            raise RuntimeError(f"the stack is still {stack['StackStatus']} after {DEPLOY_SECONDS} s")
        time.sleep(0.1)


def _reasons(cloudformation: "CloudFormationClient") -> str:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    return "; ".join(
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if event.get("ResourceStatus", "").endswith("FAILED")
    )


def _put_gateway_responses(aws: str, api: str, stage: str, template: dict[str, Any]) -> None:
    """Gives the API the answers of its own that its template names.

    AWS reads them out of the API's definition, where SAM puts them; MiniStack leaves that part unread. So
    they are put one by one and deployed, as a person would in the console.
    """
    apigateway = client("apigateway", aws)
    for kind, response in template["Resources"]["RestAPI"]["Properties"]["GatewayResponses"].items():
        apigateway.put_gateway_response(
            restApiId=api,
            responseType=kind,
            statusCode=str(response["StatusCode"]),
            responseParameters={
                f"gatewayresponse.header.{name}": value
                for name, value in response["ResponseParameters"]["Headers"].items()
            },
            responseTemplates=response["ResponseTemplates"],
        )
    apigateway.create_deployment(restApiId=api, stageName=stage)
