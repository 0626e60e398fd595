"""Objects are encrypted where they lie, in each of S3's ways, and what is said of it is so: by boto3 and AWS's command line, over TLS and without."""

import base64
import hashlib
import json
import os
import signal
import threading
import time

import pytest
from botocore.exceptions import ClientError

import conftest
from conftest import AWS_V1, AWS_V2, allow
from test_s3 import refused

MIB = 1 << 20
KEY, OTHER_KEY = b"k" * 32, b"o" * 32
SECRET = b"what nobody may find on the disk. "
CONTEXT = base64.b64encode(json.dumps({"team": "vision"}).encode()).decode()


def customer(key=KEY, prefix=""):
    return {f"{prefix}SSECustomerAlgorithm": "AES256", f"{prefix}SSECustomerKey": key}


def encoded_customer(key=KEY):
    """For operations whose keys boto3 leaves to its callers."""
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": base64.b64encode(key).decode(), "SSECustomerKeyMD5": md5_of(key)}


def source_customer(key=KEY):
    return {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": key}


def md5_of(key):
    return base64.b64encode(hashlib.md5(key).digest()).decode()


def said(answer):
    """What an answer says of encryption."""
    return {name.removeprefix("x-amz-server-side-encryption").strip("-"): value for name, value in answer["ResponseMetadata"]["HTTPHeaders"].items()
            if name.startswith("x-amz-server-side-encryption")}


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    server = conftest.Server(tmp_path_factory.mktemp("encrypted"), "--tls", "self")
    os.environ["AWS_CA_BUNDLE"] = server.environment["AWS_CA_BUNDLE"] = str(server.data / "tls/ca.pem")
    try:
        yield server.start()
        assert server.stop() == 0
    finally:
        del os.environ["AWS_CA_BUNDLE"]
        server.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def s3(secure):
    return secure.client("s3")


@pytest.fixture
def bucket(s3, request):
    name = "e-" + hashlib.sha1(request.node.nodeid.encode()).hexdigest()[:16]
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module")
def managed(secure):
    """The ARN of aws/s3, as the first object that was written by it says."""
    s3 = secure.client("s3")
    s3.create_bucket(Bucket="names-the-key")
    return s3.put_object(Bucket="names-the-key", Key="k", Body=b"", ServerSideEncryption="aws:kms")["SSEKMSKeyId"]


def on_disk(server):
    """All bytes of objects and records; RocksDB's log has what was just written."""
    return b"".join(path.read_bytes() for part in ("blobs", "keys") for path in sorted((server.data / part).rglob("*")) if path.is_file())


SIZES = (0, 1, 4096, 4097, 65536, 65537, 5 * MIB + 3)


@pytest.mark.parametrize("asked", [{}, {"ServerSideEncryption": "AES256"}, {"ServerSideEncryption": "aws:kms"}, customer()],
                         ids=["default", "s3", "kms", "customer"])
def test_objects_come_back_and_are_not_on_the_disk(secure, s3, bucket, asked, managed):
    wanted = {"": "AES256"} if asked.get("ServerSideEncryption", "AES256") == "AES256" and "SSECustomerKey" not in asked else \
        {"": "aws:kms", "aws-kms-key-id": managed} if "ServerSideEncryption" in asked else \
        {"customer-algorithm": "AES256", "customer-key-md5": md5_of(KEY)}
    reading = {name: value for name, value in asked.items() if name.startswith("SSECustomer")}
    for size in SIZES:
        content = (SECRET * (size // len(SECRET) + 1))[:size]
        put = s3.put_object(Bucket=bucket, Key="k", Body=content, **asked)
        assert said(put) == wanted
        is_md5 = put["ETag"] == f'"{hashlib.md5(content).hexdigest()}"'
        assert is_md5 == (wanted == {"": "AES256"}) and len(put["ETag"]) == 34
        got = s3.get_object(Bucket=bucket, Key="k", **reading)
        assert got["Body"].read() == content and said(got) == wanted and got["ETag"] == put["ETag"] and got["ContentLength"] == size
        head = s3.head_object(Bucket=bucket, Key="k", **reading)
        assert said(head) == wanted and head["ContentLength"] == size
        for first, last in ((0, 0), (1, 100), (65530, 65540), (65536, 131071), (size - 7, size + 5), (100_000, 4_000_000)):
            if not 0 <= first < size:
                continue
            part = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={first}-{last}", **reading)
            assert part["Body"].read() == content[first:last + 1] and said(part) == wanted
        attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ETag", "ObjectSize", "Checksum"],
                                              **(encoded_customer() if reading else {}))
        assert attributes["ObjectSize"] == size and f'"{attributes["ETag"]}"' == put["ETag"]
        assert attributes["Checksum"]["ChecksumType"] == "FULL_OBJECT"
    assert [entry["Size"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [SIZES[-1]]
    found = on_disk(secure)
    assert SECRET not in found and KEY not in found and base64.b64encode(KEY) not in found


@pytest.mark.parametrize("asked", [{"ServerSideEncryption": "AES256"}, {"ServerSideEncryption": "aws:kms", "BucketKeyEnabled": True,
                                                                        "SSEKMSEncryptionContext": CONTEXT}, customer()], ids=["s3", "kms", "customer"])
def test_multipart_uploads(s3, bucket, asked, managed):
    of_customer = {name: value for name, value in asked.items() if name.startswith("SSECustomer")}
    wanted = {"customer-algorithm": "AES256", "customer-key-md5": md5_of(KEY)} if of_customer else \
        {"": "AES256"} if asked["ServerSideEncryption"] == "AES256" else {"": "aws:kms", "aws-kms-key-id": managed, "bucket-key-enabled": "true"}
    s3.put_object(Bucket=bucket, Key="source", Body=SECRET * 200_000, **customer(OTHER_KEY))
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", **asked)
    assert said(begun) == wanted | ({"context": CONTEXT} if "SSEKMSEncryptionContext" in asked else {})
    upload = {"Bucket": bucket, "Key": "k", "UploadId": begun["UploadId"]}
    parts = [os.urandom(5 * MIB + 1), (SECRET * 200_000)[10:5 * MIB + 11], b"the end"]
    first = s3.upload_part(**upload, PartNumber=1, Body=parts[0], **of_customer)
    copied = s3.upload_part_copy(**upload, PartNumber=2, CopySource=f"{bucket}/source", CopySourceRange=f"bytes=10-{5 * MIB + 10}",
                                 **of_customer, **source_customer(OTHER_KEY))
    last = s3.upload_part(**upload, PartNumber=3, Body=parts[2], **of_customer)
    for answer in (first, copied, last):
        assert said(answer) == wanted
    assert (first["ETag"] == f'"{hashlib.md5(parts[0]).hexdigest()}"') == (wanted == {"": "AES256"})
    assert [part["Size"] for part in s3.list_parts(**upload)["Parts"]] == [len(part) for part in parts]
    tags = [first["ETag"], copied["CopyPartResult"]["ETag"], last["ETag"]]
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1 + i, "ETag": tag} for i, tag in enumerate(tags)]})
    assert said(done) == ({} if of_customer else wanted) and done["ETag"].endswith('-3"')
    whole = b"".join(parts)
    assert s3.get_object(Bucket=bucket, Key="k", **of_customer)["Body"].read() == whole
    across = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={5 * MIB - 1}-{10 * MIB + 5}", **of_customer)["Body"].read()
    # Slowly, so that the socket fills: what is sent next is opened again.
    body = s3.get_object(Bucket=bucket, Key="k", **of_customer)["Body"]
    time.sleep(0.3)
    assert b"".join(iter(lambda: body.read(100_003), b"")) == whole
    assert across == whole[5 * MIB - 1:10 * MIB + 6]
    part = s3.get_object(Bucket=bucket, Key="k", PartNumber=2, **of_customer)
    assert part["Body"].read() == parts[1] and said(part) == wanted


