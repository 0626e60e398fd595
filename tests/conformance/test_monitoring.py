"""CloudWatch metrics with real clients, in the three protocols that they speak, and what training jobs put there."""
import datetime
import json
import subprocess

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import pytest
import urllib3

from conftest import AWS_V1, AWS_V2, BINARY, Credentials, allow, until
from test_sagemaker import IMAGE, make_trainer, refusal, run, request  # noqa: F401

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
MINUTE = NOW.replace(second=0) - datetime.timedelta(minutes=10)


@pytest.fixture(scope="module")
def trainer(server):
    make_trainer(server)
    return server


@pytest.fixture(scope="module")
def cloudwatch(server):
    return server.client("cloudwatch")


def at(seconds):
    return MINUTE + datetime.timedelta(seconds=seconds)


def put(cloudwatch, space, name, *values, **datum):
    cloudwatch.put_metric_data(Namespace=space, MetricData=[
        {"MetricName": name, "Timestamp": at(seconds), "Value": value, **datum} for seconds, value in values])


def test_statistics_by_period(cloudwatch):
    put(cloudwatch, "periods", "loss", (0, 1.0), (30, 2.0), (59, 6.0), (60, 10.0), (600, 99.0))
    asked = dict(Namespace="periods", MetricName="loss", StartTime=at(0), EndTime=at(600), Period=60)
    answer = cloudwatch.get_metric_statistics(**asked, Statistics=["Average", "Sum", "Minimum", "Maximum", "SampleCount"])
    assert answer["Label"] == "loss"
    first, second = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    assert first == {"Timestamp": at(0), "SampleCount": 3.0, "Average": 3.0, "Sum": 9.0, "Minimum": 1.0, "Maximum": 6.0, "Unit": "None"}
    assert second["Timestamp"] == at(60) and second["Sum"] == 10.0
    (whole,) = cloudwatch.get_metric_statistics(**{**asked, "Period": 600}, ExtendedStatistics=["p50", "p100"])["Datapoints"]
    assert whole["ExtendedStatistics"] == {"p50": 2.0, "p100": 10.0}
    assert cloudwatch.get_metric_statistics(**{**asked, "MetricName": "gain"}, Statistics=["Sum"])["Datapoints"] == []


def test_large_puts_come_packed(server, cloudwatch):
    """boto3 packs an input of this size with gzip; the signature is over the packed bytes."""
    data = [{"MetricName": "many", "Timestamp": at(number % 60), "Value": float(number)} for number in range(900)]
    cloudwatch.put_metric_data(Namespace="large", MetricData=data)
    (point,) = cloudwatch.get_metric_statistics(Namespace="large", MetricName="many", StartTime=at(0), EndTime=at(60), Period=60,
                                                Statistics=["SampleCount", "Sum"])["Datapoints"]
    assert (point["SampleCount"], point["Sum"]) == (900.0, sum(range(900)))


def test_values_counts_statistics_and_units(cloudwatch):
    cloudwatch.put_metric_data(Namespace="kinds", MetricData=[
        {"MetricName": "m", "Timestamp": at(0), "Values": [1.0, 5.0], "Counts": [3.0, 1.0], "Unit": "Seconds"},
        {"MetricName": "m", "Timestamp": at(1), "Unit": "Seconds",
         "StatisticValues": {"SampleCount": 2.0, "Sum": 20.0, "Minimum": 8.0, "Maximum": 12.0}},
        {"MetricName": "m", "Timestamp": at(2), "Value": 7.0, "Unit": "Bytes"}])
    asked = dict(Namespace="kinds", MetricName="m", StartTime=at(0), EndTime=at(60), Period=60, Statistics=["SampleCount", "Sum", "Maximum"])
    points = {point["Unit"]: point for point in cloudwatch.get_metric_statistics(**asked)["Datapoints"]}
    assert (points["Seconds"]["SampleCount"], points["Seconds"]["Sum"], points["Seconds"]["Maximum"]) == (6.0, 28.0, 12.0)
    assert points["Bytes"]["Sum"] == 7.0
    assert [point["Unit"] for point in cloudwatch.get_metric_statistics(**asked, Unit="Bytes")["Datapoints"]] == ["Bytes"]


