"""No object is encrypted here: whatever asks for encryption is refused, and nothing claims it."""

import json

import pytest

from conftest import allow
from test_s3 import bucket, refused, s3  # noqa: F401 (fixtures)

CUSTOMER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
ASKED = [{"ServerSideEncryption": "AES256"}, {"ServerSideEncryption": "aws:kms"}, {"ServerSideEncryption": "aws:kms:dsse"},
         {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/mine"}, {"BucketKeyEnabled": True}, CUSTOMER]


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: "+".join(str(value) for value in asked.values())[:30])
def test_every_way_to_write_refuses_it(s3, bucket, asked):  # noqa: F811
    s3.put_object(Bucket=bucket, Key="source", Body=b"x")
    with refused("NotImplemented", 501) as refusal:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **asked)
    assert "does not encrypt" in refusal.message
    with refused("NotImplemented", 501):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source", **asked)
    with refused("NotImplemented", 501):
        s3.create_multipart_upload(Bucket=bucket, Key="k", **asked)
    if asked is CUSTOMER:
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        with refused("NotImplemented", 501):
            s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x", **CUSTOMER)
        with refused("NotImplemented", 501):
            s3.upload_part_copy(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, CopySource=f"{bucket}/source", **CUSTOMER)
        with refused("NotImplemented", 501):
            s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source", CopySourceSSECustomerAlgorithm="AES256",
                           CopySourceSSECustomerKey=b"k" * 32)
        with refused("InvalidRequest", 400):
            s3.get_object(Bucket=bucket, Key="source", **CUSTOMER)
        with refused("400", 400):
            s3.head_object(Bucket=bucket, Key="source", **CUSTOMER)
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["source"]


def test_answers_and_configuration_claim_nothing(s3, bucket):  # noqa: F811
    answers = [s3.put_object(Bucket=bucket, Key="k", Body=b"x"), s3.get_object(Bucket=bucket, Key="k"), s3.head_object(Bucket=bucket, Key="k"),
               s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")]
    for answer in answers:
        assert not any("encryption" in name for name in answer["ResponseMetadata"]["HTTPHeaders"])
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    with refused("NotImplemented", 501) as refusal:
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert "PutBucketEncryption" in refusal.message
    with refused("ServerSideEncryptionConfigurationNotFoundError", 404):
        s3.get_bucket_encryption(Bucket=bucket)


def test_conditions_on_encryption_never_hold(server, s3, bucket, make_user):  # noqa: F811
    """Who may write only what is encrypted may write nothing, with the header or without."""
    only = server.client_as(make_user("encrypts", allow("s3:PutObject", StringEquals={"s3:x-amz-server-side-encryption": "AES256"})), "s3")
    with refused("AccessDenied", 403):
        only.put_object(Bucket=bucket, Key="k", Body=b"x")
    # Who may write without it, is told that it is not here.
    with refused("AccessDenied", 403):
        only.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256")
    with refused("NotImplemented", 501):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}}]}))
    with refused("AccessDenied", 403):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