def test_versions_open_by_their_ids(s3, bucket, managed):
    before = s3.put_object(Bucket=bucket, Key="k", Body=SECRET)
    assert "VersionId" not in before
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    kms = s3.put_object(Bucket=bucket, Key="k", Body=SECRET * 20_000, ServerSideEncryption="aws:kms")["VersionId"]
    client = s3.put_object(Bucket=bucket, Key="k", Body=SECRET * 5000, **customer())["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k")
    s3.put_object_tagging(Bucket=bucket, Key="k", VersionId=kms, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    read = lambda version, **key: s3.get_object(Bucket=bucket, Key="k", VersionId=version, **key)
    null, other = read("null"), read(kms)
    assert null["Body"].read() == SECRET and said(null) == {"": "AES256"}
    assert other["Body"].read() == SECRET * 20_000 and said(other) == {"": "aws:kms", "aws-kms-key-id": managed} and other["TagCount"] == 1
    with refused("InvalidRequest", 400):
        read(client)
    with refused("400", 400):
        s3.head_object(Bucket=bucket, Key="k", VersionId=client)
    with refused("AccessDenied", 403):
        read(client, **customer(OTHER_KEY))
    assert read(client, **customer())["Body"].read() == SECRET * 5000
    copy = s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k", "VersionId": client}, **source_customer())
    assert said(copy) == {"": "AES256"} and read(copy["VersionId"])["Body"].read() == SECRET * 5000
    sizes = {entry["VersionId"]: entry["Size"] for entry in s3.list_object_versions(Bucket=bucket, Prefix="k")["Versions"]}
    assert sizes == {"null": len(SECRET), kms: len(SECRET) * 20_000, client: len(SECRET) * 5000, copy["VersionId"]: len(SECRET) * 5000}


def test_parts_come_with_the_key_that_the_upload_began_with(s3, bucket):
    begin = lambda **asked: {"Bucket": bucket, "Key": "k", "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="k", **asked)["UploadId"]}
    encrypted, other = begin(**customer()), begin()
    for upload, key in ((encrypted, {}), (other, customer())):
        with refused("InvalidRequest", 400) as refusal:
            s3.upload_part(**upload, PartNumber=1, Body=b"x", **key)
        assert refusal.message.startswith("The multipart upload initiate requested encryption.")
    with refused("InvalidRequest", 400) as refusal:
        s3.upload_part(**encrypted, PartNumber=1, Body=b"x", **customer(OTHER_KEY))
    assert refusal.message == "The provided encryption parameters did not match the ones used originally."
    assert "Parts" not in s3.list_parts(**encrypted)


def test_copies_are_encrypted_as_the_target_says(s3, bucket, managed):
    content = SECRET * 10_000
    kinds = [("plain", {}, {"": "AES256"}), ("kms", {"ServerSideEncryption": "aws:kms"}, {"": "aws:kms", "aws-kms-key-id": managed}),
             ("customer", customer(), {"customer-algorithm": "AES256", "customer-key-md5": md5_of(KEY)})]
    for name, asked, _ in kinds:
        s3.put_object(Bucket=bucket, Key=name, Body=content, **asked)
    for source, _, _ in kinds:
        for target, asked, wanted in [*kinds, ("other", customer(OTHER_KEY), {"customer-algorithm": "AES256", "customer-key-md5": md5_of(OTHER_KEY)})]:
            copied = s3.copy_object(Bucket=bucket, Key=f"{source}-{target}", CopySource=f"{bucket}/{source}", **asked,
                                    **(source_customer() if source == "customer" else {}))
            assert said(copied) == wanted
            reading = {name: value for name, value in asked.items() if name.startswith("SSECustomer")}
            assert s3.get_object(Bucket=bucket, Key=f"{source}-{target}", **reading)["Body"].read() == content
    with refused("InvalidRequest", 400) as refusal:
        s3.copy_object(Bucket=bucket, Key="x", CopySource=f"{bucket}/customer")
    assert refusal.message.startswith("The object was stored using a form of Server Side Encryption.")
    with refused("AccessDenied", 403):
        s3.copy_object(Bucket=bucket, Key="x", CopySource=f"{bucket}/customer", **source_customer(OTHER_KEY))
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="x", CopySource=f"{bucket}/plain", **source_customer())
    # Onto itself: another encryption is a change, and the key with it.
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="plain", CopySource=f"{bucket}/plain")
    for asked, reading in ((customer(), customer()), ({"ServerSideEncryption": "AES256"}, {})):
        s3.copy_object(Bucket=bucket, Key="plain", CopySource=f"{bucket}/plain", **asked, **({} if reading else source_customer()))
        assert s3.get_object(Bucket=bucket, Key="plain", **reading)["Body"].read() == content