def test_metric_data_in_pages(cloudwatch):
    put(cloudwatch, "paged", "a", *[(60 * minute, float(minute)) for minute in range(5)])
    put(cloudwatch, "paged", "b", (0, 7.0), Dimensions=[{"Name": "host", "Value": "x"}])

    def query(identifier, name, dimensions=(), **more):
        return {"Id": identifier, "MetricStat": {"Metric": {"Namespace": "paged", "MetricName": name, "Dimensions": list(dimensions)},
                                                 "Period": 60, "Stat": "Average"}, **more}

    queries = [query("first", "a"), query("second", "b", [{"Name": "host", "Value": "x"}], Label="bee"), query("none", "b")]
    asked = dict(MetricDataQueries=queries, StartTime=at(0), EndTime=at(600))
    answer = {result["Id"]: result for result in cloudwatch.get_metric_data(**asked, ScanBy="TimestampAscending")["MetricDataResults"]}
    assert answer["first"]["Values"] == [0.0, 1.0, 2.0, 3.0, 4.0] and answer["first"]["Timestamps"][1] == at(60)
    assert answer["second"]["Values"] == [7.0] and answer["second"]["Label"] == "bee"
    assert answer["none"]["Values"] == [] and answer["none"]["StatusCode"] == "Complete"
    values = []
    for page in cloudwatch.get_paginator("get_metric_data").paginate(**asked, PaginationConfig={"PageSize": 2}):
        values += [value for result in page["MetricDataResults"] for value in result["Values"]]
    assert values == [4.0, 3.0, 2.0, 1.0, 0.0, 7.0]
    code, message = refusal(cloudwatch.get_metric_data, MetricDataQueries=[{"Id": "e", "Expression": "a + b"}], StartTime=at(0), EndTime=at(60))
    assert code == "ValidationError" and "not supported" in message
    code, message = refusal(cloudwatch.get_metric_data, MetricDataQueries=[query("Upper", "a")], StartTime=at(0), EndTime=at(60))
    assert code == "ValidationError" and "^[a-z][a-zA-Z0-9_]*$" in message


def test_a_day_of_minutes_from_an_odd_second(cloudwatch):
    """1,440 points fit into one answer whatever second the day begins at; what the rounding of the start adds does not count."""
    put(cloudwatch, "day", "m", (-86400 + 30, 1.0), (0, 2.0))
    asked = dict(Namespace="day", MetricName="m", Period=60, Statistics=["Sum"])
    found = cloudwatch.get_metric_statistics(**asked, StartTime=at(-86400 + 7), EndTime=at(7))["Datapoints"]
    assert sorted(point["Timestamp"] for point in found) == [at(-86400), at(0)]
    code, message = refusal(cloudwatch.get_metric_statistics, **asked, StartTime=at(-86400 + 7), EndTime=at(8))
    assert code == "InvalidParameterCombination" and message.startswith("You have requested up to 1441 datapoints")


def test_labels_of_metric_data(cloudwatch):
    """The metric's name, and what tells one result from the others: statistic, period; never the unit."""
    put(cloudwatch, "labels", "m", (0, 1.0), Unit="Seconds")

    def labels(*queries):
        return [result["Label"] for result in cloudwatch.get_metric_data(StartTime=at(0), EndTime=at(600), MetricDataQueries=[
            {"Id": f"q{number}", "MetricStat": {"Metric": {"Namespace": "labels", "MetricName": name}, "Period": period, "Stat": stat, "Unit": unit},
             **more} for number, (name, stat, period, unit, more) in enumerate(queries)])["MetricDataResults"]]

    assert labels(("m", "Sum", 60, "Seconds", {})) == ["m"]
    assert labels(("m", "Sum", 60, "Seconds", {}), ("m", "Minimum", 60, "Seconds", {})) == ["m Sum", "m Minimum"]
    assert labels(("m", "Sum", 60, "Seconds", {}), ("m", "Sum", 30, "Seconds", {})) == ["m 60", "m 30"]
    assert labels(("m", "Sum", 60, "Seconds", {}), ("m", "Minimum", 30, "Count", {})) == ["m Sum 60", "m Minimum 30"]
    assert labels(("m", "Sum", 60, "Seconds", {}), ("m", "Sum", 60, "Count", {})) == ["m", "m"]
    assert labels(("m", "Sum", 60, "Seconds", {}), ("n", "Sum", 60, "Seconds", {})) == ["m", "n"]
    assert labels(("m", "Sum", 60, "Seconds", {"Label": "mine"}), ("m", "Minimum", 60, "Seconds", {})) == ["mine", "m Minimum"]


