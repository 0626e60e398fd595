"""Amazon S3 with the real clients: boto3 and both AWS command lines."""

import base64
import hashlib
import io
import os
import urllib.error
import urllib.request
import zlib

import boto3
import botocore.config
import pytest
from botocore.exceptions import ClientError

from conftest import AWS_V1, AWS_V2

MIB = 1 << 20


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3, request):
    name = "b-" + hashlib.sha1(request.node.nodeid.encode()).hexdigest()[:16]
    s3.create_bucket(Bucket=name)
    yield name
    for upload in s3.list_multipart_uploads(Bucket=name).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for entry in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=entry["Key"])
    s3.delete_bucket(Bucket=name)


def refused(code, status=None):
    class Refused:
        def __enter__(self):
            return self

        def __exit__(self, kind, error, trace):
            assert isinstance(error, ClientError), f"expected {code}, got {error!r}"
            self.message = error.response["Error"].get("Message", "")
            assert error.response["Error"]["Code"] == code, error
            if status:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status, error
            return True

    return Refused()


# --- Buckets ---


def test_bucket_life(s3, server):
    s3.create_bucket(Bucket="life-of-a-bucket")
    assert s3.head_bucket(Bucket="life-of-a-bucket")["BucketRegion"] == "us-east-1"
    assert "life-of-a-bucket" in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket="life-of-a-bucket")["LocationConstraint"] is None
    s3.create_bucket(Bucket="life-of-a-bucket")  # us-east-1 lets the owner
    s3.put_object(Bucket="life-of-a-bucket", Key="k", Body=b"x")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket="life-of-a-bucket")
    s3.delete_object(Bucket="life-of-a-bucket", Key="k")
    s3.delete_bucket(Bucket="life-of-a-bucket")
    with refused("404", 404):
        s3.head_bucket(Bucket="life-of-a-bucket")
    with refused("NoSuchBucket", 404):
        s3.delete_bucket(Bucket="life-of-a-bucket")
    with refused("NoSuchBucket", 404):
        s3.list_objects_v2(Bucket="life-of-a-bucket")


