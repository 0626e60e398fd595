"""docs/coverage.md says what the code does."""

import subprocess
import sys

import botocore.exceptions
import pytest
import yaml
from conftest import BINARY, ROOT


def test_the_table_is_current():
    made = subprocess.run([sys.executable, str(ROOT / "tools/coverage.py"), BINARY], check=True, capture_output=True, text=True).stdout
    assert made == (ROOT / "docs/coverage.md").read_text(), "run: tools/coverage.py build/dev/trainwarden > docs/coverage.md"


def group(service, name):
    return yaml.safe_load((ROOT / f"models/{service}.yaml").read_text())["groups"][name]


def answer(client, operation, input):
    """What the operation answers: its members, or the code of its error."""
    try:
        response = getattr(client, client_method(client, operation))(**input)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    response.pop("ResponseMetadata")
    return response


def client_method(client, operation):
    return next(method for method, name in client.meta.method_to_api_mapping.items() if name == operation)


# Of S3 what AWS answers for a bucket that was just made, taken from the API's reference.
NEW_BUCKET = {
    "GetBucketAccelerateConfiguration": {},
    "GetBucketCors": "NoSuchCORSConfiguration",
    "GetBucketLifecycleConfiguration": "NoSuchLifecycleConfiguration",
    "GetBucketLogging": {},
    "GetBucketNotificationConfiguration": {},
    "GetBucketReplication": "ReplicationConfigurationNotFoundError",
    "GetBucketRequestPayment": {"Payer": "BucketOwner"},
    "GetBucketWebsite": "NoSuchWebsiteConfiguration",
    "GetObjectLockConfiguration": "ObjectLockConfigurationNotFoundError",
}


def test_what_no_bucket_has_is_answered_as_of_a_new_bucket(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="nothing-configured")
    assert set(NEW_BUCKET) >= set(group("s3", "not_configured"))
    for operation, expected in NEW_BUCKET.items():
        said = answer(s3, operation, {"Bucket": "nothing-configured"})
        assert said == expected, operation


@pytest.mark.parametrize("operation", sorted(group("iam", "not_configured")))
def test_what_no_user_has_is_answered_as_empty_or_absent(server, operation):
    iam = server.client("iam")
    name = f"plain-{operation}"
    iam.create_user(UserName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}')
    members = iam.meta.service_model.operation_model(operation).input_shape.members
    said = answer(iam, operation, {member: name for member in ("UserName", "RoleName") if member in members})
    if operation.startswith("List"):
        assert {key: value for key, value in said.items() if key != "IsTruncated"} == {next(key for key in said if key != "IsTruncated"): []}
    else:
        assert said == "NoSuchEntity"