def test_dynamic_labels(server, cloudwatch):
    """`${…}` of a Label is what the values of the whole time say, on every page and in both orders; what is not served stays as written."""
    put(cloudwatch, "dynamic", "m", (0, 4.0), (60, 1.5), (120, 7.25), Dimensions=[{"Name": "host", "Value": "x ${MAX}"}])

    def label(text, name="m", **more):
        (result,) = cloudwatch.get_metric_data(StartTime=at(0), EndTime=at(600), MetricDataQueries=[
            {"Id": "q", "Label": text, "MetricStat": {"Metric": {"Namespace": "dynamic", "MetricName": name, "Dimensions": [{"Name": "host", "Value": "x ${MAX}"}]},
                                                      "Period": 60, "Stat": "Sum"}}], **more)["MetricDataResults"]
        return result["Label"]

    for options in ({}, {"ScanBy": "TimestampAscending"}, {"MaxDatapoints": 1}):
        assert label("L ${AVG}", **options) == "L 4.25"
        assert label("${MIN}/${MAX}/${SUM}/${FIRST}/${LAST}/${DATAPOINT_COUNT}", **options) == "1.5/7.25/12.75/4/7.25/3"
        assert label("${MIN_MAX_RANGE} ${FIRST_LAST_RANGE}", **options) == "5.75 3.25"
    assert label("${PROP('Stat')} ${PROP('Period')} ${PROP('MetricName')} ${PROP('Namespace')} ${PROP('Region')} ${PROP('AccountId')}") == (
        f"Sum 60 m dynamic {server.region} {server.account}")
    # A value is not read again for values.
    assert label("[${LABEL}] ${PROP('Dim.host')}") == "[m] x ${MAX}"
    times = [at(60 * minute).strftime("%Y-%m-%dT%H:%M:%S") for minute in range(3)]
    assert label("${FIRST_TIME} ${MIN_TIME} ${MAX_TIME} ${LAST_TIME}") == f"{times[0]}Z {times[1]}Z {times[2]}Z {times[2]}Z"
    ahead = (at(0) + datetime.timedelta(minutes=90)).strftime("%Y-%m-%dT%H:%M:%S")
    assert label("${FIRST_TIME}", LabelOptions={"Timezone": "+0130"}) == f"{ahead}+01:30"
    for text in ("${max}", "${MAX", "$MAX", "${NEXT} }", "${" * 1000 + "}", "${PROP('Dim.rack')}", "${PROP('')}", "${}", "plain"):
        assert label(text) == text
    assert label("${${MAX}") == "${7.25"
    assert label("${MAX}" * 8) == "7.25" * 6 + "${MAX}" * 2
    assert label("${MAX} of ${DATAPOINT_COUNT} at ${MAX_TIME}", name="none") == "-- of 0 at --"
    for zone in ("0130", "+1", "+01:30", "+0160", "UTC"):
        code, message = refusal(label, text="x", LabelOptions={"Timezone": zone})
        assert code == "ValidationError" and "Timezone" in message


def test_units_are_not_mixed(cloudwatch):
    put(cloudwatch, "units", "m", (0, 60000.0), (60, 1000.0), Unit="Milliseconds")
    put(cloudwatch, "units", "m", (0, 60.0), Unit="Seconds")

    def ask(**unit):
        (result,) = cloudwatch.get_metric_data(StartTime=at(0), EndTime=at(120), ScanBy="TimestampAscending", MetricDataQueries=[
            {"Id": "q", "MetricStat": {"Metric": {"Namespace": "units", "MetricName": "m"}, "Period": 60, "Stat": "Sum", **unit}}])["MetricDataResults"]
        return result

    result = ask()
    assert (result["Values"], result["Timestamps"]) == ([60000.0, 1000.0], [at(0), at(60)])
    assert result["Messages"] == [{"Code": "MultipleUnits", "Value": "Multiple units returned: '[Milliseconds, Seconds]'"}]
    assert ask(Unit="Seconds")["Values"] == [60.0] and not ask(Unit="Seconds").get("Messages")
    put(cloudwatch, "units", "m", (0, 5.0), Unit="Count")
    assert ask()["Values"] == [5.0] and ask(Unit="Bytes")["Values"] == []
    found = cloudwatch.get_metric_statistics(Namespace="units", MetricName="m", StartTime=at(0), EndTime=at(60), Period=60, Statistics=["Sum"])
    assert {point["Unit"]: point["Sum"] for point in found["Datapoints"]} == {"Milliseconds": 60000.0, "Seconds": 60.0, "Count": 5.0}


