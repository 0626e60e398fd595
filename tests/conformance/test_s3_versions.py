"""Versions of objects: ids, null versions, delete markers, listings, conditions, and who may do what with which version."""

import concurrent.futures
import uuid

import boto3
import botocore
import pytest
from botocore.exceptions import ClientError

from test_s3 import refused


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3):
    name = f"versions-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def suspend(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def read(s3, bucket, key="k", **version):
    return s3.get_object(Bucket=bucket, Key=key, **version)["Body"].read()


def headers(answer):
    return answer["ResponseMetadata"]["HTTPHeaders"]


def failed(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response


def rows(s3, bucket, **more):
    listed = s3.list_object_versions(Bucket=bucket, **more)
    both = [(one, False) for one in listed.get("Versions", [])] + [(one, True) for one in listed.get("DeleteMarkers", [])]
    return [(one["Key"], one["VersionId"], one["IsLatest"], marker) for one, marker in both]


def test_versions_are_kept_and_found(s3, bucket):
    first, second = (s3.put_object(Bucket=bucket, Key="k", Body=body) for body in (b"one", b"two"))
    assert len({first["VersionId"], second["VersionId"], "null"}) == 3
    assert read(s3, bucket) == b"two" and read(s3, bucket, VersionId=first["VersionId"]) == b"one"
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == second["VersionId"]
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", VersionId=first["VersionId"], ObjectAttributes=["ObjectSize", "ETag"])
    assert attributes["VersionId"] == first["VersionId"] and attributes["ETag"] == first["ETag"].strip('"')
    s3.put_object_tagging(Bucket=bucket, Key="k", VersionId=first["VersionId"], Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    tags = s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=first["VersionId"])
    assert tags["TagSet"] == [{"Key": "a", "Value": "1"}] and tags["VersionId"] == first["VersionId"]
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    assert s3.delete_object_tagging(Bucket=bucket, Key="k", VersionId=first["VersionId"])["VersionId"] == first["VersionId"]
    # A version becomes the latest by being copied; its bytes are another's then.
    copied = s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k", "VersionId": first["VersionId"]})
    assert copied["CopySourceVersionId"] == first["VersionId"] and copied["VersionId"] not in (first["VersionId"], second["VersionId"])
    s3.delete_object(Bucket=bucket, Key="k", VersionId=first["VersionId"])
    assert read(s3, bucket) == b"one"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"part")
    done = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert read(s3, bucket, VersionId=done["VersionId"]) == b"part"
    assert [version for _, version, *_ in rows(s3, bucket)] == [done["VersionId"], copied["VersionId"], second["VersionId"]]


def test_a_delete_marker_hides_and_says_so(s3, bucket):
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    deleted = s3.delete_object(Bucket=bucket, Key="k")
    assert deleted["DeleteMarker"] is True
    for call in (s3.get_object, s3.head_object):
        gone = failed(call, Bucket=bucket, Key="k")
        assert headers(gone)["x-amz-delete-marker"] == "true" and headers(gone)["x-amz-version-id"] == deleted["VersionId"]
        assert gone["ResponseMetadata"]["HTTPStatusCode"] == 404
        marker = failed(call, Bucket=bucket, Key="k", VersionId=deleted["VersionId"])
        assert marker["ResponseMetadata"]["HTTPStatusCode"] == 405
        assert headers(marker)["x-amz-delete-marker"] == "true" and headers(marker)["allow"] == "DELETE" and "last-modified" in headers(marker)
    assert failed(s3.get_object, Bucket=bucket, Key="k", VersionId=deleted["VersionId"])["Error"]["Code"] == "MethodNotAllowed"
    assert "x-amz-delete-marker" not in headers(failed(s3.get_object, Bucket=bucket, Key="never"))
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert failed(s3.get_object_tagging, Bucket=bucket, Key="k", VersionId=deleted["VersionId"])["Error"]["Code"] == "MethodNotAllowed"
    assert failed(s3.copy_object, Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "k", "VersionId": deleted["VersionId"]})["Error"]["Code"] == "InvalidRequest"
    assert failed(s3.delete_bucket, Bucket=bucket)["Error"]["Code"] == "BucketNotEmpty"
    back = s3.delete_object(Bucket=bucket, Key="k", VersionId=deleted["VersionId"])
    assert back["DeleteMarker"] is True and back["VersionId"] == deleted["VersionId"]
    assert read(s3, bucket) == b"x"
    gone = s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    assert "DeleteMarker" not in gone and gone["VersionId"] == version
    s3.delete_bucket(Bucket=bucket)