def test_the_clients_key_is_checked(secure, s3, bucket):
    s3.put_object(Bucket=bucket, Key="c", Body=b"x", **customer())
    s3.put_object(Bucket=bucket, Key="p", Body=b"x")
    with refused("InvalidRequest", 400) as refusal:
        s3.get_object(Bucket=bucket, Key="c")
    assert refusal.message.startswith("The object was stored using a form of Server Side Encryption.")
    with refused("AccessDenied", 403) as refusal:
        s3.get_object(Bucket=bucket, Key="c", **customer(OTHER_KEY))
    assert refusal.message == "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key."
    with refused("InvalidRequest", 400) as refusal:
        s3.get_object(Bucket=bucket, Key="p", **customer())
    assert refusal.message == "The encryption parameters are not applicable to this object."
    for key, status in ({}, 400), (customer(OTHER_KEY), 403):
        with refused(str(status), status):
            s3.head_object(Bucket=bucket, Key="c", **key)
        with pytest.raises(ClientError):
            s3.get_object_attributes(Bucket=bucket, Key="c", ObjectAttributes=["ETag"], **(encoded_customer(OTHER_KEY) if key else {}))
    bad = [({"SSECustomerAlgorithm": "AES128", "SSECustomerKey": KEY}, "InvalidEncryptionAlgorithmError", "Supported value: AES256"),
           ({"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"short"}, "InvalidArgument", "The secret key was invalid for the specified algorithm."),
           ({"SSECustomerAlgorithm": "AES256"}, "InvalidArgument", "must provide an appropriate secret key."),
           ({**customer(), "SSECustomerKeyMD5": md5_of(OTHER_KEY)}, "InvalidArgument", "The calculated MD5 hash of the key did not match"),
           ({**customer(), "ServerSideEncryption": "AES256"}, "InvalidArgument", "is incompatible with the encryption method specified")]
    for asked, code, message in bad:
        if "SSECustomerKeyMD5" in asked:  # boto3 leaves a key alone that comes with its MD5
            asked["SSECustomerKey"] = base64.b64encode(KEY).decode()
        with refused(code, 400) as refusal:
            s3.put_object(Bucket=bucket, Key="k", Body=b"x", **asked)
        assert message in refusal.message
    for header in ("algorithm", "key", "key-MD5"):
        def leave_out(request, header=header, **_):
            del request.headers[f"x-amz-server-side-encryption-customer-{header}"]
        client = secure.client("s3")
        client.meta.events.register("before-sign.s3.PutObject", leave_out)
        with refused("InvalidArgument", 400):
            client.put_object(Bucket=bucket, Key="k", Body=b"x", **customer())
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["c", "p"]
    # Deletes need no key.
    s3.delete_object(Bucket=bucket, Key="c")


def test_the_clients_key_is_in_no_record(secure, s3, bucket):
    key = os.urandom(32)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **customer(key))
    s3.get_object(Bucket=bucket, Key="k", **customer(key))
    with pytest.raises(ClientError):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", **source_customer(os.urandom(32)), **customer(key))
    # Not even where the signature is wrong, whose error has all that was signed.
    stranger = secure.client_as(conftest.Credentials(secure.root.access_key_id, "not-the-secret"), "s3")
    with refused("SignatureDoesNotMatch", 403):
        stranger.put_object(Bucket=bucket, Key="k", Body=b"x", **customer(key))
    encoded = base64.b64encode(key).decode()
    records = secure.trainwarden("audit", "--json", "-n", "30").stdout
    assert bucket in records and encoded not in records
    files = [path for path in secure.data.rglob("*") if path.is_file()] + [secure.output]
    for path in files:
        content = path.read_bytes()
        assert encoded.encode() not in content and key not in content, path


def test_the_record_shows_the_algorithm(secure, s3, bucket):
    s3.put_object(Bucket=bucket, Key="s3", Body=b"x", ServerSideEncryption="AES256")
    s3.put_object(Bucket=bucket, Key="kms", Body=b"x", ServerSideEncryption="aws:kms")
    s3.put_object(Bucket=bucket, Key="customer", Body=b"x", **customer())
    lines = [line for line in secure.trainwarden("audit", "--json", "-n", "30").stdout.splitlines() if bucket in line and "PutObject" in line]
    assert len(lines) == 3
    assert any('"AES256"' in line and "/s3" in line for line in lines)
    assert any('"aws:kms"' in line and "/kms" in line for line in lines)
    assert any("SSECustomerAlgorithm" in line and "/customer" in line for line in lines)


# --- SSE-KMS: aws/s3 alone ---


def test_the_key_of_the_account(secure, s3, bucket, managed):
    account = secure.account
    assert managed.startswith(f"arn:aws:kms:us-east-1:{account}:key/")
    names = [managed, managed.rsplit("/", 1)[1], "alias/aws/s3", f"arn:aws:kms:us-east-1:{account}:alias/aws/s3"]
    for name in names:
        assert s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=name)["SSEKMSKeyId"] == managed
    others = {"mine": "Invalid keyId 'mine'", "alias/mine": f"Alias arn:aws:kms:us-east-1:{account}:alias/mine is not found.",
              f"arn:aws:kms:us-east-1:{account}:key/none": f"Key 'arn:aws:kms:us-east-1:{account}:key/none' does not exist",
              managed.replace("us-east-1", "us-west-2"): "Invalid arn us-west-2"}
    for name, message in others.items():
        for write in (lambda **asked: s3.put_object(Bucket=bucket, Key="other", Body=b"x", **asked),
                      lambda **asked: s3.create_multipart_upload(Bucket=bucket, Key="other", **asked),
                      lambda **asked: s3.copy_object(Bucket=bucket, Key="other", CopySource=f"{bucket}/k", **asked)):
            with refused("KMS.NotFoundException", 400) as refusal:
                write(ServerSideEncryption="aws:kms", SSEKMSKeyId=name)
            assert refusal.message == message
    with refused("NotImplemented", 501):
        s3.put_object(Bucket=bucket, Key="other", Body=b"x", ServerSideEncryption="aws:kms:dsse")
    with refused("InvalidArgument", 400) as refusal:
        s3.put_object(Bucket=bucket, Key="other", Body=b"x", ServerSideEncryption="aes:kms")
    assert refusal.message == "The encryption method specified is not supported"
    for asked in ({"SSEKMSKeyId": managed}, {"ServerSideEncryption": "AES256", "SSEKMSKeyId": managed}, {"SSEKMSEncryptionContext": CONTEXT}):
        with refused("InvalidArgument", 400) as refusal:
            s3.put_object(Bucket=bucket, Key="other", Body=b"x", **asked)
        assert "requires HTTP header x-amz-server-side-encryption : aws:kms" in refusal.message
    for context in ("no base64", base64.b64encode(b"[]").decode(), base64.b64encode(b'{"a": 1}').decode()):
        with refused("InvalidArgument", 400):
            s3.put_object(Bucket=bucket, Key="other", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSEncryptionContext=context)
    written = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSEncryptionContext=CONTEXT, BucketKeyEnabled=True)
    assert written["SSEKMSEncryptionContext"] == CONTEXT and written["BucketKeyEnabled"] is True
    read = s3.get_object(Bucket=bucket, Key="k")
    assert read["BucketKeyEnabled"] is True and "SSEKMSEncryptionContext" not in read
    # Readers say nothing of it.
    def declare(request, **_):
        request.headers["x-amz-server-side-encryption"] = "aws:kms"
    declaring = secure.client("s3")
    declaring.meta.events.register("before-sign.s3.GetObject", declare)
    with refused("InvalidArgument", 400) as refusal:
        declaring.get_object(Bucket=bucket, Key="k")
    assert refusal.message == "x-amz-server-side-encryption header is not supported for this operation."
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]


