"""CloudWatch Logs with real clients: groups, streams, events, tokens, filter patterns, and workers that write their own."""
import json
import re
import signal
import time

import pytest

from conftest import AWS_V1, AWS_V2, allow
from test_sagemaker import BUCKET, DEBIAN_PYTHON, boto3_archive, channel, make_trainer, refusal, role_arn, run

GROUP = "/aws/sagemaker/TrainingJobs"


def now():
    return int(time.time() * 1000)


@pytest.fixture(scope="module")
def logs(server):
    return server.client("logs")


@pytest.fixture
def stream(logs, request):
    """A group and a stream of one's own: the arguments of calls that take both."""
    group = "/test/" + re.sub(r"[^a-z0-9]+", "-", request.node.name)
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="a/b")
    return {"logGroupName": group, "logStreamName": "a/b"}


def put(logs, stream, *messages, start=None):
    start = now() if start is None else start
    return logs.put_log_events(**stream, logEvents=[{"timestamp": start + number, "message": message} for number, message in enumerate(messages)])


def messages(page):
    return [event["message"] for event in page["events"]]


def test_from_group_to_events_and_back(logs):
    where = {"logGroupName": "/app/one", "logStreamName": "host/1"}
    assert refusal(logs.create_log_stream, **where) == ("ResourceNotFoundException", "The specified log group does not exist.")
    logs.create_log_group(logGroupName="/app/one")
    assert refusal(logs.create_log_group, logGroupName="/app/one") == ("ResourceAlreadyExistsException", "The specified log group already exists")
    assert refusal(logs.get_log_events, **where) == ("ResourceNotFoundException", "The specified log stream does not exist.")
    logs.create_log_stream(**where)
    assert refusal(logs.create_log_stream, **where) == ("ResourceAlreadyExistsException", "The specified log stream already exists")
    begin = now()
    answer = put(logs, where, "plain", "two\nlines", "ünï \\ code")
    assert "nextSequenceToken" in answer and "rejectedLogEventsInfo" not in answer
    page = logs.get_log_events(**where, startFromHead=True)
    assert messages(page) == ["plain", "two\nlines", "ünï \\ code"]
    assert all(event["ingestionTime"] >= begin for event in page["events"])
    (described,) = logs.describe_log_streams(logGroupName="/app/one")["logStreams"]
    assert described["arn"].endswith(":log-group:/app/one:log-stream:host/1") and described["lastEventTimestamp"] == page["events"][-1]["timestamp"]
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/app/one")["logGroups"]
    assert group["arn"].endswith(":log-group:/app/one:*") and group["storedBytes"] > 0
    end = logs.get_log_events(**where, nextToken=page["nextForwardToken"])
    assert end["events"] == [] and end["nextForwardToken"] == page["nextForwardToken"]
    put(logs, where, "later")
    assert messages(logs.get_log_events(**where, nextToken=page["nextForwardToken"])) == ["later"]
    tail = logs.get_log_events(**where, limit=2)
    assert messages(tail) == ["ünï \\ code", "later"]
    assert messages(logs.get_log_events(**where, nextToken=tail["nextBackwardToken"])) == ["plain", "two\nlines"]
    assert refusal(logs.get_log_events, **where, nextToken="x/1") == ("InvalidParameterException", "The specified nextToken is invalid.")
    logs.delete_log_stream(**where)
    assert refusal(logs.delete_log_stream, **where)[0] == "ResourceNotFoundException"
    logs.delete_log_group(logGroupName="/app/one")
    assert refusal(logs.delete_log_group, logGroupName="/app/one") == ("ResourceNotFoundException", "The specified log group does not exist.")


def test_pages_of_groups_and_streams(logs):
    for number in range(5):
        logs.create_log_group(logGroupName=f"/pages/{number}")
        logs.create_log_stream(logGroupName="/pages/0", logStreamName=f"s{number}")
    put(logs, {"logGroupName": "/pages/0", "logStreamName": "s3"}, "x")
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/pages/", PaginationConfig={"PageSize": 2})
    assert [group["logGroupName"] for page in pages for group in page["logGroups"]] == [f"/pages/{number}" for number in range(5)]
    assert [group["logGroupName"] for group in logs.describe_log_groups(logGroupNamePattern="AGES/3")["logGroups"]] == ["/pages/3"]
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName="/pages/0", PaginationConfig={"PageSize": 2})
    assert [stream["logStreamName"] for page in pages for stream in page["logStreams"]] == [f"s{number}" for number in range(5)]
    newest = logs.describe_log_streams(logGroupName="/pages/0", orderBy="LastEventTime", descending=True, limit=1)["logStreams"]
    assert newest[0]["logStreamName"] == "s3"


