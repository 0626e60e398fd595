"""Requests that no SDK makes, made by hand: what they say is done or refused, never something else."""

import functools
import http.client
import time
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest

from conftest import allow
from test_s3 import MIB, bucket, refused, s3  # noqa: F401 (fixtures)


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def ask(server, method, target, headers=(), body=b"", credentials=None, host=None):
    """One signed request; status, code of the error, body. `headers`: pairs, a name may stand twice."""
    keys = credentials or server.root
    endpoint = f"http://{host or '127.0.0.1'}:{server.port}"
    request = botocore.awsrequest.AWSRequest(method, endpoint + target, data=body)
    for name, value in headers:
        request.headers.add_header(name, value)

    class Signer(botocore.auth.S3SigV4Auth):
        def _should_sha256_sign_payload(self, _):
            return True

    Signer(botocore.credentials.Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token), "s3", server.region).add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", f"{host or '127.0.0.1'}:{server.port}")
    for name, value in request.headers.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    code = text.split(b"<Code>")[1].split(b"</Code>")[0].decode() if b"<Code>" in text else ""
    return answer.status, code, text


def test_a_part_without_its_upload_leaves_the_object_alone(server, s3, bucket):  # noqa: F811
    s3.put_object(Bucket=bucket, Key="k", Body=b"whole")
    s3.put_object(Bucket=bucket, Key="other", Body=b"other")
    copy = [("x-amz-copy-source", f"{bucket}/other")]
    for method, parameters, headers, expected in (
            ("PUT", "partNumber=2", [], "InvalidArgument"), ("PUT", "partNumber=2", copy, "InvalidArgument"),
            ("PUT", "partNumber=2&uploadId=", [], "NoSuchUpload"), ("PUT", "uploadId=u", [], "InvalidArgument"),
            ("PUT", "uploadId=u", copy, "InvalidArgument"), ("PUT", "partNumber=1&uploadId=00", copy, "NoSuchUpload"),
            ("PUT", "partnumber=2", [], "NotImplemented"), ("PUT", "versionId=null", [], "InvalidArgument"),
            ("PUT", "append&position=5", [], "NotImplemented"), ("PUT", "acl2=x", [], "NotImplemented"), ("PUT", "uploads", [], "MethodNotAllowed"),
            ("PUT", "policy=x", [], "MethodNotAllowed"), ("PUT", "prefix=x", [], "InvalidArgument"), ("DELETE", "partNumber=2", [], "InvalidArgument"),
            ("DELETE", "acl", [], "MethodNotAllowed"), ("DELETE", "uploads", [], "MethodNotAllowed"), ("DELETE", "uploadId=", [], "NoSuchUpload"),
            ("DELETE", "versions=1", [], "MethodNotAllowed"), ("DELETE", "x=1", [], "NotImplemented"), ("POST", "partNumber=2", [], "MethodNotAllowed"),
            ("DELETE", "versionId=x", [], "InvalidArgument"), ("DELETE", "tagging&uploadId=u", [], "InvalidArgument")):
        status, code, text = ask(server, method, f"/{bucket}/k?{parameters}", headers, b"part" if method == "PUT" and not headers else b"")
        assert (code, status >= 400) == (expected, True), (method, parameters, text)
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"whole", (method, parameters)
    for method, parameters in (("DELETE", "uploadId=u"), ("DELETE", "versionId=null"), ("DELETE", "prefix=k"), ("POST", "uploads"), ("PUT", "uploads=1")):
        status, code, text = ask(server, method, f"/{bucket}?{parameters}")
        assert status in (400, 405), (method, parameters, text)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 2