def test_other_regions(make_server):
    s3 = make_server("--region", "us-east-1", "--region", "eu-central-1").client("s3")
    s3.create_bucket(Bucket="far-away-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    assert s3.get_bucket_location(Bucket="far-away-bucket")["LocationConstraint"] == "eu-central-1"
    with refused("BucketAlreadyOwnedByYou", 409):
        s3.create_bucket(Bucket="far-away-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.delete_bucket(Bucket="far-away-bucket")
    with refused("InvalidLocationConstraint", 400):
        s3.create_bucket(Bucket="farther-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})


def test_location_constraints(make_server):
    """The first region is never named; a region that is not served is refused; an endpoint elsewhere makes its own buckets only."""
    server = make_server("--region", "us-east-1", "--region", "eu-west-1")
    s3 = server.client("s3")
    for location in ("us-east-1", "mars", "eu-central-1", "x" * 5000):
        with refused("InvalidLocationConstraint", 400):
            s3.create_bucket(Bucket="nowhere-bucket", CreateBucketConfiguration={"LocationConstraint": location})
    keys = {"aws_access_key_id": server.root.access_key_id, "aws_secret_access_key": server.root.secret_access_key}
    abroad = boto3.client("s3", region_name="eu-west-1", endpoint_url=server.endpoint, **keys)
    with refused("IllegalLocationConstraintException", 400):
        abroad.create_bucket(Bucket="nowhere-bucket")
    with refused("IllegalLocationConstraintException", 400):
        abroad.create_bucket(Bucket="nowhere-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    abroad.create_bucket(Bucket="abroad-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    abroad.delete_bucket(Bucket="abroad-bucket")
    with refused("404", 404):
        s3.head_bucket(Bucket="nowhere-bucket")


def test_acls_of_new_buckets(s3):
    s3.create_bucket(Bucket="private-bucket", ACL="private")
    s3.delete_bucket(Bucket="private-bucket")
    for wish in ({"ACL": "public-read"}, {"GrantRead": "id=1"}):
        with refused("InvalidBucketAclWithObjectOwnership", 400):
            s3.create_bucket(Bucket="public-bucket", **wish)


@pytest.mark.parametrize("name", ["Upper-case", "under_score", "192.168.5.4", "xn--bucket", "a..b", "ends-with-s3alias", "-dash"])
def test_bad_bucket_names(server, name):
    client = server.client("s3")
    client.meta.events.unregister("before-parameter-build.s3", botocore.handlers.validate_bucket_name)
    with refused("InvalidBucketName", 400):
        client.create_bucket(Bucket=name)


def test_list_buckets_pages(s3):
    names = [f"page-bucket-{n}" for n in range(3)]
    for name in names:
        s3.create_bucket(Bucket=name)
    pages = s3.get_paginator("list_buckets").paginate(Prefix="page-bucket-", PaginationConfig={"PageSize": 2})
    assert [b["Name"] for page in pages for b in page["Buckets"]] == names
    for name in names:
        s3.delete_bucket(Bucket=name)


def test_new_buckets_have_the_defaults_of_aws(s3, bucket):
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(block[key] for key in ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"))
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    grants = s3.get_bucket_acl(Bucket=bucket)["Grants"]
    assert [grant["Permission"] for grant in grants] == ["FULL_CONTROL"]
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"] == [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    s3.get_bucket_notification_configuration(Bucket=bucket)
    for operation, code in [
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_bucket_policy_status", "NoSuchBucketPolicy"),
        ("get_bucket_tagging", "NoSuchTagSet"),
        ("get_bucket_cors", "NoSuchCORSConfiguration"),
        ("get_bucket_website", "NoSuchWebsiteConfiguration"),
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
        ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
    ]:
        with refused(code, 404):
            getattr(s3, operation)(Bucket=bucket)


def test_configuration_round_trips(s3, bucket):
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "team", "Value": "ml & co"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "team", "Value": "ml & co"}]
    s3.delete_bucket_tagging(Bucket=bucket)
    with refused("InvalidTag", 400):
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "aws:x", "Value": ""}]})

    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
    s3.delete_public_access_block(Bucket=bucket)
    with refused("NoSuchPublicAccessBlockConfiguration", 404):
        s3.get_public_access_block(Bucket=bucket)

    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    with refused("NotImplemented", 501):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"})

    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    with refused("NotImplemented", 501):
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    with refused("OwnershipControlsNotFoundError", 404):
        s3.get_bucket_ownership_controls(Bucket=bucket)


