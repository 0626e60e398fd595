"""Bytes that the disk has altered: an error, or an answer that ends before them; never a whole answer with other bytes. What lies elsewhere is served."""
import http.client
import os

import pytest
from botocore.exceptions import ClientError

MIB = 1 << 20
SEGMENT_HEADER = 40


def files_of(server, below):
    return {path for path in (server.data / "blobs").glob(below) if path.is_file() and path.stat().st_size > 0}


def put(server, key, body, below):
    """Stores it; the file that it lies in."""
    before = {path: path.stat().st_size for path in files_of(server, below)}
    server.client("s3").put_object(Bucket="damage", Key=key, Body=body)
    (path,) = [path for path in files_of(server, below) if before.get(path) != path.stat().st_size]
    return path, before.get(path, 0)


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


@pytest.fixture(scope="module")
def bucket(server):
    server.client("s3").create_bucket(Bucket="damage")
    return server


def read(server, key, **more):
    return server.client("s3").get_object(Bucket="damage", Key=key, **more)["Body"].read()


def refused(server, key, **more):
    with pytest.raises(ClientError) as caught:
        read(server, key, **more)
    error = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("InternalError", 500)
    assert "altered" in error["Error"]["Message"] and "/blobs" not in error["Error"]["Message"]


def test_a_blob_of_the_log(bucket):
    body, other = os.urandom(200_000), os.urandom(5000)
    path, begin = put(bucket, "logged", body, "log/*")
    put(bucket, "beside", other, "log/*")
    assert read(bucket, "logged") == body
    at = 150_000
    flip(path, begin + SEGMENT_HEADER + at)
    refused(bucket, "logged")
    refused(bucket, "logged", Range="bytes=140000-140009")  # the same chunk
    assert read(bucket, "logged", Range="bytes=0-59999") == body[:60_000]
    with pytest.raises(ClientError):
        bucket.client("s3").copy_object(Bucket="damage", Key="copy", CopySource="damage/logged")
    assert read(bucket, "beside") == other
    flip(path, begin + SEGMENT_HEADER + at)
    assert read(bucket, "logged") == body


def test_a_large_blob(bucket):
    body = os.urandom(5 * MIB)
    path, _ = put(bucket, "large", body, "??/*")
    assert read(bucket, "large") == body
    flip(path, 1000)
    refused(bucket, "large")
    assert read(bucket, "large", Range=f"bytes={MIB}-") == body[MIB:]
    flip(path, 1000)
    # Where the answer has begun: it ends before the chunk.
    at = 3 * MIB + 7
    flip(path, at)
    url = bucket.client("s3").generate_presigned_url("get_object", Params={"Bucket": "damage", "Key": "large"})
    connection = http.client.HTTPConnection("127.0.0.1", bucket.port, timeout=30)
    connection.request("GET", "/" + url.split("/", 3)[3])
    response = connection.getresponse()
    assert response.status == 200 and int(response.headers["Content-Length"]) == len(body)
    with pytest.raises(http.client.IncompleteRead) as caught:
        response.read()
    got = caught.value.partial
    assert 0 < len(got) <= at and got == body[:len(got)]
    assert read(bucket, "large", Range=f"bytes=0-{2 * MIB}") == body[:2 * MIB + 1]
    flip(path, at)
    assert read(bucket, "large") == body


def test_a_blob_of_before_has_no_checksums_and_is_served(bucket):
    body = os.urandom(MIB)
    path, _ = put(bucket, "before", body, "??/*")
    with open(path, "r+b") as file:
        file.truncate(MIB + 16 * 16)  # each 64 KiB and what proves that they are what was encrypted, as a version before 0.2 wrote it
    assert read(bucket, "before") == body
    assert read(bucket, "before", Range="bytes=500000-500009") == body[500_000:500_010]
    bucket.client("s3").delete_object(Bucket="damage", Key="before")
    assert not path.exists()