@pytest.fixture
def by_protocol(server):
    """by_protocol(NAME): a boto3 client that speaks that protocol of CloudWatch's three."""

    def make(name, credentials=None):
        session = boto3.Session()
        metadata = session._session.get_component("data_loader").load_service_model("cloudwatch", "service-2")["metadata"]
        metadata.update(protocol=name, protocols=[name])
        keys = credentials or server.root
        client = session.client("cloudwatch", region_name=server.region, endpoint_url=server.endpoint, aws_access_key_id=keys.access_key_id,
                                aws_secret_access_key=keys.secret_access_key, config=botocore.config.Config(retries={"total_max_attempts": 1}))
        assert client.meta.service_model.resolved_protocol == name
        return client

    return make


@pytest.mark.parametrize("protocol", ["smithy-rpc-v2-cbor", "json", "query"])
def test_every_protocol(by_protocol, make_user, protocol):
    """CBOR is what AWS's SDK for Go speaks, and nothing else."""
    client = by_protocol(protocol)
    dimensions = [{"Name": "job", "Value": "größe"}]
    data = [{"MetricName": "m", "Timestamp": at(0), "Value": 0.1, "Unit": "Count", "Dimensions": dimensions},
            {"MetricName": "m", "Timestamp": at(1), "Values": [-3.0, 1e20], "Counts": [2.0, 1.0], "Unit": "Count", "Dimensions": dimensions},
            {"MetricName": "m", "Timestamp": at(2), "Unit": "Count", "Dimensions": dimensions, "StorageResolution": 60,
             "StatisticValues": {"SampleCount": 2.0, "Sum": 20.5, "Minimum": 8.25, "Maximum": 12.25}}]
    space = f"by {protocol}"
    client.put_metric_data(Namespace=space, MetricData=data)
    large = [{"MetricName": "large", "Timestamp": at(number % 60), "Value": float(number)} for number in range(900)]
    client.put_metric_data(Namespace=space, MetricData=large)
    (point,) = client.get_metric_statistics(Namespace=space, MetricName="m", Dimensions=dimensions, StartTime=at(0), EndTime=at(60), Period=60,
                                            Statistics=["Sum", "SampleCount", "Minimum"], Unit="Count")["Datapoints"]
    assert point == {"Timestamp": at(0), "Sum": 1e20 - 6 + 20.6, "SampleCount": 6.0, "Minimum": -3.0, "Unit": "Count"}
    answer = client.get_metric_data(StartTime=at(0), EndTime=at(60), MetricDataQueries=[
        {"Id": "q", "ReturnData": True, "MetricStat": {"Metric": {"Namespace": space, "MetricName": "large"}, "Period": 60, "Stat": "SampleCount"}}])
    assert answer["MetricDataResults"] == [{"Id": "q", "Label": "large", "Timestamps": [at(0)], "Values": [900.0], "StatusCode": "Complete"}]
    listed = client.list_metrics(Namespace=space)
    assert {metric["MetricName"] for metric in listed["Metrics"]} == {"m", "large"} and "NextToken" not in listed
    with pytest.raises(client.exceptions.InvalidParameterValueException) as caught:
        client.put_metric_data(Namespace="AWS/EC2", MetricData=data)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValue" and caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert refusal(client.describe_alarms)[0] in ("InvalidAction", "UnknownOperationException")
    code, message = refusal(by_protocol(protocol, make_user(f"nobody-{protocol}")).list_metrics)
    assert code == "AccessDenied" and "is not authorized to perform: cloudwatch:ListMetrics" in message
    stranger = Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40)
    assert refusal(by_protocol(protocol, stranger).list_metrics)[0] in ("InvalidClientTokenId", "UnrecognizedClientException")