def test_what_is_not_implemented_says_so(s3, bucket):
    with refused("AccessControlListNotSupported", 400):
        s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    with refused("AccessControlListNotSupported", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    with refused("NotImplemented", 501) as refusal:
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    assert "PutBucketWebsite" in refusal.message
    with refused("InvalidStorageClass", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="GLACIER")
    with refused("InvalidStorageClass", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="NO_SUCH_CLASS")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_expected_owner(s3, server, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ExpectedBucketOwner=server.account)
    with refused("AccessDenied", 403):
        s3.get_object(Bucket=bucket, Key="k", ExpectedBucketOwner="999999999999")
    for wrong in ("zzz", "12345", "1234567890123"):
        with refused("InvalidBucketOwnerAWSAccountID", 400):
            s3.get_object(Bucket=bucket, Key="k", ExpectedBucketOwner=wrong)


def test_errors_have_the_members_of_s3(s3, bucket):
    """botocore keeps every element of an error: those that AWS has, and nothing else."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"abc")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    parts = [{"PartNumber": number, "ETag": s3.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=number, Body=b"small")["ETag"]}
             for number in (1, 2)]
    etag, whole = parts[0]["ETag"].strip('"'), {"Bucket": bucket, "Key": "m", "UploadId": upload}
    copy = {"Bucket": bucket, "Key": "copy"}
    wrong = "AAAAAAAAAAAAAAAAAAAAAA=="
    for call, code, members in [
        (lambda: s3.get_object(Bucket=bucket, Key="a <b>"), "NoSuchKey", {"Key": "a <b>"}),
        (lambda: s3.list_objects_v2(Bucket="no-such-bucket-here"), "NoSuchBucket", {"BucketName": "no-such-bucket-here"}),
        (lambda: s3.copy_object(**copy, CopySource=f"{bucket}/missing"), "NoSuchKey", {"Key": "missing"}),
        (lambda: s3.copy_object(**copy, CopySource="no-such-bucket-here/k"), "NoSuchBucket", {"BucketName": "no-such-bucket-here"}),
        (lambda: s3.copy_object(**copy, CopySource=f"{bucket}/k", CopySourceIfMatch="x"), "PreconditionFailed", {"Condition": "x-amz-copy-source-If-Match"}),
        (lambda: s3.list_parts(Bucket=bucket, Key="m", UploadId="gone"), "NoSuchUpload", {"UploadId": "gone"}),
        (lambda: s3.get_object(Bucket=bucket, Key="k", Range="bytes=5-9"), "InvalidRange", {"RangeRequested": "bytes=5-9", "ActualObjectSize": "3"}),
        (lambda: s3.get_object(Bucket=bucket, Key="k", IfMatch="x"), "PreconditionFailed", {"Condition": "If-Match"}),
        (lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"", IfNoneMatch="*"), "PreconditionFailed", {"Condition": "If-None-Match"}),
        (lambda: s3.complete_multipart_upload(**whole, MultipartUpload={"Parts": parts}), "EntityTooSmall",
         {"ProposedSize": "5", "MinSizeAllowed": "5242880", "PartNumber": "1", "ETag": etag}),
        (lambda: s3.complete_multipart_upload(**whole, MultipartUpload={"Parts": [{"PartNumber": 7, "ETag": "x"}]}), "InvalidPart",
         {"UploadId": upload, "PartNumber": "7", "ETag": "x"}),
        (lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"abc", ContentMD5=wrong), "BadDigest",
         {"ExpectedDigest": wrong, "CalculatedDigest": "kAFQmDzST7DWlj99KOF/cg=="}),
        (lambda: s3.put_object(Bucket=bucket, Key="k" * 1025), "KeyTooLongError", {"Size": "1025", "MaxSizeAllowed": "1024"}),
        (lambda: s3.delete_bucket(Bucket=bucket), "BucketNotEmpty", {"BucketName": bucket}),
        (lambda: s3.get_bucket_tagging(Bucket=bucket), "NoSuchTagSet", {"BucketName": bucket}),
    ]:
        with pytest.raises(botocore.exceptions.ClientError) as refusal:
            call()
        error = refusal.value.response["Error"]
        assert error["Code"] == code
        assert {name: value for name, value in error.items() if name not in ("Code", "Message", "RequestId", "HostId")} == members, code


# --- Objects ---


@pytest.mark.parametrize("size", [0, 1, 4096, 4097, MIB, 3 * MIB + 7])
def test_put_get(s3, bucket, size):
    content = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="dir/k ü+%", Body=content)
    assert put["ETag"] == '"' + hashlib.md5(content).hexdigest() + '"'
    assert base64.b64decode(put["ChecksumCRC32"]) == zlib.crc32(content).to_bytes(4, "big")
    got = s3.get_object(Bucket=bucket, Key="dir/k ü+%")
    assert got["Body"].read() == content
    assert got["ContentLength"] == size
    assert got["ContentType"] == "binary/octet-stream"
    head = s3.head_object(Bucket=bucket, Key="dir/k ü+%", ChecksumMode="ENABLED")
    assert head["ContentLength"] == size and head["ETag"] == put["ETag"]
    assert head["ChecksumCRC32"] == put["ChecksumCRC32"] and head["ChecksumType"] == "FULL_OBJECT"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums(s3, bucket, algorithm):
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"checked" * 1000, ChecksumAlgorithm=algorithm)
    member = f"Checksum{algorithm}"
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")[member] == put[member]
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass"])
    assert attributes["Checksum"][member] == put[member]
    assert attributes["ObjectSize"] == 7000


def crc(bits, polynomial, content):
    """A reflected CRC with all ones before and after, bit by bit: the definition."""
    ones = (1 << bits) - 1
    value = ones
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
    return base64.b64encode((value ^ ones).to_bytes(bits // 8, "big")).decode()


@pytest.mark.parametrize("algorithm, bits, polynomial", [("CRC32C", 32, 0x82F63B78), ("CRC64NVME", 64, 0x9A6C9329AC4BC9B5)])
def test_checksums_given_by_hand(s3, bucket, algorithm, bits, polynomial):
    content = b"checked" * 1000
    member = f"Checksum{algorithm}"
    right = crc(bits, polynomial, content)
    assert s3.put_object(Bucket=bucket, Key="k", Body=content, **{member: right})[member] == right
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")[member] == right
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="wrong", Body=content, **{member: crc(bits, polynomial, b"other")})
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_crc32c_of_the_command_line(server, s3, bucket, tmp_path):
    """boto3 computes no CRC32C without a package of its own; Debian's command line does, in a trailer."""
    content = b"checked" * 1000
    (tmp_path / "content").write_bytes(content)
    server.aws("--endpoint-url", server.endpoint, "s3api", "put-object", "--bucket", bucket, "--key", "k", "--body", tmp_path / "content",
               "--checksum-algorithm", "CRC32C")
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumCRC32C"] == crc(32, 0x82F63B78, content)


def test_wrong_bodies_store_nothing(s3, bucket):
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5=base64.b64encode(hashlib.md5(b"y").digest()).decode())
    with refused("InvalidDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5="not base64")
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 10000, ChecksumSHA256=base64.b64encode(hashlib.sha256(b"y").digest()).decode())
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_attributes_come_back(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="text/plain; charset=utf-8", CacheControl="no-cache",
                  ContentDisposition='attachment; filename="a b"', ContentEncoding="gzip", ContentLanguage="de",
                  Metadata={"colour": "red", "Shape": "round"}, Tagging="a=1&b=2")
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentType"], head["CacheControl"], head["ContentDisposition"], head["ContentEncoding"], head["ContentLanguage"]) == (
        "text/plain; charset=utf-8", "no-cache", 'attachment; filename="a b"', "gzip", "de")
    assert head["Metadata"] == {"colour": "red", "shape": "round"}
    got = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="image/png", ResponseCacheControl="private")
    assert got["ContentType"] == "image/png" and got["CacheControl"] == "private" and got["TagCount"] == 2
    with refused("MetadataTooLarge", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"a": "x" * 2100})
    with refused("KeyTooLongError", 400):
        s3.put_object(Bucket=bucket, Key="k" * 1025, Body=b"x")