def test_what_aws_s3_seals_is_of_its_account_alone(secure, s3, bucket):
    """Everybody may read the bucket, by its policy."""
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
    s3.put_object(Bucket=bucket, Key="kms", Body=b"x", ServerSideEncryption="aws:kms")
    s3.put_object(Bucket=bucket, Key="s3", Body=b"x")
    anonymous = secure.client_as(None, "s3")
    assert anonymous.get_object(Bucket=bucket, Key="s3")["Body"].read() == b"x"
    for ask in (lambda: anonymous.get_object(Bucket=bucket, Key="kms"),
                lambda: anonymous.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms")):
        with refused("InvalidArgument", 400) as refusal:
            ask()
        assert "require AWS Signature Version 4" in refusal.message
    assert said(anonymous.head_object(Bucket=bucket, Key="kms"))[""] == "aws:kms"


# --- In the clear ---


def test_keys_do_not_go_over_a_wire_that_others_can_read(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="in-the-clear")
    assert said(s3.put_object(Bucket="in-the-clear", Key="k", Body=b"x")) == {"": "AES256"}
    upload = s3.create_multipart_upload(Bucket="in-the-clear", Key="k")["UploadId"]
    for ask in (lambda: s3.put_object(Bucket="in-the-clear", Key="c", Body=b"x", **customer()),
                lambda: s3.get_object(Bucket="in-the-clear", Key="k", **customer()),
                lambda: s3.create_multipart_upload(Bucket="in-the-clear", Key="c", **customer()),
                lambda: s3.upload_part(Bucket="in-the-clear", Key="k", UploadId=upload, PartNumber=1, Body=b"x", **customer()),
                lambda: s3.copy_object(Bucket="in-the-clear", Key="c", CopySource="in-the-clear/k", **customer())):
        with refused("InvalidRequest", 400):
            ask()
    with refused("InvalidArgument", 400) as refusal:
        s3.put_object(Bucket="in-the-clear", Key="c", Body=b"x", ServerSideEncryption="aws:kms")
    assert refusal.message == "Requests specifying Server Side Encryption with AWS KMS managed keys must be made over a secure connection."
    s3.put_bucket_encryption(Bucket="in-the-clear", ServerSideEncryptionConfiguration=configuration("aws:kms"))
    with refused("InvalidArgument", 400):
        s3.put_object(Bucket="in-the-clear", Key="c", Body=b"x")
    assert said(s3.put_object(Bucket="in-the-clear", Key="c", Body=b"x", ServerSideEncryption="AES256")) == {"": "AES256"}


# --- The default of a bucket ---


def configuration(algorithm, key=None, **more):
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm, **({"KMSMasterKeyID": key} if key else {})}, **more}]}