def test_null_versions(s3):
    bucket = f"versions-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket)
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    assert "VersionId" not in s3.delete_object(Bucket=bucket, Key="other")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"after")["VersionId"]
    assert read(s3, bucket, VersionId="null") == b"before"
    suspend(s3, bucket)
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"suspended")["VersionId"] == "null"
    assert rows(s3, bucket) == [("k", "null", True, False), ("k", version, False, False)]
    # A delete takes the null version away, and stands in its place.
    assert s3.delete_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    assert rows(s3, bucket) == [("k", version, False, False), ("k", "null", True, True)]
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert read(s3, bucket) == b"after"


def test_ids_that_are_none_and_versions_that_are_not_there(s3, bucket):
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    s3.put_object(Bucket=bucket, Key="other", Body=b"x")
    for call in (s3.get_object, s3.head_object, s3.delete_object, s3.get_object_tagging, s3.get_object_acl):
        answer = failed(call, Bucket=bucket, Key="k", VersionId="nosuch")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    error = failed(s3.get_object, Bucket=bucket, Key="other", VersionId=version)["Error"]
    assert (error["Code"], error["Key"], error["VersionId"]) == ("NoSuchVersion", "other", version)
    assert s3.delete_object(Bucket=bucket, Key="other", VersionId=version)["ResponseMetadata"]["HTTPStatusCode"] == 204
    for marker in ({"VersionIdMarker": version}, {"KeyMarker": "k", "VersionIdMarker": "x"}):
        assert failed(s3.list_object_versions, Bucket=bucket, **marker)["Error"]["Code"] == "InvalidArgument"
    assert read(s3, bucket, "other") == b"x"
    for status, code in (({"Status": "Off"}, "MalformedXML"), ({}, "IllegalVersioningConfigurationException")):
        assert failed(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=status)["Error"]["Code"] == code


def test_many_deletes_at_once(s3, bucket):
    first, second = (s3.put_object(Bucket=bucket, Key="a", Body=body)["VersionId"] for body in (b"1", b"2"))
    s3.put_object(Bucket=bucket, Key="b", Body=b"3")
    wanted = [{"Key": "a", "VersionId": second}, {"Key": "a", "VersionId": first}, {"Key": "b"}, {"Key": "none"}, {"Key": "b", "VersionId": "x"}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
    deleted = {(one["Key"], one.get("VersionId")): one for one in answer["Deleted"]}
    assert deleted["a", first] == {"Key": "a", "VersionId": first}
    assert deleted["b", None]["DeleteMarker"] and deleted["none", None]["DeleteMarkerVersionId"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("b", "NoSuchVersion")]
    marker = deleted["none", None]["DeleteMarkerVersionId"]
    again = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "none", "VersionId": marker}]})["Deleted"]
    assert again == [{"Key": "none", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker}]
    assert [key for key, *_ in rows(s3, bucket)] == ["b", "b"]


