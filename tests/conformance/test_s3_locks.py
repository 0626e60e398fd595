"""Object lock: what keeps a version, who may bypass it, and that nothing else gets past it."""

import datetime
import time
import uuid

import pytest
from botocore.exceptions import ClientError

from test_s3 import refused

YEAR = datetime.timedelta(days=365)


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3):
    name = f"locks-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def later(by=YEAR):
    return (datetime.datetime.now(datetime.timezone.utc) + by).replace(microsecond=0)


def code_of(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]


def retain(s3, bucket, version, mode, until, **more):
    return code_of(s3.put_object_retention, Bucket=bucket, Key="k", VersionId=version, Retention={"Mode": mode, "RetainUntilDate": until}, **more)


def test_a_bucket_with_object_lock_keeps_all_versions(s3, bucket):
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}
    with refused("InvalidBucketState", 409):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}}
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=rule)
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == rule
    head = s3.head_object(Bucket=bucket, Key="k", VersionId=s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"])
    assert head["ObjectLockMode"] == "GOVERNANCE" and datetime.timedelta(days=2) < head["ObjectLockRetainUntilDate"] - later(datetime.timedelta()) <= datetime.timedelta(days=3, seconds=1)
    for default, code in (({"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, "MalformedXML"), ({"Mode": "GOVERNANCE"}, "MalformedXML"), ({"Mode": "none", "Days": 1}, "MalformedXML"),
                          ({"Mode": "GOVERNANCE", "Days": 0}, "InvalidArgument"), ({"Mode": "COMPLIANCE", "Years": 101}, "InvalidArgument"),
                          ({"Mode": "COMPLIANCE", "Days": 36501}, "InvalidArgument")):
        asked = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": default}}
        assert code_of(s3.put_object_lock_configuration, Bucket=bucket, ObjectLockConfiguration=asked) == code, default
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    assert "ObjectLockMode" not in s3.head_object(Bucket=bucket, Key="k", VersionId=s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"])


def test_a_bucket_without_object_lock_takes_none(s3):
    bucket = f"locks-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    lock = {"ObjectLockEnabled": "Enabled"}
    assert code_of(s3.put_object_lock_configuration, Bucket=bucket, ObjectLockConfiguration=lock) == "InvalidBucketState"
    named = {"Bucket": bucket, "Key": "k"}
    for call, more in ((s3.put_object_retention, {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": later()}}), (s3.get_object_retention, {}),
                       (s3.put_object_legal_hold, {"LegalHold": {"Status": "ON"}}), (s3.get_object_legal_hold, {}),
                       (s3.put_object, {"ObjectLockLegalHoldStatus": "ON"}), (s3.create_multipart_upload, {"ObjectLockLegalHoldStatus": "ON"}),
                       (s3.copy_object, {"CopySource": f"{bucket}/k", "MetadataDirective": "REPLACE", "ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": later()})):
        assert code_of(call, **named, **more) == "InvalidRequest", call
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)
    # What was there before can be locked, too.
    s3.put_object_legal_hold(**named, LegalHold={"Status": "ON"})
    assert code_of(s3.delete_object, **named, VersionId="null") == "AccessDenied"


def test_locks_in_headers(s3, bucket):
    until = later()
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until, "ObjectLockLegalHoldStatus": "ON"}
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x", **lock)["VersionId"]
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", **lock)["VersionId"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="part", **lock)["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="part", UploadId=upload, PartNumber=1, Body=b"part")
    done = s3.complete_multipart_upload(Bucket=bucket, Key="part", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})["VersionId"]
    for key, version in (("k", put), ("copy", copied), ("part", done)):
        head = s3.head_object(Bucket=bucket, Key=key)
        assert {name: head[name] for name in lock} == lock
        assert s3.get_object_retention(Bucket=bucket, Key=key)["Retention"] == {"Mode": "COMPLIANCE", "RetainUntilDate": until}
        assert s3.get_object_legal_hold(Bucket=bucket, Key=key)["LegalHold"] == {"Status": "ON"}
        assert code_of(s3.delete_object, Bucket=bucket, Key=key, VersionId=version, BypassGovernanceRetention=True) == "AccessDenied"
    plain = s3.copy_object(Bucket=bucket, Key="plain", CopySource=f"{bucket}/k")
    assert "ObjectLockMode" not in s3.head_object(Bucket=bucket, Key="plain", VersionId=plain["VersionId"])
    for call in (s3.get_object_retention, s3.get_object_legal_hold):
        assert code_of(call, Bucket=bucket, Key="plain") == "NoSuchObjectLockConfiguration"
    for wrong in ({"ObjectLockMode": "COMPLIANCE"}, {"ObjectLockRetainUntilDate": until}, {"ObjectLockMode": "none", "ObjectLockRetainUntilDate": until},
                  {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": later(-YEAR)}, {"ObjectLockLegalHoldStatus": "on"}):
        assert code_of(s3.put_object, Bucket=bucket, Key="wrong", Body=b"x", **wrong) == "InvalidArgument", wrong
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="wrong")


def test_transitions(s3, bucket):
    def version():
        return s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]

    governed, kept = version(), version()
    soon, late = later(YEAR), later(2 * YEAR)
    assert retain(s3, bucket, governed, "GOVERNANCE", soon) is None
    assert retain(s3, bucket, governed, "GOVERNANCE", late) is None
    assert retain(s3, bucket, governed, "GOVERNANCE", soon) == "AccessDenied"
    assert retain(s3, bucket, governed, "COMPLIANCE", late) == "AccessDenied"
    assert code_of(s3.put_object_retention, Bucket=bucket, Key="k", VersionId=governed, Retention={}) == "AccessDenied"
    assert retain(s3, bucket, governed, "GOVERNANCE", soon, BypassGovernanceRetention=True) is None
    assert retain(s3, bucket, kept, "COMPLIANCE", soon) is None
    for mode, until in (("GOVERNANCE", late), ("GOVERNANCE", soon), ("COMPLIANCE", later(YEAR / 2))):
        assert retain(s3, bucket, kept, mode, until, BypassGovernanceRetention=True) == "AccessDenied"
    assert code_of(s3.put_object_retention, Bucket=bucket, Key="k", VersionId=kept, Retention={}, BypassGovernanceRetention=True) == "AccessDenied"
    assert retain(s3, bucket, kept, "COMPLIANCE", late) is None
    assert retain(s3, bucket, governed, "COMPLIANCE", soon, BypassGovernanceRetention=True) is None
    assert retain(s3, bucket, governed, "GOVERNANCE", late, BypassGovernanceRetention=True) == "AccessDenied"
    assert retain(s3, bucket, version(), "none", late) == "MalformedXML"
    assert retain(s3, bucket, version(), "GOVERNANCE", later(-YEAR)) == "InvalidArgument"
    assert code_of(s3.put_object_legal_hold, Bucket=bucket, Key="k", LegalHold={"Status": "abc"}) == "MalformedXML"
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    assert retain(s3, bucket, marker, "GOVERNANCE", late) == "MethodNotAllowed"
    assert code_of(s3.put_object_legal_hold, Bucket=bucket, Key="k", LegalHold={"Status": "ON"}) == "NoSuchKey"


def test_no_way_past_a_lock(s3, bucket):
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"kept", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later(datetime.timedelta(seconds=4)))["VersionId"]
    for bypass in ({}, {"BypassGovernanceRetention": True}):
        assert code_of(s3.delete_object, Bucket=bucket, Key="k", VersionId=version, **bypass) == "AccessDenied"
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": version}]}, **bypass)
        assert [one["Code"] for one in answer["Errors"]] == ["AccessDenied"]
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", MetadataDirective="REPLACE")
    s3.put_object(Bucket=bucket, Key="k", Body=b"other")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"part")
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
    assert code_of(s3.delete_bucket, Bucket=bucket) == "BucketNotEmpty"
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read() == b"kept"
    deadline = time.monotonic() + 20
    while code_of(s3.delete_object, Bucket=bucket, Key="k", VersionId=version) == "AccessDenied":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert code_of(s3.get_object, Bucket=bucket, Key="k", VersionId=version) == "NoSuchVersion"


