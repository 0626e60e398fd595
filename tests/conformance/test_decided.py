"""What is decided on is what is used (R83), in IAM and SageMaker: users, roles and jobs that are retagged between the decision on a
request and its use of them. S3: test_s3_decided.py."""

import http.client
import itertools
import json
import threading
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials

from test_sagemaker import make_trainer, run, wait

SECONDS = 4  # of every race


def user(server, name, actions, condition):
    iam = server.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": actions, "Resource": "*", "Condition": {"StringEquals": condition}}}))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def signed(server, key, service, body, headers):
    request = botocore.awsrequest.AWSRequest("POST", server.endpoint + "/", data=body.encode(), headers=headers)
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(*key), service, server.region).add_auth(request)
    return body.encode(), dict(request.headers.items())


def iam_request(server, key, action, **parameters):
    body = "&".join([f"Action={action}", "Version=2010-05-08", *(f"{name.replace('_', '.')}={value}" for name, value in parameters.items())])
    return signed(server, key, "iam", body, {"Content-Type": "application/x-www-form-urlencoded"})


def job_request(server, key, operation, **members):
    return signed(server, key, "sagemaker", json.dumps(members), {"X-Amz-Target": f"SageMaker.{operation}", "Content-Type": "application/x-amz-json-1.1"})


class Loops:
    """Sends requests again and again, a thread for each list of them; `check` judges every answer."""

    def __init__(self, server, *loops):
        self.server, self.stop, self.errors = server, threading.Event(), []
        threads = [threading.Thread(target=self.run, args=loop) for loop in loops]
        for thread in threads:
            thread.start()
        time.sleep(SECONDS)
        self.stop.set()
        for thread in threads:
            thread.join(60)
        assert not self.errors, self.errors[0]

    def run(self, requests, check):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
            while not self.stop.is_set():
                for body, headers in requests:
                    connection.request("POST", "/", body, headers)
                    answer = connection.getresponse()
                    check(answer.status, answer.read())
        except BaseException as error:
            self.errors.append(error)
            self.stop.set()


def is_ok(status, body):
    assert status == 200, body


def never_blue(seen):
    def check(status, body):
        assert status in (200, 403), body
        if status == 200:
            assert b"blue" not in body, body
        seen.append(status)
    return check


def test_reads_of_users_and_roles_never_show_what_was_not_decided_on(server):
    iam = server.client("iam")
    iam.create_user(UserName="flips", Tags=[{"Key": "team", "Value": "red"}])
    iam.create_role(RoleName="flips", Tags=[{"Key": "team", "Value": "red"}], AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": server.account}, "Action": "sts:AssumeRole"}}))
    key = user(server, "iam-reader", ["iam:Get*", "iam:List*"], {"iam:ResourceTag/team": "red"})
    root = (server.root.access_key_id, server.root.secret_access_key)
    flips = [iam_request(server, root, action, **{name: "flips"}, Tags_member_1_Key="team", Tags_member_1_Value=colour)
             for colour in ("blue", "red") for action, name in (("TagUser", "UserName"), ("TagRole", "RoleName"))]
    seen = []
    reads = [iam_request(server, key, action, **{name: "flips"}) for action, name in
             (("GetUser", "UserName"), ("ListUserTags", "UserName"), ("GetRole", "RoleName"), ("ListRoleTags", "RoleName"))]
    Loops(server, (flips, is_ok), *[([read], never_blue(seen)) for read in reads])
    assert 200 in seen and 403 in seen  # the race was one


def test_changes_are_made_only_to_what_was_decided_on(server):
    """Whoever may tag red users never leaves a tag on one that is blue: the owner, who made it blue, sees none appear."""
    iam = server.client("iam")
    iam.create_user(UserName="kept", Tags=[{"Key": "team", "Value": "red"}])
    key = user(server, "iam-writer", ["iam:TagUser"], {"iam:ResourceTag/team": "red"})
    done = []

    def tagged(status, body):
        assert status in (200, 403), body
        done.append(status)

    tag = {"blue": {"Tags_member_1_Key": "team", "Tags_member_1_Value": "blue"}, "red": {"Tags_member_1_Key": "team", "Tags_member_1_Value": "red"}}
    owner = [iam_request(server, (server.root.access_key_id, server.root.secret_access_key), action, UserName="kept", **members) for action, members in (
        ("TagUser", tag["blue"]), ("UntagUser", {"TagKeys_member_1": "by"}), ("ListUserTags", {}), ("ListUserTags", {}), ("TagUser", tag["red"]))]
    answers = itertools.count()

    def check_owner(status, body):
        assert status == 200, body
        if next(answers) % len(owner) in (2, 3):  # it is blue and has no other tag
            assert b"<Key>by" not in body, body

    request = iam_request(server, key, "TagUser", UserName="kept", Tags_member_1_Key="by", Tags_member_1_Value="writer")
    Loops(server, (owner, check_owner), ([request], tagged), ([request], tagged), ([request], tagged))
    assert 200 in done and 403 in done


def test_tags_of_jobs_are_shown_and_changed_only_where_they_were_decided_on(server):
    make_trainer(server)
    run(server, "flips", "true", Tags=[{"Key": "team", "Value": "red"}])
    wait(server, "flips")
    arn = f"arn:aws:sagemaker:{server.region}:{server.account}:training-job/flips"
    root = (server.root.access_key_id, server.root.secret_access_key)
    key = user(server, "job-tagger", ["sagemaker:ListTags", "sagemaker:AddTags"], {"aws:ResourceTag/team": "red"})
    seen, added = [], []

    owner = [job_request(server, root, operation, ResourceArn=arn, **members) for operation, members in (
        ("AddTags", {"Tags": [{"Key": "team", "Value": "blue"}]}), ("DeleteTags", {"TagKeys": ["by"]}), ("ListTags", {}), ("ListTags", {}),
        ("AddTags", {"Tags": [{"Key": "team", "Value": "red"}]}))]
    answers = itertools.count()

    def check_owner(status, body):
        assert status == 200, body
        if next(answers) % len(owner) in (2, 3):  # it is blue and has no other tag: nobody else may tag it
            assert [tag["Key"] for tag in json.loads(body)["Tags"]] == ["team"], body

    def check_added(status, body):
        assert status == 200 or b"AccessDenied" in body, body
        added.append(status)

    def check_listed(status, body):
        assert status == 200 or b"AccessDenied" in body, body
        assert status != 200 or b"blue" not in body, body
        seen.append(status)

    list_tags = job_request(server, key, "ListTags", ResourceArn=arn)
    add_tags = job_request(server, key, "AddTags", ResourceArn=arn, Tags=[{"Key": "by", "Value": "writer"}])
    Loops(server, (owner, check_owner), ([list_tags], check_listed), ([list_tags], check_listed), ([add_tags], check_added))
    assert 200 in seen and 200 in added and len(set(seen)) == 2


def test_writers_of_one_user_do_not_starve_each_other(server):
    """Requests that no decision depends on are not decided again, however many there are at once."""
    iam = server.client("iam")
    iam.create_user(UserName="busy", Tags=[{"Key": "team", "Value": "red"}])
    key = user(server, "iam-busy", ["iam:PutUserPolicy"], {"iam:ResourceTag/team": "red"})
    document = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D"
    Loops(server, *[([iam_request(server, key, "PutUserPolicy", UserName="busy", PolicyName=f"p{i}", PolicyDocument=document)], is_ok) for i in range(8)])