def test_the_default_of_a_bucket(secure, s3, bucket, managed):
    get = lambda: s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    put = lambda wanted: s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=wanted)
    write = lambda **asked: s3.put_object(Bucket=bucket, Key="k", Body=b"x", **asked)
    plain = configuration("AES256", BucketKeyEnabled=False)
    assert get() == plain
    by_key = configuration("aws:kms", "alias/aws/s3", BucketKeyEnabled=True)
    put(by_key)
    assert get() == by_key
    assert said(write()) == {"": "aws:kms", "aws-kms-key-id": managed, "bucket-key-enabled": "true"}
    assert said(write(ServerSideEncryption="aws:kms")) == {"": "aws:kms", "aws-kms-key-id": managed, "bucket-key-enabled": "true"}
    assert said(write(ServerSideEncryption="aws:kms", BucketKeyEnabled=False)) == {"": "aws:kms", "aws-kms-key-id": managed}
    assert said(write(ServerSideEncryption="AES256")) == {"": "AES256"}
    assert said(write(**customer()))["customer-algorithm"] == "AES256"
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", **source_customer())
    assert said(s3.head_object(Bucket=bucket, Key="copy"))[""] == "aws:kms"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")
    assert said(upload)[""] == "aws:kms"
    put(configuration("aws:kms"))
    assert get() == configuration("aws:kms", BucketKeyEnabled=False) and said(write()) == {"": "aws:kms", "aws-kms-key-id": managed}
    # As S3: what the key is called is looked at when something is written.
    put(configuration("aws:kms", "alias/mine"))
    with refused("KMS.NotFoundException", 400):
        write()
    for wanted, code in ((configuration("AES256", "alias/aws/s3"), "InvalidArgument"), (configuration("aws:kms:dsse"), "NotImplemented"),
                         (configuration("aes"), "MalformedXML"), ({"Rules": []}, "MalformedXML"),
                         ({"Rules": [configuration("AES256")["Rules"][0]] * 2}, "MalformedXML")):
        with refused(code):
            put(wanted)
    assert get() == configuration("aws:kms", "alias/mine", BucketKeyEnabled=False)
    s3.delete_bucket_encryption(Bucket=bucket)
    assert get() == plain and said(write()) == {"": "AES256"}
    s3.delete_bucket_encryption(Bucket=bucket)