def test_who_may_lock_and_bypass(server, s3, bucket, make_user):
    objects = f"arn:aws:s3:::{bucket}/*"

    def client(*statements):
        return server.client_as(make_user(f"locker-{uuid.uuid4().hex[:8]}", {"Version": "2012-10-17", "Statement": list(statements)}), "s3")

    def may(*actions, effect="Allow", **condition):
        return {"Effect": effect, "Action": list(actions), "Resource": objects, **({"Condition": condition} if condition else {})}

    def governed():
        return s3.put_object(Bucket=bucket, Key="k", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later())["VersionId"]

    writer = client(may("s3:PutObject", "s3:GetObject"))
    writer.put_object(Bucket=bucket, Key="k", Body=b"x")
    for lock in ({"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": later()}, {"ObjectLockLegalHoldStatus": "ON"}):
        for call, more in ((writer.put_object, {"Body": b"x"}), (writer.create_multipart_upload, {}), (writer.copy_object, {"CopySource": f"{bucket}/k"})):
            assert code_of(call, Bucket=bucket, Key="k", **more, **lock) == "AccessDenied"
    version = governed()
    # Who may not know of a lock reads what is locked, without it.
    assert "ObjectLockMode" not in writer.head_object(Bucket=bucket, Key="k")
    assert client(may("s3:GetObject", "s3:GetObjectRetention")).get_object(Bucket=bucket, Key="k")["ObjectLockMode"] == "GOVERNANCE"
    deleter = client(may("s3:DeleteObject*", "s3:PutObjectRetention"))
    named = {"Bucket": bucket, "Key": "k", "VersionId": version}
    assert code_of(deleter.delete_object, **named) == "AccessDenied"
    assert code_of(deleter.delete_object, **named, BypassGovernanceRetention=True) == "AccessDenied"
    assert code_of(deleter.put_object_retention, **named, Retention={}, BypassGovernanceRetention=True) == "AccessDenied"
    outcome = deleter.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": version}]}, BypassGovernanceRetention=True)
    assert [one["Code"] for one in outcome["Errors"]] == ["AccessDenied"]
    assert s3.head_object(**named)["ObjectLockMode"] == "GOVERNANCE"
    bypasser = client(may("s3:DeleteObject*", "s3:PutObjectRetention", "s3:BypassGovernanceRetention"))
    assert code_of(bypasser.delete_object, **named) == "AccessDenied"  # who does not say so bypasses nothing
    bypasser.delete_object(**named, BypassGovernanceRetention=True)
    version = governed()
    outcome = bypasser.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": version}]}, BypassGovernanceRetention=True)
    assert [one["VersionId"] for one in outcome["Deleted"]] == [version]
    # Conditions on the lock that is asked for.
    limited = client(may("s3:PutObject*"), may("s3:PutObject*", effect="Deny", NumericGreaterThan={"s3:object-lock-remaining-retention-days": "100"}),
                     may("s3:PutObject", effect="Deny", StringEquals={"s3:object-lock-mode": "COMPLIANCE"}),
                     may("s3:PutObjectLegalHold", effect="Deny", StringEquals={"s3:object-lock-legal-hold": "OFF"}))
    short, long = later(datetime.timedelta(days=99)), later(datetime.timedelta(days=102))
    for mode, until, code in (("GOVERNANCE", short, None), ("GOVERNANCE", long, "AccessDenied"), ("COMPLIANCE", short, "AccessDenied")):
        assert code_of(limited.put_object, Bucket=bucket, Key="l", Body=b"x", ObjectLockMode=mode, ObjectLockRetainUntilDate=until) == code
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    assert retain(limited, bucket, version, "GOVERNANCE", long) == "AccessDenied"
    assert retain(limited, bucket, version, "GOVERNANCE", short) is None
    assert code_of(limited.put_object_legal_hold, Bucket=bucket, Key="k", LegalHold={"Status": "OFF"}) == "AccessDenied"
    assert code_of(limited.put_object_legal_hold, Bucket=bucket, Key="k", LegalHold={"Status": "ON"}) is None