def test_pages_of_versions(s3, bucket):
    for key in ("a", "d/1", "d/2", "z ü"):
        for body in (b"1", b"2", b"3"):
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        s3.delete_object(Bucket=bucket, Key=key)
    whole = sorted(rows(s3, bucket))
    assert len(whole) == 16
    for size in (1, 3, 5):
        paged = [row for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
                 for kind, marker in (("Versions", False), ("DeleteMarkers", True))
                 for row in [(one["Key"], one["VersionId"], one["IsLatest"], marker) for one in page.get(kind, [])]]
        assert sorted(paged) == whole
    rolled = s3.list_object_versions(Bucket=bucket, Delimiter="/", MaxKeys=5)
    assert rolled["IsTruncated"] and rolled["CommonPrefixes"] == [{"Prefix": "d/"}] and rolled["NextKeyMarker"] == "d/" and "NextVersionIdMarker" not in rolled
    rest = rows(s3, bucket, Delimiter="/", KeyMarker="d/")
    assert {key for key, *_ in rest} == {"z ü"} and len(rest) == 4
    assert {key for key, *_ in rows(s3, bucket, Prefix="d/2")} == {"d/2"}


def test_writes_and_deletes_on_conditions(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfNoneMatch="*")["ETag"]
    assert failed(s3.put_object, Bucket=bucket, Key="k", Body=b"y", IfNoneMatch="*")["Error"]["Code"] == "PreconditionFailed"
    assert failed(s3.put_object, Bucket=bucket, Key="none", Body=b"y", IfMatch=etag)["Error"]["Code"] == "NoSuchKey"
    assert failed(s3.copy_object, Bucket=bucket, Key="k", CopySource=f"{bucket}/k", MetadataDirective="REPLACE", IfNoneMatch="*")["Error"]["Code"] == "PreconditionFailed"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    complete = {"Bucket": bucket, "Key": "k", "UploadId": upload, "MultipartUpload": parts}
    assert failed(s3.complete_multipart_upload, **complete, IfNoneMatch="*")["Error"]["Code"] == "PreconditionFailed"
    s3.complete_multipart_upload(**complete, IfMatch=etag)
    head = s3.head_object(Bucket=bucket, Key="k")
    modified, size = head["LastModified"], head["ContentLength"]
    for condition in ({"IfMatch": etag}, {"IfMatchSize": size + 1}, {"IfMatchLastModifiedTime": modified.replace(year=2001)}):
        error = failed(s3.delete_object, Bucket=bucket, Key="k", **condition)["Error"]
        assert error["Code"] == "PreconditionFailed" and "atch" in error["Condition"]
    outcome = s3.delete_objects(Bucket=bucket, Delete={"Objects": [
        {"Key": "k", "ETag": etag}, {"Key": "k", "Size": size + 1}, {"Key": "k", "LastModifiedTime": modified.replace(year=2001)}]})
    assert [one["Code"] for one in outcome["Errors"]] == ["PreconditionFailed"] * 3 and "Deleted" not in outcome
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=head["ETag"], IfMatchSize=size, IfMatchLastModifiedTime=modified)
    assert failed(s3.delete_object, Bucket=bucket, Key="k", IfMatch="*")["Error"]["Code"] == "NoSuchKey"
    # One of many that must be the first is.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        def claim(number):
            try:
                return s3.put_object(Bucket=bucket, Key="claimed", Body=str(number).encode(), IfNoneMatch="*")["VersionId"]
            except ClientError as error:
                assert error.response["Error"]["Code"] == "PreconditionFailed"
        assert sum(version is not None for version in pool.map(claim, range(16))) == 1