def test_object_tags(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    tags = [{"Key": "project", "Value": "digits"}]
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    with refused("NoSuchKey", 404):
        s3.get_object_tagging(Bucket=bucket, Key="nothing")


@pytest.mark.parametrize("size", [1000, 100_000])
def test_ranges(s3, bucket, size):
    content = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="k", Body=content)

    def get(value):
        answer = s3.get_object(Bucket=bucket, Key="k", Range=value)
        return answer["Body"].read(), answer["ResponseMetadata"]["HTTPStatusCode"], answer.get("ContentRange")

    assert get("bytes=0-9") == (content[:10], 206, f"bytes 0-9/{size}")
    assert get("bytes=990-") == (content[990:], 206, f"bytes 990-{size - 1}/{size}")
    assert get("bytes=-5") == (content[-5:], 206, f"bytes {size - 5}-{size - 1}/{size}")
    assert get("bytes=0-999999999") == (content, 206, f"bytes 0-{size - 1}/{size}")
    assert get("bytes=9-1")[:2] == (content, 200)
    with refused("InvalidRange", 416):
        get(f"bytes={size}-")
    assert s3.head_object(Bucket=bucket, Key="k", Range="bytes=0-9")["ContentLength"] == 10


def test_conditions(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)["Body"].read() == b"1"
    with refused("PreconditionFailed", 412):
        s3.get_object(Bucket=bucket, Key="k", IfMatch='"other"')
    with refused("304", 304):
        s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    with refused("304", 304):
        s3.head_object(Bucket=bucket, Key="k", IfModifiedSince=modified)
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    s3.put_object(Bucket=bucket, Key="new", Body=b"2", IfNoneMatch="*")
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"4", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"


def test_missing_keys(s3, bucket):
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="nothing")
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="nothing")
    s3.delete_object(Bucket=bucket, Key="nothing")