def test_broken_cbor(server):
    """What is signed and broken is told so, in CBOR; what is not signed is not read."""
    url = f"{server.endpoint}/service/GraniteServiceVersion20100801/operation/ListMetrics"
    headers = {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}
    bodies = [b"\xff", b"\xa1", b"\xbf", b"\x81" * 100_000, b"\x9b" + b"\xff" * 8, b"\xa1\x69Namespace\x7b" + b"\xff" * 8, b"\xa0\xa0", b"\x01",
              b"\xa1\x69Namespace\x01", b"\xa2\x69Namespace\x61a\x69Namespace\x61b", b"\xa1\x69Namespace\x61\xff"]
    for body in bodies:
        request = botocore.awsrequest.AWSRequest(method="POST", url=url, data=body, headers=dict(headers))
        keys = botocore.credentials.Credentials(server.root.access_key_id, server.root.secret_access_key)
        botocore.auth.SigV4Auth(keys, "monitoring", server.region).add_auth(request)
        answer = urllib3.request("POST", url, body=body, headers=dict(request.headers.items()))
        assert answer.status == 400 and b"com.amazonaws.cloudwatch#SerializationException" in answer.data, body[:20]
        assert answer.headers["smithy-protocol"] == "rpc-v2-cbor" and answer.headers["content-type"] == "application/cbor"
        assert answer.headers["x-amzn-query-error"] == "SerializationException;Sender"
    answer = urllib3.request("POST", url, body=b"\xff", headers=headers)
    assert answer.status == 400 and b"com.amazonaws.cloudwatch#MissingAuthenticationTokenException" in answer.data


def test_list_metrics(cloudwatch):
    for number in range(3):
        put(cloudwatch, "listed", f"m{number}", (0, 1.0), Dimensions=[{"Name": "job", "Value": "j"}, {"Name": "host", "Value": str(number)}])
    found = cloudwatch.list_metrics(Namespace="listed")["Metrics"]
    assert [metric["MetricName"] for metric in found] == ["m0", "m1", "m2"]
    assert found[0]["Dimensions"] == [{"Name": "host", "Value": "0"}, {"Name": "job", "Value": "j"}]
    assert len(cloudwatch.list_metrics(Namespace="listed", Dimensions=[{"Name": "job"}], RecentlyActive="PT3H")["Metrics"]) == 3
    assert len(cloudwatch.list_metrics(Namespace="listed", Dimensions=[{"Name": "host", "Value": "1"}])["Metrics"]) == 1
    assert cloudwatch.list_metrics(MetricName="m9")["Metrics"] == []
    assert refusal(cloudwatch.list_metrics, NextToken="bm90LWhlcmU")[0] == "InvalidNextToken"