def test_a_plus_in_a_copy_source_is_a_space(server, s3, bucket):  # noqa: F811
    """As AWS has it: a plus that is meant is sent as %2B, which the SDKs do."""
    for key in ("a b", "a+b"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for spelt, meant in (("a+b", "a b"), ("a%20b", "a b"), ("a%2Bb", "a+b")):
        assert ask(server, "PUT", f"/{bucket}/copy", [("x-amz-copy-source", f"/{bucket}/{spelt}")])[0] == 200
        assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == meant.encode()
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a+b"})
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"a+b"


def test_the_copy_source_in_policies_is_what_is_copied(server, s3, bucket, make_user):  # noqa: F811
    s3.put_object(Bucket=bucket, Key="src/a", Body=b"a")
    s3.put_object(Bucket=bucket, Key="open/a", Body=b"o")
    everything = allow("s3:*", resource=[f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"])
    deny = document({"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*",
                     "Condition": {"StringLike": {"s3:x-amz-copy-source": f"{bucket}/src/*"}}})
    credentials = make_user("copies", everything, deny)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    for target in (f"/{bucket}/copy", f"/{bucket}/parts?partNumber=1&uploadId={upload}"):
        for spelt in (f"{bucket}/src/a", f"/{bucket}/src/a", f"{bucket}/%73rc/a", f"{bucket}%2Fsrc%2Fa", f"/{bucket}/src%2fa?versionId=null"):
            status, code, text = ask(server, "PUT", target, [("x-amz-copy-source", spelt)], credentials=credentials)
            assert (status, code) == (403, "AccessDenied"), (spelt, text)
        assert ask(server, "PUT", target, [("x-amz-copy-source", f"/{bucket}/open%2Fa")], credentials=credentials)[0] == 200


def test_values_said_twice_are_refused(server, s3, bucket):  # noqa: F811
    for headers in ([("x-amz-tagging", "cls=public"), ("x-amz-tagging", "cls=secret")], [("x-amz-acl", "private"), ("X-Amz-Acl", "bucket-owner-full-control")],
                    [("If-None-Match", "*"), ("If-None-Match", "x")]):
        status, code, text = ask(server, "PUT", f"/{bucket}/k", headers, b"x")
        assert (status, code) == (400, "InvalidArgument"), text
    assert ask(server, "GET", f"/{bucket}?prefix=a&prefix=b")[1] == "InvalidArgument"
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_list_keys_in_policies_are_what_is_listed(server, s3, bucket, make_user):  # noqa: F811
    lister = make_user("lists-few", allow("s3:ListBucket", NumericLessThanEquals={"s3:max-keys": "1000"}))
    assert ask(server, "GET", f"/{bucket}?list-type=2&max-keys=007", credentials=lister)[0] == 200
    assert ask(server, "GET", f"/{bucket}?list-type=2&max-keys=5000", credentials=lister)[0] == 200  # a thousand are listed
    assert ask(server, "GET", f"/{bucket}?list-type=2&max-keys=x", credentials=lister)[1] == "InvalidArgument"
    assert ask(server, "GET", f"/{bucket}?list-type=2", credentials=lister)[1] == "AccessDenied"


def test_a_write_that_must_not_overwrite(server, s3, bucket, make_user):  # noqa: F811
    """AWS's own example: If-None-Match is demanded of whatever brings an object about, and of no step on the way."""
    demand = document({"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*",
                       "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}})
    careful = server.client_as(make_user("careful", allow("s3:*"), demand), "s3")
    s3.put_object(Bucket=bucket, Key="there", Body=b"x")
    with refused("AccessDenied", 403):
        careful.put_object(Bucket=bucket, Key="k", Body=b"x")
    with refused("PreconditionFailed", 412):
        careful.put_object(Bucket=bucket, Key="there", Body=b"y", IfNoneMatch="*")
    upload = {"Bucket": bucket, "Key": "there", "UploadId": careful.create_multipart_upload(Bucket=bucket, Key="there")["UploadId"]}
    etag = careful.upload_part(Body=b"p", PartNumber=1, **upload)["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    with refused("AccessDenied", 403):
        careful.complete_multipart_upload(MultipartUpload=parts, **upload)
    with refused("PreconditionFailed", 412):
        careful.complete_multipart_upload(MultipartUpload=parts, IfNoneMatch="*", **upload)
    assert s3.get_object(Bucket=bucket, Key="there")["Body"].read() == b"x"


def test_completing_on_a_condition_after_the_key_changed(s3, bucket):  # noqa: F811
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    time.sleep(0.01)
    upload = {"Bucket": bucket, "Key": "k", "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
    parts = {"Parts": [{"PartNumber": 1, "ETag": s3.upload_part(Body=b"p", PartNumber=1, **upload)["ETag"]}]}
    time.sleep(0.01)
    changed = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["ETag"]
    with refused("ConditionalRequestConflict", 409):
        s3.complete_multipart_upload(MultipartUpload=parts, IfMatch=changed, **upload)
    with refused("PreconditionFailed", 412):
        s3.complete_multipart_upload(MultipartUpload=parts, IfMatch='"0123"', **upload)
    with refused("PreconditionFailed", 412):
        s3.complete_multipart_upload(MultipartUpload=parts, IfNoneMatch="*", **upload)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"
    s3.complete_multipart_upload(MultipartUpload=parts, **upload)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"p"


def test_a_part_named_twice(s3, bucket):  # noqa: F811
    upload = {"Bucket": bucket, "Key": "k", "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
    etag = s3.upload_part(Body=b"p" * 5 * MIB, PartNumber=1, **upload)["ETag"]
    twice = {"Parts": [{"PartNumber": 1, "ETag": etag}, {"PartNumber": 1, "ETag": etag}]}
    with refused("InvalidPartOrder", 400):
        s3.complete_multipart_upload(MultipartUpload=twice, **upload)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_copying_tags_needs_to_read_them(server, s3, bucket, make_user):  # noqa: F811
    """Everything but s3:GetObjectTagging is allowed, so its absence alone refuses."""
    objects = f"arn:aws:s3:::{bucket}/*"
    s3.put_object(Bucket=bucket, Key="from", Body=b"x", Tagging="a=1")
    s3.put_object(Bucket=bucket, Key="untagged", Body=b"x")
    without = server.client_as(make_user("reads-no-tags", allow("s3:GetObject", "s3:PutObject", "s3:PutObjectTagging", resource=objects)), "s3")
    with refused("AccessDenied", 403) as refusal:
        without.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from")
    assert f's3:GetObjectTagging on resource: "arn:aws:s3:::{bucket}/from"' in refusal.message
    without.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from", TaggingDirective="REPLACE", Tagging="b=2")
    without.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/untagged")
    puts_none = server.client_as(make_user("puts-no-tags", allow("s3:GetObject", "s3:PutObject", "s3:GetObjectTagging", resource=objects)), "s3")
    with refused("AccessDenied", 403) as refusal:
        puts_none.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from")
    assert f's3:PutObjectTagging on resource: "arn:aws:s3:::{bucket}/to"' in refusal.message
    puts_none.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/untagged")


def test_markers_inside_common_prefixes(s3, bucket):  # noqa: F811
    for key in ("a/1", "a/2", "b/1", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
        s3.create_multipart_upload(Bucket=bucket, Key=key)
    rest = [{"Prefix": "b/"}]
    for marker in ("a/", "a/1", "a/2", "a/z"):
        assert s3.list_objects(Bucket=bucket, Delimiter="/", Marker=marker)["CommonPrefixes"] == rest
        assert s3.list_objects_v2(Bucket=bucket, Delimiter="/", StartAfter=marker)["CommonPrefixes"] == rest
        assert s3.list_object_versions(Bucket=bucket, Delimiter="/", KeyMarker=marker)["CommonPrefixes"] == rest
        assert s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", KeyMarker=marker)["CommonPrefixes"] == rest


def test_keys_that_are_no_text(server, s3, bucket):  # noqa: F811
    for method, target in (("PUT", f"/{bucket}/a%FF"), ("PUT", f"/{bucket}/%ED%A0%80"), ("PUT", f"/{bucket}/%C0%AF"), ("POST", f"/{bucket}/a%FF?uploads")):
        assert ask(server, method, target, body=b"x")[1] == "InvalidURI"
    s3.put_object(Bucket=bucket, Key="größe ☃", Body=b"")
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["größe ☃"]


def test_a_date_in_the_future_is_no_condition(server, s3, bucket):  # noqa: F811
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3600))
    for method in ("GET", "HEAD"):
        assert ask(server, method, f"/{bucket}/k", [("If-Modified-Since", date)])[0] == 200
    assert ask(server, "PUT", f"/{bucket}/copy", [("x-amz-copy-source", f"{bucket}/k"), ("x-amz-copy-source-if-modified-since", date)])[0] == 200


def test_copying_onto_itself(s3, bucket):  # noqa: F811
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"a": "1"})
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k")
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", StorageClass="STANDARD")
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "1"}


def test_acls_that_change_nothing_are_taken(server, s3, bucket, make_user):  # noqa: F811
    for acl in ("private", "bucket-owner-full-control"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL=acl)
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", ACL=acl)
        s3.create_multipart_upload(Bucket=bucket, Key="k", ACL=acl)
    for acl in ("public-read", "authenticated-read", "bucket-owner-read"):
        with refused("AccessControlListNotSupported", 400):
            s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL=acl)
    without = server.client_as(make_user("sets-no-acl", allow("s3:PutObject")), "s3")
    with refused("AccessDenied", 403):
        without.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="private")


def test_setting_the_acl_that_is_there_changes_nothing(server, s3, bucket, make_user):  # noqa: F811
    """As s3cmd does after every copy: the list that it read, sent back."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    read = {name: value for name, value in s3.get_object_acl(Bucket=bucket, Key="k").items() if name in ("Owner", "Grants")}
    (grant,) = read["Grants"]
    owner = read["Owner"]["ID"]
    for put in (functools.partial(s3.put_object_acl, Bucket=bucket, Key="k"), functools.partial(s3.put_bucket_acl, Bucket=bucket)):
        put(AccessControlPolicy=read)
        put(ACL="private")
        put(ACL="bucket-owner-full-control")
        others = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}
        for grants in ([], [grant, grant], [{**grant, "Permission": "READ"}], [grant, {"Grantee": others, "Permission": "READ"}],
                       [{"Grantee": {"Type": "CanonicalUser", "ID": "a" * 64}, "Permission": "FULL_CONTROL"}],
                       [{"Grantee": {**others, "ID": owner}, "Permission": "FULL_CONTROL"}]):
            with refused("AccessControlListNotSupported", 400):
                put(AccessControlPolicy={"Owner": {"ID": owner}, "Grants": grants})
        with refused("AccessControlListNotSupported", 400):
            put(AccessControlPolicy={"Owner": {"ID": "a" * 64}, "Grants": [grant]})
        put(GrantFullControl=f"id={owner}")
        put(ACL="", AccessControlPolicy=read)
        for wrong in ({"ACL": "public-read"}, {"GrantRead": f"id={owner}"}, {"GrantFullControl": "id=" + "a" * 64}, {"ACL": ""}):
            with refused("AccessControlListNotSupported", 400):
                put(**wrong)
        with refused("InvalidRequest", 400):
            put(ACL="private", GrantRead=f"id={owner}")
    assert s3.get_object_acl(Bucket=bucket, Key="k")["Grants"] == s3.get_bucket_acl(Bucket=bucket)["Grants"] == [grant]
    for target in (f"/{bucket}?acl", f"/{bucket}/k?acl"):
        assert ask(server, "PUT", target)[:2] == (400, "AccessControlListNotSupported")
        assert ask(server, "PUT", target, body=b"<AccessControlPolicy")[:2] == (400, "AccessControlListNotSupported")
        assert ask(server, "PUT", target, [("x-amz-acl", "private")], b"<AccessControlPolicy/>")[:2] == (400, "AccessControlListNotSupported")
    with refused("NoSuchKey", 404):
        s3.put_object_acl(Bucket=bucket, Key="nothing", ACL="private")
    # It is decided as what it asks for.
    without = server.client_as(make_user("sets-none", allow("s3:PutObject", "s3:GetObject")), "s3")
    some = server.client_as(make_user("sets-some", document(
        {"Effect": "Allow", "Action": ["s3:PutObjectAcl", "s3:PutBucketAcl"], "Resource": "*", "Condition": {"StringEquals": {"s3:x-amz-acl": "private"}}})), "s3")
    for name, more in (("put_object_acl", {"Key": "k"}), ("put_bucket_acl", {})):
        some_put, no_put = getattr(some, name), getattr(without, name)
        some_put(Bucket=bucket, ACL="private", **more)
        for call in (functools.partial(no_put, ACL="private"), functools.partial(no_put, ACL="public-read"),
                     functools.partial(some_put, ACL="bucket-owner-full-control"), functools.partial(some_put, AccessControlPolicy=read)):
            with refused("AccessDenied", 403):
                call(Bucket=bucket, **more)


def test_path_style_on_a_name(server, s3, bucket):  # noqa: F811
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert ask(server, "GET", f"/{bucket}/k", host="storage.localhost")[2] == b"x"
    assert ask(server, "GET", "/k", host=f"{bucket}.storage.localhost")[2] == b"x"
    assert ask(server, "GET", "/k", host=f"{bucket}.localhost")[2] == b"x"
    assert b"ListAllMyBucketsResult" in ask(server, "GET", "/", host="storage.localhost")[2]


def test_s3_control_serves_the_tags_of_buckets(server, s3, bucket, make_user):  # noqa: F811
    """As Terraform's provider asks for them; its SDK puts the account before the host."""
    arn = f"arn:aws:s3:::{bucket}"

    def call(method, target, body=b"", account=None, credentials=None, host=None):
        return ask(server, method, target, [("x-amz-account-id", account or server.account)], body, credentials, host)

    path = "/v20180820/tags/" + urllib.parse.quote(arn, safe="")
    for host in (None, f"{server.account}.localhost", f"{server.account}.s3-control.{server.region}.amazonaws.com"):
        status, _, text = call("GET", path, host=host)
        assert status == 200 and b"ListTagsForResourceResult" in text and b"<Key>" not in text
        tagged = b'<TagResourceRequest xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><Tags><Tag><Key>team</Key><Value>red</Value></Tag><Tag><Key>a</Key><Value>1</Value></Tag></Tags></TagResourceRequest>'
        assert call("POST", path, tagged, host=host)[0] == 204
        assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "team", "Value": "red"}, {"Key": "a", "Value": "1"}]
        assert b"<Key>team</Key><Value>red</Value>" in call("GET", path, host=host)[2].replace(b"\n", b"").replace(b" ", b"")
        assert call("DELETE", path + "?tagKeys=team&tagKeys=a", host=host)[0] == 204
        with refused("NoSuchTagSet", 404):
            s3.get_bucket_tagging(Bucket=bucket)

    tagger = (make_user("tags-teams", allow("s3:ListTagsForResource", "s3:UntagResource", resource=arn),
                                      allow("s3:TagResource", resource=arn, StringEquals={"aws:RequestTag/team": "red"})))
    assert call("GET", path, credentials=tagger)[0] == 200
    assert call("POST", path, tagged, credentials=tagger)[0] == 204
    assert call("POST", path, tagged.replace(b"red", b"blue"), credentials=tagger)[0] == 403
    assert call("DELETE", path + "?tagKeys=a", credentials=tagger)[0] == 204
    nobody = make_user("tags-nothing", allow("s3:GetBucketTagging"))
    for method, target, body in (("GET", path, b""), ("POST", path, tagged), ("DELETE", path + "?tagKeys=team", b"")):
        status, code, text = call(method, target, body, credentials=nobody)
        assert (status, code) == (403, "AccessDenied") and b"is not authorized to perform" in text and text.count(b"<ErrorResponse") == 1, text
    assert call("GET", path, account="999988887777")[0] == 403
    assert call("GET", path.replace(bucket, "no-such-bucket-here"))[1] == "NoSuchBucket"
    for other in ("/v20180820/accesspoint", "/v20180820/configuration/storageLens", "/v20180820/jobs"):
        assert call("GET", other)[1] == "NotImplemented"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def refusal_of(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_empty_headers_ask_for_nothing(server, s3, bucket, make_user):  # noqa: F811
    """s3fs sends `ACL=''` with every large file: no ACL, so no permission to set one is needed."""
    keys = make_user("no-acls", allow("s3:PutObject", "s3:GetObject", "s3:CreateBucket", "s3:DeleteBucket"))
    plain = server.client_as(keys, "s3")
    plain.put_object(Bucket=bucket, Key="k", Body=b"bytes", ACL="")
    grants = {"GrantFullControl": "", "GrantRead": "", "GrantReadACP": "", "GrantWriteACP": ""}
    plain.put_object(Bucket=bucket, Key="k", Body=b"bytes", StorageClass="", ObjectLockMode="", WebsiteRedirectLocation="", Tagging="", **grants)
    plain.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", ACL="", MetadataDirective="", TaggingDirective="", StorageClass="",
                      ChecksumAlgorithm="", **grants)
    upload = plain.create_multipart_upload(Bucket=bucket, Key="large", ACL="", ChecksumAlgorithm="", ChecksumType="", **grants)["UploadId"]
    part = plain.upload_part(Bucket=bucket, Key="large", UploadId=upload, PartNumber=1, Body=b"part")
    plain.complete_multipart_upload(Bucket=bucket, Key="large", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    for key, body in (("k", b"bytes"), ("copy", b"bytes"), ("large", b"part")):
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body
    plain.create_bucket(Bucket=f"{bucket}-empty", ACL="", ObjectOwnership="", GrantFullControl="", GrantRead="")
    plain.delete_bucket(Bucket=f"{bucket}-empty")
    # A copy onto itself that names no storage class still changes nothing.
    assert refusal_of(plain.copy_object, Bucket=bucket, Key="k", CopySource=f"{bucket}/k", StorageClass="") == "InvalidRequest"
    # Who has something to say beside the empty one is not heard as saying nothing.
    assert ask(server, "PUT", f"/{bucket}/k", [("x-amz-acl", ""), ("X-Amz-Acl", "public-read")])[:2] == (400, "InvalidArgument")
    # An empty owner is no account, not every account.
    assert refusal_of(plain.put_object, Bucket=bucket, Key="k", Body=b"", ExpectedBucketOwner="") == "AccessDenied"
    copied = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}
    assert refusal_of(plain.copy_object, **copied, ExpectedSourceBucketOwner="") == "AccessDenied"
    assert plain.copy_object(**copied, ExpectedSourceBucketOwner=server.account)
    # Neither a checksum nor a source of a copy: the bytes are what is put.
    assert ask(server, "PUT", f"/{bucket}/plain", [("x-amz-checksum-sha256", ""), ("x-amz-copy-source", "")])[0] == 200