def test_listing(s3, bucket):
    for key in ["a", "b/1", "b/2", "b/c/3", "d e/ü", "z"]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    everything = s3.list_objects_v2(Bucket=bucket)
    assert [c["Key"] for c in everything["Contents"]] == ["a", "b/1", "b/2", "b/c/3", "d e/ü", "z"]
    assert everything["KeyCount"] == 6 and not everything["IsTruncated"]
    top = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [c["Key"] for c in top["Contents"]] == ["a", "z"]
    assert [p["Prefix"] for p in top["CommonPrefixes"]] == ["b/", "d e/"]
    assert [c["Key"] for c in s3.list_objects_v2(Bucket=bucket, Prefix="b/", Delimiter="/")["Contents"]] == ["b/1", "b/2"]
    assert [c["Key"] for c in s3.list_objects_v2(Bucket=bucket, StartAfter="b/2")["Contents"]] == ["b/c/3", "d e/ü", "z"]
    for operation in ("list_objects_v2", "list_objects", "list_object_versions"):
        entries = []
        for page in s3.get_paginator(operation).paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1}):
            entries += [c["Key"] for c in page.get("Contents", []) + page.get("Versions", [])]
            entries += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
        assert entries == ["a", "b/", "d e/", "z"], operation
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0
    assert "DisplayName" not in s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]["Owner"]
    for token in ("?", "nonsense", ""):
        with refused("InvalidArgument", 400):
            s3.list_objects_v2(Bucket=bucket, ContinuationToken=token)


def test_more_than_a_page(s3, bucket):
    from concurrent.futures import ThreadPoolExecutor

    keys = [f"{n:05}" for n in range(1100)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=bucket, Key=key, Body=b""), keys))
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket))
    assert [len(page["Contents"]) for page in pages] == [1000, 100]
    assert [c["Key"] for page in pages for c in page["Contents"]] == keys
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys[:1000]]})
    assert len(deleted["Deleted"]) == 1000 and "Errors" not in deleted
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys[1000:]], "Quiet": True})
    assert "Deleted" not in quiet
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_copy(s3, bucket):
    content = os.urandom(100_000)
    s3.put_object(Bucket=bucket, Key="from ü?&", Body=content, Metadata={"a": "1"}, Tagging="t=1", ContentType="text/x")
    s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "from ü?&"})
    got = s3.get_object(Bucket=bucket, Key="to")
    assert got["Body"].read() == content and got["Metadata"] == {"a": "1"} and got["ContentType"] == "text/x" and got["TagCount"] == 1
    s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "to"}, MetadataDirective="REPLACE", Metadata={"b": "2"})
    got = s3.get_object(Bucket=bucket, Key="to")
    assert got["Body"].read() == content and got["Metadata"] == {"b": "2"}
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "to"})
    with refused("NoSuchKey", 404):
        s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "nothing"})
    with refused("NoSuchBucket", 404):
        s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": "no-such-bucket", "Key": "k"})
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "from ü?&"}, CopySourceIfMatch="x")


# --- Multipart uploads ---


def test_multipart(s3, bucket):
    parts = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"tail"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big", Metadata={"a": "1"})["UploadId"]
    done = []
    for number, content in enumerate(parts, 1):
        answer = s3.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=number, Body=content)
        assert answer["ETag"] == '"' + hashlib.md5(content).hexdigest() + '"'
        done.append({"PartNumber": number, "ETag": answer["ETag"]})
    assert [p["Size"] for p in s3.list_parts(Bucket=bucket, Key="big", UploadId=upload)["Parts"]] == [len(p) for p in parts]
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["big"]
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="big")
    with refused("InvalidPartOrder", 400):
        s3.complete_multipart_upload(Bucket=bucket, Key="big", UploadId=upload, MultipartUpload={"Parts": done[::-1]})
    with refused("InvalidPart", 400):
        s3.complete_multipart_upload(Bucket=bucket, Key="big", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 9, "ETag": "x"}]})
    etag = s3.complete_multipart_upload(Bucket=bucket, Key="big", UploadId=upload, MultipartUpload={"Parts": done})["ETag"]
    assert etag == '"' + hashlib.md5(b"".join(hashlib.md5(p).digest() for p in parts)).hexdigest() + '-3"'
    got = s3.get_object(Bucket=bucket, Key="big")
    assert got["Body"].read() == b"".join(parts) and got["Metadata"] == {"a": "1"}
    assert s3.get_object(Bucket=bucket, Key="big", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}")["Body"].read() == parts[0][-2:] + parts[1][:2]
    last = s3.get_object(Bucket=bucket, Key="big", PartNumber=3)
    assert last["Body"].read() == b"tail" and last["PartsCount"] == 3
    attributes = s3.get_object_attributes(Bucket=bucket, Key="big", ObjectAttributes=["ObjectParts"])
    assert attributes["ObjectParts"]["TotalPartsCount"] == 3
    with refused("NoSuchUpload", 404):
        s3.abort_multipart_upload(Bucket=bucket, Key="big", UploadId=upload)