def test_what_a_batch_may_hold(logs, stream):
    hour, day = 3600 * 1000, 24 * 3600 * 1000
    batch = [(now() - 15 * day, "too old"), (now() - hour, "kept"), (now(), "kept too"), (now() + 3 * hour, "too new")]
    code, message = refusal(logs.put_log_events, **stream, logEvents=[{"timestamp": at, "message": text} for at, text in batch])
    assert code == "InvalidParameterException" and "cannot span more than 24 hours" in message
    for part, told in ((batch[:1], {"tooOldLogEventEndIndex": 1}), (batch[1:], {"tooNewLogEventStartIndex": 2})):
        answer = logs.put_log_events(**stream, logEvents=[{"timestamp": at, "message": text} for at, text in part])
        assert answer["rejectedLogEventsInfo"] == told
    assert messages(logs.get_log_events(**stream, startFromHead=True)) == ["kept", "kept too"]
    code, message = refusal(logs.put_log_events, **stream, logEvents=[{"timestamp": now(), "message": "b"}, {"timestamp": now() - 1000, "message": "a"}])
    assert (code, message) == ("InvalidParameterException", "Log events in a single PutLogEvents request must be in chronological order.")
    code, message = refusal(logs.put_log_events, **stream, logEvents=[{"timestamp": now(), "message": "x" * 262144}])
    assert (code, message) == ("InvalidParameterException", "Log event too large: 262170 bytes exceeds limit of 262144")
    code, message = refusal(logs.put_log_events, **stream, logEvents=[{"timestamp": now(), "message": "x" * 250000}] * 5)
    assert (code, message) == ("InvalidParameterException", "Upload too large: 1250130 bytes exceeds limit of 1048576")
    assert messages(logs.get_log_events(**stream, startFromHead=True)) == ["kept", "kept too"]


@pytest.mark.parametrize("pattern, expected", [
    ("ERROR", ["ERROR one"]),
    ("?ERROR ?loss", ["ERROR one", '{"loss": 0.5, "phase": "train"}', '{"loss": 2.5, "phase": "test"}']),
    ("%ERR.R o%", ["ERROR one"]),
    ("{ $.loss > 1 }", ['{"loss": 2.5, "phase": "test"}']),
    ('{ $.loss <= 0.5 && $.phase = "t*" }', ['{"loss": 0.5, "phase": "train"}']),
    ("[host, ..., code = 5*]", ["10.0.0.1 GET 503"]),
])
def test_filter_patterns(logs, stream, pattern, expected):
    put(logs, stream, "ERROR one", '{"loss": 0.5, "phase": "train"}', '{"loss": 2.5, "phase": "test"}', "10.0.0.1 GET 503")
    assert messages(logs.filter_log_events(logGroupName=stream["logGroupName"], filterPattern=pattern)) == expected
    assert refusal(logs.filter_log_events, logGroupName=stream["logGroupName"], filterPattern="{ $.a")[0] == "InvalidParameterException"


def test_events_of_many_streams_in_order_of_time(logs, stream):
    other = {**stream, "logStreamName": "other"}
    logs.create_log_stream(**other)
    begin = now() - 10_000
    put(logs, stream, "first", start=begin)
    put(logs, other, "second", start=begin + 1000)
    put(logs, stream, "third", start=begin + 2000)
    found = logs.filter_log_events(logGroupName=stream["logGroupName"])
    assert messages(found) == ["first", "second", "third"] and len({event["eventId"] for event in found["events"]}) == 3
    assert messages(logs.filter_log_events(logGroupName=stream["logGroupName"], startTime=begin + 1, endTime=begin + 2000)) == ["second"]
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=stream["logGroupName"], PaginationConfig={"PageSize": 2})
    assert [message for page in pages for message in messages(page)] == ["first", "second", "third"]


def test_who_may(server, logs, make_user, stream):
    account, group = server.account, stream["logGroupName"]
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:{group}"
    writer = server.client_as(make_user("log-writer", allow("logs:CreateLogStream", "logs:PutLogEvents", resource=f"{arn}:log-stream:mine/*")), "logs")
    mine = {"logGroupName": group, "logStreamName": "mine/1"}
    writer.create_log_stream(**mine)
    put(writer, mine, "hello")
    code, message = refusal(writer.put_log_events, **stream, logEvents=[{"timestamp": now(), "message": "x"}])
    assert code == "AccessDeniedException"
    assert message == (f"User: arn:aws:iam::{account}:user/log-writer is not authorized to perform: logs:PutLogEvents on resource: "
                       f"{arn}:log-stream:a/b because no identity-based policy allows the logs:PutLogEvents action")
    for call, arguments in ((writer.get_log_events, mine), (writer.create_log_group, {"logGroupName": group}),
                            (writer.delete_log_group, {"logGroupName": group}), (writer.delete_log_stream, mine),
                            (writer.describe_log_streams, {"logGroupName": group})):
        assert refusal(call, **arguments)[0] == "AccessDeniedException"
    # A group's streams are the group's in policies that end in `:*`.
    owner = server.client_as(make_user("log-owner", allow("logs:*", resource=f"{arn}:*")), "logs")
    assert messages(owner.get_log_events(**mine)) == ["hello"]
    owner.delete_log_group(logGroupName=group)