def test_a_bucket_can_refuse_keys_of_clients(s3, bucket):
    s3.put_object(Bucket=bucket, Key="before", Body=b"x", **customer())
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=configuration(
        "AES256", BucketKeyEnabled=False, BlockedEncryptionTypes={"EncryptionType": ["SSE-C"]}))
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["BlockedEncryptionTypes"] == {"EncryptionType": ["SSE-C"]}
    for write in (lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x", **customer()),
                  lambda: s3.create_multipart_upload(Bucket=bucket, Key="k", **customer()),
                  lambda: s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/before", **customer(), **source_customer())):
        with refused("AccessDenied", 403) as refusal:
            write()
        assert "has blocked upload requests that specify Server Side Encryption with Customer provided keys (SSE-C)" in refusal.message
    assert s3.get_object(Bucket=bucket, Key="before", **customer())["Body"].read() == b"x"
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=configuration(
        "AES256", BlockedEncryptionTypes={"EncryptionType": ["NONE"]}))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **customer())


def test_who_may_configure_it(secure, s3, bucket):
    reader = secure.client_as(secure_user(secure, "reads-encryption", allow("s3:GetEncryptionConfiguration")), "s3")
    reader.get_bucket_encryption(Bucket=bucket)
    for ask in (lambda: reader.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=configuration("AES256")),
                lambda: reader.delete_bucket_encryption(Bucket=bucket)):
        with refused("AccessDenied", 403) as refusal:
            ask()
        assert "s3:PutEncryptionConfiguration" in refusal.message