def test_multipart_small_parts_and_abort(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    done = [{"PartNumber": n, "ETag": s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=n, Body=b"small")["ETag"]} for n in (1, 2)]
    with refused("EntityTooSmall", 400):
        s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": done})
    with refused("InvalidArgument", 400):
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=10001, Body=b"x")
    with refused("NoSuchUpload", 404):
        s3.upload_part(Bucket=bucket, Key="other", UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    with refused("NoSuchUpload", 404):
        s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)


@pytest.mark.parametrize("algorithm, kind", [("CRC32", "COMPOSITE"), ("CRC32", "FULL_OBJECT"), ("SHA256", "COMPOSITE")])
def test_multipart_checksums(s3, bucket, algorithm, kind):
    parts = [os.urandom(5 * MIB), b"tail"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType=kind)
    assert upload["ChecksumAlgorithm"] == algorithm and upload["ChecksumType"] == kind
    member = f"Checksum{algorithm}"
    done = []
    for number, content in enumerate(parts, 1):
        answer = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload["UploadId"], PartNumber=number, Body=content, ChecksumAlgorithm=algorithm)
        done.append({"PartNumber": number, "ETag": answer["ETag"], member: answer[member]})
    answer = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload["UploadId"], MultipartUpload={"Parts": done})
    if kind == "FULL_OBJECT":
        assert base64.b64decode(answer[member]) == zlib.crc32(b"".join(parts)).to_bytes(4, "big")
    else:
        assert answer[member].endswith("-2")
    assert answer["ChecksumType"] == kind