@pytest.mark.parametrize("datum, code, told", [
    ({"Value": 1.0, "Timestamp": NOW - datetime.timedelta(days=20)}, "InvalidParameterValue", "no more than two weeks in the past"),
    ({"Value": 1.0, "Timestamp": NOW + datetime.timedelta(hours=3)}, "InvalidParameterValue", "no more than two hours in the future"),
    ({"Value": 1.0, "Values": [1.0]}, "InvalidParameterCombination", "mutually exclusive"),
    ({}, "MissingParameter", "MetricData.member.1.Value"),
    ({"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue", "of the same size"),
    ({"Value": 1e300}, "InvalidParameterValue", "MetricData.member.1.Value is invalid"),
    ({"Value": 1.0, "StorageResolution": 5}, "InvalidParameterValue", "must be 1 or 60"),
])
def test_what_is_no_datum(cloudwatch, datum, code, told):
    found, message = refusal(cloudwatch.put_metric_data, Namespace="bad", MetricData=[{"MetricName": "m", **datum}])
    assert found == code and told in message


def test_other_refusals(cloudwatch):
    assert refusal(cloudwatch.put_metric_data, Namespace="AWS/EC2", MetricData=[{"MetricName": "m", "Value": 1.0}]) == (
        "InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.")
    asked = dict(Namespace="n", MetricName="m", StartTime=at(0), EndTime=at(600), Period=60, Statistics=["Sum"])
    code, message = refusal(cloudwatch.get_metric_statistics, **{**asked, "EndTime": at(0) + datetime.timedelta(days=2)})
    assert code == "InvalidParameterCombination" and message.startswith("You have requested up to 2880 datapoints, which exceeds the limit of 1440.")
    assert refusal(cloudwatch.get_metric_statistics, **{**asked, "Period": 61})[0] == "InvalidParameterValue"
    # GetMetricStatistics and GetMetricData have a code each for the same mistakes.
    queries = [{"Id": "q", "MetricStat": {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}}]
    for end, told in ((at(-1), "The parameter StartTime must be less than the parameter EndTime."),
                      (at(0), "The parameter StartTime must not equal parameter EndTime.")):
        assert refusal(cloudwatch.get_metric_statistics, **{**asked, "EndTime": end}) == ("InvalidParameterValue", told)
        assert refusal(cloudwatch.get_metric_data, MetricDataQueries=queries, StartTime=at(0), EndTime=end) == ("ValidationError", told)
    # The SDK's class for it is found by the code that JSON clients get beside their own.
    with pytest.raises(cloudwatch.exceptions.InvalidParameterValueException):
        cloudwatch.put_metric_data(Namespace="AWS/EC2", MetricData=[{"MetricName": "m", "Value": 1.0}])


def test_who_may(server, make_user):
    mine = make_user("metrics-of-mine", allow("cloudwatch:PutMetricData", StringEquals={"cloudwatch:namespace": "mine"}))
    client = server.client_as(mine, "cloudwatch")
    client.put_metric_data(Namespace="mine", MetricData=[{"MetricName": "m", "Value": 1.0}])
    code, message = refusal(client.put_metric_data, Namespace="yours", MetricData=[{"MetricName": "m", "Value": 1.0}])
    assert code == "AccessDenied"
    assert message.startswith(f"User: arn:aws:iam::{server.account}:user/metrics-of-mine is not authorized to perform: cloudwatch:PutMetricData")
    assert message.endswith("because no identity-based policy allows the cloudwatch:PutMetricData action")
    for call, arguments in ((client.list_metrics, {}), (client.get_metric_data, dict(MetricDataQueries=[], StartTime=at(0), EndTime=at(1)))):
        assert refusal(call, **arguments)[0] == "AccessDenied"


@pytest.mark.parametrize("program", [AWS_V1, AWS_V2])
def test_the_aws_command_line(server, program):
    """Version 2 of 2022 speaks Query, version 1 of today JSON."""
    name = "by-aws-" + ("one" if program == AWS_V1 else "two")
    endpoint = ["--endpoint-url", server.endpoint, "--output", "json"]
    server.aws(*endpoint, "cloudwatch", "put-metric-data", "--namespace", "cli", "--metric-name", name, "--value", "2.5", "--unit", "Count",
               "--dimensions", "b=2,a=1", "--timestamp", at(0).isoformat(), program=program)
    found = json.loads(server.aws(*endpoint, "cloudwatch", "get-metric-statistics", "--namespace", "cli", "--metric-name", name, "--start-time",
                                  at(0).isoformat(), "--end-time", at(60).isoformat(), "--period", "60", "--statistics", "Sum", "--dimensions",
                                  "Name=a,Value=1", "Name=b,Value=2", program=program).stdout)
    assert [point["Sum"] for point in found["Datapoints"]] == [2.5] and found["Datapoints"][0]["Unit"] == "Count"
    listed = json.loads(server.aws(*endpoint, "cloudwatch", "list-metrics", "--namespace", "cli", "--metric-name", name, program=program).stdout)
    assert len(listed["Metrics"]) == 1
    queries = json.dumps([{"Id": "q", "MetricStat": {"Metric": {"Namespace": "cli", "MetricName": name, "Dimensions": [
        {"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]}, "Period": 60, "Stat": "Maximum"}}])
    data = json.loads(server.aws(*endpoint, "cloudwatch", "get-metric-data", "--metric-data-queries", queries, "--start-time", at(0).isoformat(),
                                 "--end-time", at(60).isoformat(), program=program).stdout)
    assert data["MetricDataResults"][0]["Values"] == [2.5]
    refused = server.aws(*endpoint, "cloudwatch", "put-metric-data", "--namespace", "AWS/x", "--metric-name", "m", "--value", "1", program=program,
                         check=False)
    assert "InvalidParameterValue" in refused.stderr
    absent = server.aws(*endpoint, "cloudwatch", "describe-alarms", program=program, check=False)
    assert absent.returncode != 0 and ("InvalidAction" in absent.stderr or "UnknownOperation" in absent.stderr)


def test_the_log_of_a_job_becomes_metrics(trainer):
    server = trainer
    lines = "".join(f"echo 'epoch {epoch} loss={1 / epoch} accuracy={epoch / 10}%'; " for epoch in range(1, 5))
    specification = {"TrainingImage": IMAGE, "TrainingInputMode": "File", "ContainerEntrypoint": ["/bin/sh", "-c", lines + "sleep 2"],
                     "MetricDefinitions": [{"Name": "train:loss", "Regex": "loss=([0-9.]+)"}, {"Name": "accuracy", "Regex": "accuracy=(.*?)%"},
                                           {"Name": "never", "Regex": "gain=(.*)"}]}
    began = datetime.datetime.now(datetime.timezone.utc)
    job = run(server, "measured", "", AlgorithmSpecification=specification)
    assert job["TrainingJobStatus"] == "Completed", job
    final = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert final == {"accuracy": pytest.approx(0.4), "train:loss": pytest.approx(0.25)}
    # As the SageMaker SDK's TrainingJobAnalytics asks.
    cloudwatch = server.client("cloudwatch")
    space = "/aws/sagemaker/TrainingJobs"
    points = cloudwatch.get_metric_statistics(Namespace=space, MetricName="train:loss", Dimensions=[{"Name": "TrainingJobName", "Value": "measured"}],
                                              StartTime=began - datetime.timedelta(minutes=1), EndTime=began + datetime.timedelta(minutes=10),
                                              Period=60, Statistics=["SampleCount", "Minimum", "Maximum"])["Datapoints"]
    assert sum(point["SampleCount"] for point in points) == 4
    assert (min(point["Minimum"] for point in points), max(point["Maximum"] for point in points)) == (0.25, 1.0)
    of_host = cloudwatch.list_metrics(Namespace=space, Dimensions=[{"Name": "Host", "Value": "measured/algo-1"}])["Metrics"]
    assert {metric["MetricName"] for metric in of_host} == {"CPUUtilization", "MemoryUtilization", "InputBytes"}
    specification["MetricDefinitions"] = [{"Name": "bad", "Regex": "(?<=x)(y)"}]
    code, message = refusal(server.client("sagemaker").create_training_job, **request(server, "unmeasured", "", AlgorithmSpecification=specification))
    assert code == "ValidationException" and "metric bad cannot be used" in message


def test_the_view_of_workers(trainer):
    server = trainer
    specification = {"TrainingImage": IMAGE, "TrainingInputMode": "File", "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
                     "ContainerEntrypoint": ["/bin/sh", "-c", "echo loss=0.5; echo on it; while :; do :; done"]}
    server.client("sagemaker").create_training_job(**request(
        server, "viewed", "", AlgorithmSpecification=specification, ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}))

    def seen():
        (job,) = json.loads(server.trainwarden("train", "ps", "viewed", "--json").stdout)
        assert job["TrainingJobStatus"] == "InProgress"
        first = job["Workers"][0]
        return job["Metrics"] and first["CPUUtilization"] is not None and first["LastLine"] and (job, first)

    job, first = until(seen, "`train ps` shows the job's metrics", pause=0.2)
    assert job["Metrics"] == {"loss": 0.5} and first["LastLine"] == "on it" and first["CPUUtilization"] > 0
    assert [worker["Host"] for worker in job["Workers"]] == ["algo-1", "algo-2"] and job["Refusals"] == 0
    view = server.trainwarden("train", "ps").stdout
    assert "\033" not in view and "viewed  algo-2" in view and "viewed: loss=0.5" in view and "viewed: 0 refusals" in view
    watching = subprocess.Popen([BINARY, "train", "ps", "--watch"], env=server.client_environment(), stdout=subprocess.PIPE, text=True)
    server.trainwarden("train", "stop", "viewed")
    output, _ = watching.communicate(timeout=60)
    assert watching.returncode == 0 and output.splitlines()[-1] == "no training jobs in progress"