# --- Policies ---


def secure_user(server, name, document):
    iam = server.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="it", PolicyDocument=json.dumps(document))
    return iam.create_access_key(UserName=name)


def deny_unless(bucket, **conditions):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*", "Condition": {operator: condition}}
        for operator, condition in conditions.items()]})


def upload(s3, bucket, **asked):
    """In parts, as AWS's tools do it: the parts' requests do not say how they are encrypted."""
    of_customer = {name: value for name, value in asked.items() if name.startswith("SSECustomer")}
    begun = {"Bucket": bucket, "Key": "big", "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="big", **asked)["UploadId"]}
    tag = s3.upload_part(**begun, PartNumber=1, Body=b"x", **of_customer)["ETag"]
    copy = s3.upload_part_copy(**begun, PartNumber=1, CopySource=f"{bucket}/source", **of_customer)["CopyPartResult"]["ETag"]
    return s3.complete_multipart_upload(**begun, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": copy or tag}]}, **of_customer)


HEADER, KMS_KEY, ALGORITHM = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id", \
    "s3:x-amz-server-side-encryption-customer-algorithm"


@pytest.mark.parametrize("conditions, good, bad", [
    ({"Null": {HEADER: "true"}}, [{"ServerSideEncryption": "AES256"}, {"ServerSideEncryption": "aws:kms"}], [{}, customer()]),
    ({"StringNotEquals": {HEADER: "aws:kms"}}, [{"ServerSideEncryption": "aws:kms"}], [{}, {"ServerSideEncryption": "AES256"}, {"ServerSideEncryption": "AES192"}]),
    ({"StringNotEquals": {KMS_KEY: "MANAGED"}}, [{"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/aws/s3"}],
     [{}, {"ServerSideEncryption": "aws:kms"}, {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/mine"}]),
    ({"Null": {ALGORITHM: "true"}}, [customer()], [{}, {"ServerSideEncryption": "AES256"}]),
    ({"Null": {ALGORITHM: "false"}}, [{}, {"ServerSideEncryption": "AES256"}], [customer()]),
], ids=["any", "kms", "key", "customer", "no-customer"])
def test_policies_are_about_what_the_request_says(s3, bucket, managed, conditions, good, bad):
    s3.put_object(Bucket=bucket, Key="source", Body=b"x")
    s3.put_bucket_policy(Bucket=bucket, Policy=deny_unless(bucket, **conditions).replace("MANAGED", managed))
    for asked in bad:
        for write in (lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x", **asked), lambda: upload(s3, bucket, **asked),
                      lambda: s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source", **asked)):
            with refused("AccessDenied", 403):
                write()
    # The default of the bucket is no header.
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=configuration("aws:kms"))
    for asked in good:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **asked)
        upload(s3, bucket, **asked)
        s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source", **asked)


def test_questions_know_the_keys(secure, s3, bucket):
    user = secure_user(secure, "asks-for-kms", allow("s3:PutObject", StringEquals={HEADER: "aws:kms"}))
    client = secure.client_as(user, "s3")
    client.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms")
    with refused("AccessDenied", 403):
        client.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256")
    user = f"arn:aws:iam::{secure.account}:user/asks-for-kms"
    for algorithm, answer in (("aws:kms", "s3:PutObject: allowed"), ("AES256", "s3:PutObject: refused")):
        members = {"Bucket": bucket, "Key": "k", "ServerSideEncryption": algorithm}
        asked = secure.trainwarden("explain", "--as", user, "--operation", "s3:PutObject", "--input", json.dumps(members))
        assert answer in asked.stdout


# --- Tools, damage, keys ---


@pytest.mark.parametrize("program", [AWS_V1, AWS_V2], ids=["v1", "v2"])
def test_the_aws_command_line(secure, s3, bucket, tmp_path, program):
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "large").write_bytes(os.urandom(9 * MIB))
    where = ("--endpoint-url", secure.endpoint)
    for name, asked in (("default", ()), ("s3", ("--sse",)), ("kms", ("--sse", "aws:kms")), ("customer", ("--sse-c", "AES256", "--sse-c-key", f"fileb://{tmp_path}/key"))):
        secure.aws("s3", "cp", tmp_path / "large", f"s3://{bucket}/{name}", *asked, *where, program=program)
        reading = asked if name == "customer" else ()
        secure.aws("s3", "cp", f"s3://{bucket}/{name}", tmp_path / "back", *reading, *where, program=program)
        assert (tmp_path / "back").read_bytes() == (tmp_path / "large").read_bytes()
    source = ("--sse-c-copy-source", "AES256", "--sse-c-copy-source-key", f"fileb://{tmp_path}/key")
    secure.aws("s3", "cp", f"s3://{bucket}/customer", f"s3://{bucket}/copied", *source, *where, program=program)
    assert said(s3.head_object(Bucket=bucket, Key="copied")) == {"": "AES256"}


def test_a_flipped_bit_is_an_error_and_the_check_finds_it_without_a_key(make_server):
    server = make_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bits")
    # Small objects stand in their records; these are in files.
    s3.put_object(Bucket="bits", Key="k", Body=SECRET * 3000)
    s3.put_object(Bucket="bits", Key="large", Body=SECRET * 100_000)
    (segment,) = [path for path in (server.data / "blobs/log").iterdir() if path.stat().st_size]
    (file,) = (server.data / "blobs").glob("??/*")
    sealed = [len(SECRET) * times + 16 * (len(SECRET) * times // 65536 + 1) for times in (3000, 100_000)]
    assert server.trainwarden("admin", "check", "--data", server.data, check=False).returncode == 0
    for path, last in (segment, segment.stat().st_size - 1), (file, sealed[1] - 1):
        content = bytearray(path.read_bytes())
        content[last] ^= 1
        path.write_bytes(content)
    with refused("InternalError", 500):
        s3.get_object(Bucket="bits", Key="k", Range="bytes=-10")
    # What was sent before is not told wrong: the answer breaks off.
    with pytest.raises(Exception, match="(?i)incomplete|broken|closed|IncompleteRead"):
        s3.get_object(Bucket="bits", Key="large")["Body"].read()
    assert s3.get_object(Bucket="bits", Key="large", Range="bytes=0-70000")["Body"].read() == (SECRET * 100_000)[:70001]
    checked = server.trainwarden("admin", "check", "--data", server.data, check=False)
    assert checked.returncode != 0 and checked.stdout.count("altered") == 2


def test_another_master_key_while_objects_are_written(make_server, tmp_path):
    server = make_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="rotated")
    written, ends = {}, threading.Event()

    def write():
        client = server.client("s3")
        while not ends.is_set():
            key = f"k{len(written)}"
            client.put_object(Bucket="rotated", Key=key, Body=SECRET * (len(written) % 400 + 1))
            written[key] = len(written) % 400 + 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        conftest.until(lambda: len(written) > 20, "some are written")
        server.trainwarden("admin", "rotate-master-key", "--data", server.data)
        before = len(written)
        conftest.until(lambda: len(written) > before + 20, "more are written")
    finally:
        ends.set()
        writer.join()
    conftest.until(lambda: "none goes on" in server.trainwarden("admin", "rotate-master-key", "--status", "--data", server.data).stdout, "it is done")
    for start in (False, True):
        if start:
            server.stop(signal.SIGKILL)
            server.start()
        client = server.client("s3")
        for key, count in written.items():
            assert client.get_object(Bucket="rotated", Key=key)["Body"].read() == SECRET * count
    # A backup has ciphertext, and is read with the key alone.
    folder = tmp_path / "backups"
    server.trainwarden("admin", "backup", "--data", server.data, folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 10 and SECRET not in b"".join(path.read_bytes() for path in files)
    server.trainwarden("admin", "check", folder)