def test_upload_part_copy(s3, bucket):
    content = os.urandom(6 * MIB)
    s3.put_object(Bucket=bucket, Key="source", Body=content)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    source = {"Bucket": bucket, "Key": "source"}
    first = s3.upload_part_copy(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, CopySource=source)
    second = s3.upload_part_copy(Bucket=bucket, Key="k", UploadId=upload, PartNumber=2, CopySource=source, CopySourceRange="bytes=1-3")
    parts = [{"PartNumber": 1, "ETag": first["CopyPartResult"]["ETag"]}, {"PartNumber": 2, "ETag": second["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == content + content[1:4]
    with refused("InvalidArgument", 400):
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k2")["UploadId"]
        s3.upload_part_copy(Bucket=bucket, Key="k2", UploadId=upload, PartNumber=1, CopySource=source, CopySourceRange="bytes=0-99999999")


def test_transfer_manager(s3, bucket):
    content = os.urandom(20 * MIB)
    s3.upload_fileobj(io.BytesIO(content), bucket, "big")
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-3"')
    into = io.BytesIO()
    s3.download_fileobj(bucket, "big", into)
    assert into.getvalue() == content


# --- Ways to sign and to address ---


def test_presigned(server, bucket):
    s3 = server.client("s3", config=botocore.config.Config(signature_version="s3v4"))
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a b"})
    with urllib.request.urlopen(urllib.request.Request(put, data=b"by link", method="PUT")) as answer:
        assert answer.status == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b", "ResponseContentType": "text/plain"})
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"by link" and answer.headers["Content-Type"] == "text/plain"
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(get.replace("a%20b", "a%20c"))
    assert refusal.value.code == 403 and b"SignatureDoesNotMatch" in refusal.value.read()


def test_presigned_version_2(s3, bucket):
    """What boto3 makes in us-east-1 unless told `s3v4`."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"old link")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert "AWSAccessKeyId=" in url
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"old link"
    for tampered in (url.replace("/k?", "/l?"), url.replace("Expires=", "Expires=1"), url + "&response-content-type=text/html"):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(tampered)
        assert refusal.value.code == 403, tampered
    # Members that boto3 writes into the query, and the client sends as headers or leaves out.
    members = {"ContentType": "text/plain", "Metadata": {"colour": "red"}, "ACL": "private", "Tagging": "a=b"}
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "with", **members})
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "text/plain", "x-amz-meta-colour": "red", "x-amz-acl": "private", "x-amz-tagging": "a=b"}):
        with urllib.request.urlopen(urllib.request.Request(url, data=b"with", method="PUT", headers=headers)) as answer:
            assert answer.status == 200
        found = s3.head_object(Bucket=bucket, Key="with")
        assert found["ContentType"] == "text/plain" and found["Metadata"] == {"colour": "red"} and found["TagCount"] == 1
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(urllib.request.Request(url, data=b"with", method="PUT", headers={"Content-Type": "text/html"}))
    assert refusal.value.code == 403 and b"content-type is not signed" in refusal.value.read()
    expired = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=-10)
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(expired)
    assert refusal.value.code == 403


def test_virtual_host_style(server, bucket, monkeypatch):
    import socket

    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: resolve("127.0.0.1" if host.endswith("localhost") else host, *rest, **more))
    client = boto3.client("s3", endpoint_url=f"http://localhost:{server.port}", region_name="us-east-1",
                          aws_access_key_id=server.root.access_key_id, aws_secret_access_key=server.root.secret_access_key,
                          config=botocore.config.Config(s3={"addressing_style": "virtual"}))
    seen = []
    client.meta.events.register("before-send.s3", lambda request, **_: seen.append(request.url))
    client.put_object(Bucket=bucket, Key="k", Body=b"virtual")
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"virtual"
    assert seen and all(f"//{bucket}.localhost:" in url for url in seen)


def test_payload_signing(server, bucket):
    for config in (botocore.config.Config(s3={"payload_signing_enabled": True, "addressing_style": "path"}),
                   botocore.config.Config(request_checksum_calculation="when_required", s3={"addressing_style": "path"})):
        client = server.client("s3", config=config)
        client.put_object(Bucket=bucket, Key="k", Body=b"signed" * 10000)
        assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"signed" * 10000


@pytest.mark.parametrize("program", [AWS_V1, AWS_V2])
def test_command_line(server, bucket, program, tmp_path):
    big = tmp_path / "big"
    big.write_bytes(os.urandom(20 * MIB))
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "a.txt").write_text("a")
    (tree / "sub" / "b c.txt").write_text("b")
    path_style = tmp_path / "config"
    path_style.write_text("[default]\ns3 =\n    addressing_style = path\n    signature_version = s3v4\n")

    def aws(*arguments, **options):
        # Debian's version 2 is older than AWS_ENDPOINT_URL.
        return server.run("env", f"AWS_CONFIG_FILE={path_style}", program, "--endpoint-url", server.endpoint, *arguments, **options)

    aws("s3", "cp", big, f"s3://{bucket}/big")
    aws("s3", "cp", f"s3://{bucket}/big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
    aws("s3", "sync", tree, f"s3://{bucket}/tree")
    assert "upload" not in aws("s3", "sync", tree, f"s3://{bucket}/tree").stdout
    listing = aws("s3", "ls", "--recursive", f"s3://{bucket}/").stdout
    assert "tree/a.txt" in listing and "tree/sub/b c.txt" in listing and "big" in listing
    assert "PRE tree/" in aws("s3", "ls", f"s3://{bucket}/").stdout
    aws("s3", "mv", f"s3://{bucket}/tree/a.txt", f"s3://{bucket}/moved.txt")
    url = aws("s3", "presign", f"s3://{bucket}/moved.txt").stdout.strip()
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"a"
    aws("s3", "rm", "--recursive", f"s3://{bucket}/")
    assert aws("s3", "ls", f"s3://{bucket}/").stdout == ""
    missing = aws("s3", "cp", f"s3://{bucket}/nothing", tmp_path / "x", check=False)
    assert missing.returncode == 1 and "404" in missing.stderr
