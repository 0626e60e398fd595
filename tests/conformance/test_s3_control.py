"""S3 Control's clients put the account in front of the host: docs/serve.md says how that host is found."""
import socket

import boto3
import pytest


@pytest.fixture
def localhost(monkeypatch):
    """Every name below localhost is this machine, as a line in /etc/hosts makes it."""
    resolve = socket.getaddrinfo

    def resolved(host, *more, **named):
        return resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *more, **named)
    monkeypatch.setattr(socket, "getaddrinfo", resolved)


def test_the_account_in_front_of_the_host(server, localhost):
    server.client("s3").create_bucket(Bucket="control-tags")
    control = boto3.client("s3control", region_name=server.region, endpoint_url=f"http://localhost:{server.port}",
                           aws_access_key_id=server.root.access_key_id, aws_secret_access_key=server.root.secret_access_key)
    account, arn = server.account, "arn:aws:s3:::control-tags"
    control.tag_resource(AccountId=account, ResourceArn=arn, Tags=[{"Key": "team", "Value": "vision"}])
    assert control.list_tags_for_resource(AccountId=account, ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "vision"}]
    control.untag_resource(AccountId=account, ResourceArn=arn, TagKeys=["team"])
    assert control.list_tags_for_resource(AccountId=account, ResourceArn=arn)["Tags"] == []