def test_who_may_do_what_with_which_version(server, s3, bucket, make_user):
    secret = s3.put_object(Bucket=bucket, Key="k", Body=b"secret", Tagging="class=secret")["VersionId"]
    public = s3.put_object(Bucket=bucket, Key="k", Body=b"public", Tagging="class=public")["VersionId"]
    objects = f"arn:aws:s3:::{bucket}/*"

    def client(*statements):
        return server.client_as(make_user(f"reader-{uuid.uuid4().hex[:8]}", {"Version": "2012-10-17", "Statement": list(statements)}), "s3")

    def may(action, condition=None, resource=objects):
        return {"Effect": "Allow", "Action": action, "Resource": resource, **({"Condition": condition} if condition else {})}

    latest = client(may("s3:GetObject"))
    assert read(latest, bucket) == b"public"
    with refused("AccessDenied", 403):
        latest.get_object(Bucket=bucket, Key="k", VersionId=public)
    # What decides is what is said of the version that is read.
    tagged = client(may("s3:GetObject*", {"StringEquals": {"s3:ExistingObjectTag/class": "public"}}))
    assert read(tagged, bucket) == read(tagged, bucket, VersionId=public) == b"public"
    for call in (tagged.get_object, tagged.get_object_tagging):
        with refused("AccessDenied", 403):
            call(Bucket=bucket, Key="k", VersionId=secret)
    one = client(may("s3:GetObjectVersion", {"StringEquals": {"s3:VersionId": secret}}), may("s3:PutObject"))
    assert read(one, bucket, VersionId=secret) == b"secret"
    with refused("AccessDenied", 403):
        one.get_object(Bucket=bucket, Key="k", VersionId=public)
    for version, allowed in ((public, False), (secret, True)):
        source = {"Bucket": bucket, "Key": "k", "VersionId": version}
        call = lambda: one.copy_object(Bucket=bucket, Key="copy", CopySource=source, TaggingDirective="REPLACE")
        if allowed:
            assert call()["CopySourceVersionId"] == version
        else:
            with refused("AccessDenied", 403):
                call()
    deleter = client(may("s3:DeleteObject"))
    assert deleter.delete_object(Bucket=bucket, Key="k")["DeleteMarker"]
    for version in (secret, public, "null"):
        with refused("AccessDenied", 403):
            deleter.delete_object(Bucket=bucket, Key="k", VersionId=version)
    codes = deleter.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": secret}, {"Key": "k"}]})
    assert [error["Code"] for error in codes["Errors"]] == ["AccessDenied"] and len(codes["Deleted"]) == 1
    # Of what is hidden, who may not list learns nothing.
    with refused("AccessDenied", 403):
        latest.get_object(Bucket=bucket, Key="k")
    lister = client(may("s3:ListBucket", resource=f"arn:aws:s3:::{bucket}"))
    lister.list_objects_v2(Bucket=bucket)
    with refused("AccessDenied", 403):
        lister.list_object_versions(Bucket=bucket)
    unsigned = boto3.client("s3", endpoint_url=server.endpoint, config=boto3.session.Config(signature_version=botocore.UNSIGNED))
    with refused("AccessDenied", 403):
        unsigned.list_object_versions(Bucket=bucket)
    with refused("AccessDenied", 403):
        unsigned.get_object(Bucket=bucket, Key="k", VersionId=public)


def test_what_is_said_in_advance_of_a_version(server, s3, bucket, make_user):
    secret = s3.put_object(Bucket=bucket, Key="k", Body=b"secret", Tagging="class=secret")["VersionId"]
    public = s3.put_object(Bucket=bucket, Key="k", Body=b"public", Tagging="class=public")["VersionId"]
    name = f"asked-{uuid.uuid4().hex[:8]}"
    keys = make_user(name, {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "s3:GetObjectVersion", "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringEquals": {"s3:ExistingObjectTag/class": "public"}}}]})
    client = server.client_as(keys, "s3")
    iam = server.client("iam")
    for version, decision in ((public, "allowed"), (secret, "implicitDeny")):
        said = iam.simulate_principal_policy(
            PolicySourceArn=f"arn:aws:iam::{server.account}:user/{name}", ActionNames=["s3:GetObjectVersion"],
            ResourceArns=[f"arn:aws:s3:::{bucket}/k"],
            ContextEntries=[{"ContextKeyName": "s3:VersionId", "ContextKeyValues": [version], "ContextKeyType": "string"}])
        assert said["EvaluationResults"][0]["EvalDecision"] == decision
        if decision == "allowed":
            assert read(client, bucket, VersionId=version) == b"public"
        else:
            with refused("AccessDenied", 403):
                client.get_object(Bucket=bucket, Key="k", VersionId=version)