def test_full_control_of_the_owner_is_no_acl(server, s3, bucket, make_user):  # noqa: F811
    owner = s3.get_bucket_acl(Bucket=bucket)["Owner"]["ID"]
    for grantee in (f"id={owner}", f'id="{owner}"'):
        s3.put_object(Bucket=bucket, Key="k", Body=b"bytes", GrantFullControl=grantee)
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", GrantFullControl=grantee)
        s3.abort_multipart_upload(Bucket=bucket, Key="large", UploadId=s3.create_multipart_upload(
            Bucket=bucket, Key="large", GrantFullControl=grantee)["UploadId"])
    s3.create_bucket(Bucket=f"{bucket}-mine", GrantFullControl=f"id={owner}")
    s3.delete_bucket(Bucket=f"{bucket}-mine")
    other = "id=" + "a" * 64
    for grants in ({"GrantFullControl": other}, {"GrantFullControl": f"id={owner}, {other}"}, {"GrantRead": f"id={owner}"},
                   {"GrantFullControl": f"id={owner}", "GrantRead": other}, {"GrantFullControl": "uri=http://acs.amazonaws.com/groups/global/AllUsers"}):
        assert refusal_of(s3.put_object, Bucket=bucket, Key="k", Body=b"", **grants) == "AccessControlListNotSupported"
        assert refusal_of(s3.create_bucket, Bucket=f"{bucket}-mine", **grants) == "InvalidBucketAclWithObjectOwnership"
    assert refusal_of(s3.put_object, Bucket=bucket, Key="k", Body=b"", ACL="private", GrantFullControl=f"id={owner}") == "InvalidRequest"
    # It is an ACL all the same: it needs the permission, and policies see it.
    plain = server.client_as(make_user("grants-without", allow("s3:PutObject")), "s3")
    assert refusal_of(plain.put_object, Bucket=bucket, Key="k", Body=b"", GrantFullControl=f"id={owner}") == "AccessDenied"
    seen = server.client_as(make_user("grants-with", allow("s3:PutObject", "s3:PutObjectAcl", StringEquals={
        "s3:x-amz-grant-full-control": f"id={owner}"})), "s3")
    seen.put_object(Bucket=bucket, Key="k", Body=b"", GrantFullControl=f"id={owner}")
    assert refusal_of(seen.put_object, Bucket=bucket, Key="k", Body=b"") == "AccessDenied"


def test_a_date_with_a_numeric_zone(server, bucket):  # noqa: F811
    """botocore puts its time into a Date that a request has, in mail's form: `-0000` at its end."""
    status, code, _ = ask(server, "PUT", f"/{bucket}/dated", [("Date", "is replaced")], b"bytes")
    assert (status, code) == (200, "")


def test_a_checksum_that_is_none(s3, bucket):  # noqa: F811
    """As AWS answers: its SDK for Kotlin tests this message against S3."""
    for name, value in (("SHA256", "bad"), ("SHA256", "blerg"), ("SHA1", "bad"), ("CRC32", "bad"), ("CRC32C", "AAAAAA"), ("CRC64NVME", "AAAAAA==")):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            s3.put_object(Bucket=bucket, Key="none", Body=b"bytes", **{f"Checksum{name}": value})
        error = caught.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("InvalidRequest", f"Value for x-amz-checksum-{name.lower()} header is invalid.")
    assert refusal_of(s3.head_object, Bucket=bucket, Key="none") == "404"