WRITES = """
import boto3, os, time
logs = boto3.client("logs")
where = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamName": os.environ["TRAINING_JOB_NAME"] + "/own"}
logs.create_log_stream(**where)
logs.put_log_events(**where, logEvents=[{"timestamp": int(time.time() * 1000), "message": "from inside"}])
boto3.client("cloudwatch").put_metric_data(Namespace="/aws/sagemaker/TrainingJobs", MetricData=[{"MetricName": "own", "Value": 3.0}])
"""


def test_a_worker_writes_its_own(server, logs):
    make_trainer(server)
    server.client("s3").put_object(Bucket=BUCKET, Key="own/write.py", Body=WRITES.encode())
    server.client("s3").put_object(Bucket=BUCKET, Key="own/boto3.tar", Body=boto3_archive("logs", "cloudwatch"))
    script = ("cd /opt/ml/input/data/own && mkdir /tmp/packages && tar -xf boto3.tar -C /tmp/packages && "
              f"PYTHONPATH=/tmp/packages {DEBIAN_PYTHON} write.py 2>&1 | tail -1")
    assert run(server, "may-not", script, InputDataConfig=[channel("own", "own/")])["TrainingJobStatus"] == "Completed"
    found = logs.filter_log_events(logGroupName=GROUP, logStreamNamePrefix="may-not/")
    assert re.search(r"AccessDenied.*logs:CreateLogStream on resource: .*:log-group:/aws/sagemaker/TrainingJobs:log-stream:may-not/own",
                     " ".join(messages(found)))
    server.client("iam").put_role_policy(RoleName="trainer", PolicyName="writes", PolicyDocument=json.dumps(
        allow("logs:CreateLogStream", "logs:PutLogEvents", "cloudwatch:PutMetricData")))
    job = run(server, "may", script, InputDataConfig=[channel("own", "own/")])
    assert job["TrainingJobStatus"] == "Completed" and job["RoleArn"] == role_arn(server)
    assert messages(logs.get_log_events(logGroupName=GROUP, logStreamName="may/own")) == ["from inside"]
    assert [metric["MetricName"] for metric in server.client("cloudwatch").list_metrics(MetricName="own")["Metrics"]] == ["own"]


@pytest.mark.parametrize("program", [AWS_V1, AWS_V2])
def test_the_aws_command_line(server, program):
    name = "/cli/" + ("one" if program == AWS_V1 else "two")
    endpoint = ["--endpoint-url", server.endpoint, "--output", "json"]
    server.aws(*endpoint, "logs", "create-log-group", "--log-group-name", name, program=program)
    server.aws(*endpoint, "logs", "create-log-stream", "--log-group-name", name, "--log-stream-name", "s", program=program)
    server.aws(*endpoint, "logs", "put-log-events", "--log-group-name", name, "--log-stream-name", "s", "--log-events",
               json.dumps([{"timestamp": now(), "message": "by hand"}]), program=program)
    found = json.loads(server.aws(*endpoint, "logs", "get-log-events", "--log-group-name", name, "--log-stream-name", "s", program=program).stdout)
    assert messages(found) == ["by hand"]
    server.aws(*endpoint, "logs", "delete-log-group", "--log-group-name", name, program=program)


def test_what_was_put_survives_a_crash(make_server):
    server = make_server()
    logs = server.client("logs")
    logs.create_log_group(logGroupName="/kept")
    where = {"logGroupName": "/kept", "logStreamName": "s"}
    logs.create_log_stream(**where)
    put(logs, where, "one", "two")
    server.client("cloudwatch").put_metric_data(Namespace="kept", MetricData=[{"MetricName": "m", "Value": 1.0}])
    server.stop(signal.SIGKILL)
    server.start()
    assert messages(server.client("logs").get_log_events(**where, startFromHead=True)) == ["one", "two"]
    assert len(server.client("cloudwatch").list_metrics(Namespace="kept")["Metrics"]) == 1
