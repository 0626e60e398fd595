"""What an operator sees of a server: metrics, traces, the log, doctor (docs/operate.md)."""
import contextlib
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

import botocore.exceptions
import botocore.parsers
import pytest
import yaml
from conftest import BINARY, ROOT, Credentials, allow, until
from test_sagemaker import make_trainer, request, wait

SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def ask_socket(server, path, method="GET", headers=None):
    connection = UnixConnection(server.data / "socket")
    connection.request(method, path, headers=headers or {})
    with contextlib.closing(connection):
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()


class Scrape:
    def __init__(self, text):
        self.text = text
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.samples = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels, value = SAMPLE.match(line).groups()
                self.samples[name, tuple(sorted(LABEL.findall(labels or "")))] = float(value)

    def get(self, name, **labels):
        """The sum of all that have these labels."""
        return sum(value for (one, given), value in self.samples.items() if one == name and labels.items() <= dict(given).items())

    def labels(self):
        """By family: the names of labels that its samples have."""
        found = {}
        for (name, given), _ in self.samples.items():
            found.setdefault(re.sub(r"_(bucket|sum|count)$", "", name) if name not in self.types else name, set()).update(key for key, _ in given)
        return found


def scrape(server):
    status, headers, text = ask_socket(server, "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return Scrape(text)


def refused(call, *arguments, **options):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*arguments, **options)
    return caught.value.response["Error"]["Code"]


def documented():
    """{family: type}, {family: labels} of docs/operate.md."""
    rows = re.findall(r"^\| `((?:trainwarden|process)_\w+)` \| (\w+) \|([^|]*)\|", (ROOT / "docs/operate.md").read_text(), re.M)
    return {name: kind for name, kind, _ in rows}, {name: set(re.findall(r"`(\w+)`", labels)) for name, _, labels in rows}


def test_the_documented_metrics_are_those_that_there_are(make_server):
    """Names, types and labels, in both directions; with traces and a port for metrics."""
    collector = Collector()
    server = make_server("--trace-collector", collector.url, "--metrics-listen", "127.0.0.1:0")
    server.client("s3").create_bucket(Bucket="seen")
    refused(server.client("iam").get_user, UserName="absent")
    seen = scrape(server)
    types, labels = documented()
    assert seen.types == types
    for name, found in seen.labels().items():
        assert found - {"le"} == labels[name], name
    collector.stop()


def test_requests_are_counted_by_what_came_of_them(server, make_user):
    user = make_user("counted", allow("s3:GetObject"))
    s3, weak = server.client("s3"), server.client_as(user, "s3")
    s3.create_bucket(Bucket="counted")
    stranger = server.client_as(Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40), "s3")
    before = scrape(server)
    for _ in range(3):
        s3.put_object(Bucket="counted", Key="k", Body=bytes(1 << 20))
    assert refused(weak.put_object, Bucket="counted", Key="k", Body=b"y") == "AccessDenied"
    assert refused(weak.delete_object, Bucket="counted", Key="k") == "AccessDenied"
    assert refused(s3.get_object, Bucket="counted", Key="absent") == "NoSuchKey"
    assert refused(stranger.get_object, Bucket="counted", Key="k") == "InvalidAccessKeyId"
    after = scrape(server)

    def moved(name, **labels):
        return after.get(name, **labels) - before.get(name, **labels)

    requests = "trainwarden_requests_total"
    assert moved(requests, service="s3", operation="PutObject", outcome="ok") == 3
    assert moved(requests, service="s3", operation="PutObject", outcome="refused") == 1
    assert moved(requests, service="s3", operation="DeleteObject", outcome="refused") == 1
    assert moved(requests, service="s3", operation="GetObject", outcome="client_error") == 1
    assert moved(requests, outcome="refused") == 3 and moved(requests, outcome="server_error") == 0
    assert moved(requests) == 7
    assert moved("trainwarden_request_duration_seconds_count", operation="PutObject") == 4
    assert moved("trainwarden_request_duration_seconds_bucket", operation="PutObject", le="+Inf") == 4
    assert 0 < moved("trainwarden_request_duration_seconds_sum", operation="PutObject") < 60
    assert moved("trainwarden_request_errors_total", code="AccessDenied") == 2
    assert moved("trainwarden_request_errors_total", code="NoSuchKey") == 1
    assert moved("trainwarden_request_errors_total", code="InvalidAccessKeyId") == 1
    assert moved("trainwarden_refusals_total", layer="identity") == 2
    assert moved("trainwarden_refusals_total", layer="authentication") == 1
    assert moved("trainwarden_refusals_total") == 3
    assert moved("trainwarden_decisions_total", outcome="implicit_deny") == 2
    assert moved("trainwarden_decisions_total", outcome="allow") >= 4
    assert moved("trainwarden_front_requests_total", front="port") == 7
    # A blob that is stored waits for its disk, and so does what names it.
    assert moved("trainwarden_disk_sync_seconds_count", part="blobs") == 3
    assert moved("trainwarden_disk_sync_seconds_count", part="keys") >= 3


def test_what_denies_is_told_apart(server, make_user):
    boundary = server.client("iam").create_policy(PolicyName="told-apart", PolicyDocument=json.dumps(allow("sts:*")))["Policy"]["Arn"]
    user = make_user("told-apart", allow("s3:*"))
    server.client("iam").put_user_permissions_boundary(UserName="told-apart", PermissionsBoundary=boundary)
    server.client("s3").create_bucket(Bucket="told-apart")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::told-apart/*"}
    server.client("s3").put_bucket_policy(Bucket="told-apart", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    before = scrape(server)
    assert refused(server.client_as(user, "s3").put_object, Bucket="told-apart", Key="k") == "AccessDenied"
    assert refused(server.client("s3").get_object, Bucket="told-apart", Key="k") == "AccessDenied"
    after = scrape(server)
    for layer in ("boundary", "resource"):
        assert after.get("trainwarden_refusals_total", layer=layer) - before.get("trainwarden_refusals_total", layer=layer) == 1, layer
    assert after.get("trainwarden_decisions_total", outcome="explicit_deny") - before.get("trainwarden_decisions_total", outcome="explicit_deny") == 1


def test_clients_make_no_series(server):
    def probe(number):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        key = f"AKIA{number}/20260101/us-east-1/forged-{number}/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={key}, SignedHeaders=host, Signature={'0' * 64}", "X-Amz-Target": f"Forged.Up{number}",
                   "X-Amz-Date": "20260101T000000Z", "Content-Type": "application/x-amz-json-1.1"}
        for method, path, given in (("POST", "/", headers), ("POST", f"/?Action=Forged{number}", {}), (f"M{number}", f"/forged-{number}", {}),
                                    ("GET", f"/forged-{number}?forged{number}", {})):
            connection.request(method, path, headers=given)
            connection.getresponse().read()

    probe(0)
    before = scrape(server)
    for number in range(1, 20):
        probe(number)
    after = scrape(server)
    assert set(after.samples) == set(before.samples)
    assert after.get("trainwarden_requests_total") - before.get("trainwarden_requests_total") == 19 * 4
    assert "forged" not in after.text.lower() and "AKIA" not in after.text


def test_what_cannot_be_recorded_is_counted_where_nothing_else_is_answered(make_server):
    server = make_server("--audit-keep-bytes", "1M", "--audit-when-full", "refuse")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="fills")

    def is_refused():
        try:
            s3.head_object(Bucket="fills", Key="k" * 900)
        except botocore.exceptions.ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        return False

    until(is_refused, "the audit log is full", pause=0)
    before = scrape(server)
    assert before.get("trainwarden_audit_failures_total") >= 1
    assert is_refused() and is_refused()
    after = scrape(server)
    for name, labels in (("trainwarden_audit_failures_total", {}), ("trainwarden_refusals_total", {"layer": "record"}),
                         ("trainwarden_requests_total", {"operation": "HeadObject", "outcome": "server_error"})):
        assert after.get(name, **labels) - before.get(name, **labels) == 2, name
    # Whether it is ready it says everywhere alike.
    until(lambda: ask_socket(server, "/readyz")[0] == 503, "/readyz says so")
    assert scrape(server).get("trainwarden_ready") == 0
    told = server.trainwarden("doctor", "--data", server.data, "--json", check=False)
    problems = [one["What"] for one in json.loads(told.stdout) if one["Finding"] == "problem"]
    assert told.returncode == 1 and len([what for what in problems if " is not ready: " in what]) == 2, told.stdout  # the port, the socket
    assert not any("answers on its socket" in one["What"] for one in json.loads(told.stdout))


def test_what_limits_do_is_counted(make_server):
    server = make_server("--limit", "connections=6", "--limit", "head-seconds=1")
    bad = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    bad.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert b" 400 " in bad.recv(100)
    slow = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    slow.sendall(b"GET / HT")
    assert b" 408 " in slow.recv(100)
    bad.close()
    slow.close()
    with contextlib.ExitStack() as open_ones:
        for _ in range(12):
            open_ones.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        seen = until(lambda: (one := scrape(server)).get("trainwarden_limits_total", front="port", limit="made_room") >= 6 and one, "room is made")
        assert seen.get("trainwarden_connections", front="port") <= 6
    assert seen.get("trainwarden_limits_total", front="port", limit="bad_head") == 1
    assert seen.get("trainwarden_limits_total", front="port", limit="late_head") == 1
    assert seen.get("trainwarden_refusals_total", layer="front") == 2
    until(lambda: scrape(server).get("trainwarden_connections", front="port") == 0, "all are closed")


def test_what_else_the_page_says(server):
    server.client("s3").create_bucket(Bucket="sizes")
    server.client("s3").put_object(Bucket="sizes", Key="k", Body=os.urandom(1000))
    seen = scrape(server)
    assert seen.get("trainwarden_ready") == 1 and seen.get("trainwarden_build_info") == 1
    disk = os.statvfs(server.data)
    assert seen.get("trainwarden_disk_size_bytes") == disk.f_blocks * disk.f_frsize
    assert 0 < seen.get("trainwarden_disk_free_bytes") <= seen.get("trainwarden_disk_size_bytes")
    assert seen.get("trainwarden_reserve_whole", part="keys") == 1 and seen.get("trainwarden_reserve_whole", part="audit") == 1
    assert seen.get("trainwarden_training_isolation") == 1 and seen.get("trainwarden_training_jobs", status="InProgress") == 0
    assert seen.get("trainwarden_training_isolation", mode=server.arguments[1]) == 1
    assert 0 < seen.get("process_open_fds") < seen.get("process_max_fds")
    assert abs(seen.get("process_start_time_seconds") - time.time()) < 3600 and seen.get("process_cpu_seconds_total") > 0
    assert seen.get("process_resident_memory_bytes") > 1 << 20 and seen.get("trainwarden_threads") > 3
    assert seen.get("trainwarden_connections", front="operator") >= 1
    # Counted by a thread, at the start at the latest.
    measured = until(lambda: (one := scrape(server)).get("trainwarden_store_measured_timestamp_seconds") > 0 and one, "the stores are measured")
    assert measured.get("trainwarden_audit_segments") == len(list((server.data / "audit").glob("*.jsonl"))) >= 1
    assert measured.get("trainwarden_store_bytes", part="keys") > 0 and measured.get("trainwarden_store_files", part="audit") >= 1


def test_jobs_and_their_workers_are_counted(make_server):
    server = make_server()
    make_trainer(server)
    sagemaker = server.client("sagemaker")
    sagemaker.create_training_job(**request(server, "counted", "sleep 300"))
    seen = until(lambda: (one := scrape(server)).get("trainwarden_training_workers") == 1 and one, "its worker runs")
    assert seen.get("trainwarden_training_jobs", status="InProgress") == 1 and seen.get("trainwarden_training_jobs") == 1
    sagemaker.stop_training_job(TrainingJobName="counted")
    wait(server, "counted")
    seen = scrape(server)
    assert seen.get("trainwarden_training_jobs", status="Stopped") == 1 and seen.get("trainwarden_training_jobs") == 1
    assert seen.get("trainwarden_training_workers") == 0


def test_the_certificate_s_end_is_a_metric(make_server, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "data/tls/ca.pem"))
    server = make_server("--tls", "self", home=tmp_path)
    shown = subprocess.run(["openssl", "x509", "-enddate", "-noout", "-in", server.data / "tls/certificate.pem"], text=True, capture_output=True, check=True)
    end = scrape(server).get("trainwarden_tls_certificate_end_timestamp_seconds")
    assert end == ssl.cert_time_to_seconds(shown.stdout.strip().removeprefix("notAfter="))
    assert 390 < (end - time.time()) / 86400 < 398
    environment = {**server.client_environment(), "AWS_CA_BUNDLE": str(tmp_path / "data/tls/ca.pem")}
    trusted = subprocess.run([BINARY, "doctor", "--json"], env=environment, text=True, capture_output=True, timeout=60, check=False).stdout
    assert "its certificate is one that this shell trusts" in trusted
    del environment["AWS_CA_BUNDLE"]
    told = subprocess.run([BINARY, "doctor", "--json"], env=environment, text=True, capture_output=True, timeout=60, check=False)
    assert told.returncode == 1 and any(one["Finding"] == "problem" and "AWS_CA_BUNDLE" in one["Remedy"] for one in json.loads(told.stdout)), told.stdout


def test_strangers_do_not_read_metrics(server):
    """At the port `/metrics` is a bucket, as it is on the socket with a query or a signature."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(server.endpoint + "/metrics")
    assert caught.value.code in (403, 404) and b"trainwarden_" not in caught.value.read()
    for path, headers in (("/metrics?list-type=2", {}), ("/metrics", {"Authorization": "AWS4-HMAC-SHA256 none"}), ("/metrics/", {}),
                          ("/metrics", {"Host": "bucket.s3.example.com"})):
        status, _, text = ask_socket(server, path, headers=headers)
        assert status >= 400 and "trainwarden_" not in text, path
    assert ask_socket(server, "/metrics", "HEAD")[0] == 200


def test_a_port_for_metrics_serves_nothing_else(make_server):
    server = make_server("--metrics-listen", "127.0.0.1:0")
    (url,) = re.findall(r"metrics are at (\S+)/metrics, for everybody", server.output.read_text())
    answer = urllib.request.urlopen(url + "/metrics")
    assert answer.status == 200 and b"trainwarden_connections{front=\"metrics\"} 1" in answer.read()
    for path in ("/", "/healthz", "/metrics/x", "/metrics?x", "/?Action=GetCallerIdentity&Version=2011-06-15"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url + path)
        assert caught.value.code == 404, path
    # With the root's good signature, too.
    server.endpoint = url
    with pytest.raises(botocore.parsers.ResponseParserError, match="/metrics is here, and nothing else"):
        server.client("sts").get_caller_identity()


def test_dashboard_and_alerts_ask_for_what_there_is():
    types, labels = documented()
    board = json.loads((ROOT / "packaging/grafana/trainwarden.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    queries += [one["definition"] for one in board["templating"]["list"] if one["type"] == "query"]
    rules = [rule for group in yaml.safe_load((ROOT / "packaging/prometheus/alerts.yaml").read_text())["groups"] for rule in group["rules"]]
    assert len(queries) > 30 and len(rules) > 8
    asked = set()
    for query in [*queries, *(rule["expr"] for rule in rules)]:
        names = re.findall(r"\b((?:trainwarden|process)_\w+)(?:\{([^}]*)\})?", query)
        assert names, query
        known = set()
        for name, matchers in names:
            family = name if name in types else re.sub(r"_(bucket|sum|count)$", "", name)
            assert family in types, f"{name} in {query}"
            assert (types[family] == "histogram") == (family != name), f"{name} in {query}"
            of_family = labels[family] | {"instance"} | ({"le"} if name.endswith("_bucket") else set())
            used = set(re.findall(r"(\w+)=~?\"", matchers))
            assert used <= of_family, f"{used - of_family} in {query}"
            known |= of_family
            asked.add(family)
        grouped = {label.strip() for labels_of in re.findall(r"by \(([^)]*)\)", query) for label in labels_of.split(",")}
        assert grouped <= known, f"{grouped - known} in {query}"
    for rule in rules:
        assert set(rule["annotations"]) == {"summary"} and rule["labels"]["severity"] in ("critical", "warning", "info")
    # Nothing is measured that nobody looks at.
    assert set(types) - asked <= {"trainwarden_store_measured_timestamp_seconds", "process_virtual_memory_bytes"}


class Collector:
    """Takes OTLP over HTTP; `answer` is what it says, `hold` an event that it waits for before."""

    def __init__(self, answer=200):
        self.spans, self.requests = [], []
        self.answer, self.hold = answer, None
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if collector.hold is not None:
                    collector.hold.wait(60)
                if collector.answer == 200:
                    message = json.loads(body)
                    collector.requests.append((self.path, self.headers["Content-Type"], message))
                    for of_resource in message["resourceSpans"]:
                        for scope in of_resource["scopeSpans"]:
                            collector.spans += scope["spans"]
                self.send_response(collector.answer)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        if self.hold is not None:
            self.hold.set()
        self.server.shutdown()
        self.server.server_close()

    def of(self, request_id):
        """The request's own span, those below it by name."""
        def find():
            return next((span for span in self.spans if attributes(span).get("aws.request_id") == request_id), None)
        span = until(find, f"the span of {request_id}")
        return span, {one["name"]: one for one in self.spans if one.get("parentSpanId") == span["spanId"]}


def attributes(span):
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


def with_trace(client, header):
    client.meta.events.register("before-sign", lambda request, **_: request.headers.__setitem__("traceparent", header))
    return client


def test_a_request_is_a_span(make_server):
    collector = Collector()
    server = make_server("--trace-collector", collector.url)
    s3 = server.client("s3")
    s3.create_bucket(Bucket="traced")
    put = s3.put_object(Bucket="traced", Key="k", Body=b"secret content")["ResponseMetadata"]["RequestId"]
    span, parts = collector.of(put)
    assert span["name"] == "s3:PutObject" and span["kind"] == 2 and "parentSpanId" not in span
    assert re.fullmatch("[0-9a-f]{32}", span["traceId"]) and re.fullmatch("[0-9a-f]{16}", span["spanId"])
    assert set(parts) == {"authenticate", "decide", "record", "handle"}
    for part in parts.values():
        assert part["traceId"] == span["traceId"]
        assert int(span["startTimeUnixNano"]) <= int(part["startTimeUnixNano"]) <= int(part["endTimeUnixNano"]) <= int(span["endTimeUnixNano"])
    assert abs(int(span["endTimeUnixNano"]) / 1e9 - time.time()) < 60
    said = attributes(span)
    assert said["http.response.status_code"] == "200" and said["url.path"] == "/traced/k" and said["rpc.method"] == "PutObject"
    # The client's trace is gone on with; who refused it is in it.
    absent = with_trace(server.client("s3"), f"00-{TRACE}-{SPAN}-01")
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        absent.get_object(Bucket="traced", Key="absent")
    span, _ = collector.of(caught.value.response["ResponseMetadata"]["RequestId"])
    assert span["traceId"] == TRACE and span["parentSpanId"] == SPAN
    assert attributes(span)["error.type"] == "NoSuchKey" and attributes(span)["trainwarden.outcome"] == "client_error"
    # A trace that its client does not keep, and a header that is none.
    unkept = with_trace(server.client("s3"), f"00-{TRACE}-{SPAN}-00").list_buckets()["ResponseMetadata"]["RequestId"]
    broken = with_trace(server.client("s3"), f"00-{TRACE}-{SPAN}").list_buckets()["ResponseMetadata"]["RequestId"]
    span, _ = collector.of(broken)
    assert span["traceId"] != TRACE
    assert not [one for one in collector.spans if attributes(one).get("aws.request_id") == unkept]
    sent = scrape(server).get("trainwarden_trace_spans_total", result="sent")
    assert sent == len(collector.spans) > 0
    path, kind, message = collector.requests[0]
    assert path == "/v1/traces" and kind == "application/json"
    about = {one["key"]: one["value"]["stringValue"] for one in message["resourceSpans"][0]["resource"]["attributes"]}
    assert about["service.name"] == "trainwarden" and about["service.instance.id"] == server.account
    everything = json.dumps([request[2] for request in collector.requests])
    for secret in (server.root.secret_access_key, server.root.access_key_id, "Signature", "secret content"):
        assert secret not in everything
    # What is queued at the end is sent.
    last = s3.list_buckets()["ResponseMetadata"]["RequestId"]
    assert server.stop() == 0
    assert [one for one in collector.spans if attributes(one).get("aws.request_id") == last]
    collector.stop()


def test_a_sample_is_a_part_that_clients_cannot_raise(make_server):
    collector = Collector()
    server = make_server("--trace-collector", collector.url, "--trace-sample", "0")
    with_trace(server.client("s3"), f"00-{TRACE}-{SPAN}-01").list_buckets()
    assert server.stop() == 0
    assert collector.spans == []
    server = make_server("--trace-collector", collector.url, "--trace-sample", "0.5")
    s3 = server.client("s3")
    for _ in range(64):
        s3.list_buckets()
    assert server.stop() == 0
    assert 0 < len([span for span in collector.spans if span["name"] == "s3:ListBuckets"]) < 64  # but for one time in 2^63
    collector.stop()


@pytest.mark.parametrize("how", ["gone", "refuses", "silent"])
def test_a_collector_that_takes_nothing_costs_counted_spans_alone(make_server, how):
    collector = Collector(answer=503 if how == "refuses" else 200)
    if how == "gone":
        collector.stop()
    if how == "silent":
        collector.hold = threading.Event()
    server = make_server("--trace-collector", collector.url)
    s3 = server.client("s3")
    kept = "dropped" if how == "silent" else "failed"
    for made in range(1, 3001):  # in vain past that
        s3.list_buckets()
        if made % 50 == 0 and scrape(server).get("trainwarden_trace_spans_total", result=kept) > 0:
            break
    seen = scrape(server)
    assert seen.get("trainwarden_trace_spans_total", result=kept) > 0 and seen.get("trainwarden_trace_spans_total", result="sent") == 0
    assert seen.get("trainwarden_trace_queued_spans") <= 4096
    # Of all spans nothing is lost but what is counted. All requests were answered.
    assert seen.get("trainwarden_requests_total", outcome="ok") == made + 1 == seen.get("trainwarden_requests_total")
    if how != "silent":
        assert "the trace collector takes no spans" in server.output.read_text()
    if how != "silent":
        if how != "gone":
            collector.stop()
        assert server.stop() == 0
        return
    # It still holds the message that it was sent: nobody waits for its answer at the server's end.
    began = time.monotonic()
    assert server.stop() == 0
    took = time.monotonic() - began
    collector.stop()
    assert took < 5, f"{took} s"  # 10 and more, if it were waited for


def lines_of(server):
    text = server.output.read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_the_log_is_json(make_server):
    server = make_server("--log-format", "json", "--verbose")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="told")
    forged = "x\n{\"level\":\"error\",\"message\":\"forged\"}\r\x1b[2J\u2028\"\\"
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        s3.get_object(Bucket="told", Key=forged)
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    raw = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    raw.sendall(b'GET /raw"\\{}\xe2\x80\xa8\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    while raw.recv(4096):
        pass
    key = server.client("iam").create_access_key()["AccessKey"]
    token = server.client("sts").get_session_token()["Credentials"]
    server.client_as(token, "sts").get_caller_identity()
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "told", "Key": "k"})
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url)
    s3.put_object(Bucket="told", Key="k", Body=b"planted content", Metadata={"planted": "metadata"})
    server.stop()
    log = server.output.read_text()
    # Every line but the one of stdout, where it says that it serves.
    others = [line for line in log.splitlines() if not line.startswith("{")]
    assert len(others) == 1 and others[0].startswith("trainwarden serves account "), others
    for line in lines_of(server):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) and line["level"] in ("debug", "info", "warning", "error")
        assert line["message"] != "forged"
    (line,) = [one for one in lines_of(server) if one.get("request_id") == request_id]
    assert line["message"] == "request" and line["status"] == 404 and line["operation"] == "s3:GetObject" and line["error"] == "NoSuchKey"
    assert line["method"] == "GET" and line["path"].startswith("/told/") and line["microseconds"] >= 0
    for character in ("\x1b", "\u2028", "\r"):
        assert character not in log
    for secret in (key["SecretAccessKey"], token["SecretAccessKey"], token["SessionToken"], server.root.secret_access_key, "Signature", "X-Amz-",
                   "planted content", "metadata"):
        assert secret not in log


def test_what_goes_wrong_within_a_request_names_it(make_server):
    """The store of blobs, which knows of no requests, has lost its folder."""
    server = make_server("--log-format", "json")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="broken")
    shutil.rmtree(server.data / "blobs")
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        s3.put_object(Bucket="broken", Key="k", Body=bytes(1 << 20))
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    errors = until(lambda: [line for line in lines_of(server) if line["level"] == "error"], "it is logged", timeout=20)
    assert any("blobs" in line["message"] for line in errors), errors
    assert {line["request_id"] for line in errors} == {request_id}


@pytest.mark.parametrize("level, said", [("debug", {"debug", "info"}), ("info", {"info"}), ("warn", set()), ("error", set())])
def test_the_log_has_a_level(make_server, level, said):
    server = make_server("--log-format", "json", "--log-level", level)
    server.client("s3").list_buckets()
    server.stop()
    levels = {line["level"] for line in lines_of(server)}
    assert levels & {"debug", "info"} == said


@pytest.mark.parametrize("arguments, words", [
    (["--log-level", "loud"], "--log-level is debug, info, warn or error"), (["--log-format", "xml"], "--log-format is text or json"),
    (["--trace-collector", "collector:4318"], "http://HOST:PORT"), (["--trace-collector", "http://"], "http://HOST:PORT"),
    (["--trace-collector", "http://user:secret@x:4318"], "takes no user and no password"),
    (["--trace-collector", "http://x", "--trace-sample", "2"], "from 0 to 1"), (["--trace-collector", "http://x", "--trace-sample", "nan"], "from 0 to 1"),
    (["--metrics-listen", "nowhere:x"], "is not a listen address")])
def test_settings_that_make_no_sense(tmp_path, arguments, words):
    done = subprocess.run([BINARY, "serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0", *arguments], text=True,
                          env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, timeout=60, check=False)
    assert done.returncode != 0 and words in done.stderr and "secret" not in done.stdout + done.stderr, done.stderr


def findings(server, *arguments, data=None, **options):
    done = server.trainwarden("doctor", "--json", "--data", data or server.data, *arguments, check=False, **options)
    return done.returncode, [(one["Finding"], one["What"], one.get("Remedy", "")) for one in json.loads(done.stdout)]


def has(found, finding, words):
    return any(one == finding and re.search(words, what) for one, what, _ in found)


def test_doctor_looks_at_server_and_machine(server):
    code, found = findings(server)
    assert code == 0, found
    for words in (re.escape(server.endpoint) + " answers", "clocks of this machine and the server agree", "knows you as .*:root", "is yours alone",
                  "answers on its socket", "runs version .*, as this program"):
        assert has(found, "ok", words), (words, found)
    for words in ("MiB are free on the disk", "clock", "user namespaces|user and network namespace", "control groups", "/dev/fuse", "/dev/net/tun", "GPU", "Slurm"):
        assert any(re.search(words, what) for _, what, _ in found), (words, found)
    assert {finding for finding, _, _ in found} <= {"ok", "warning", "problem"}
    for finding, what, remedy in found:
        assert remedy or finding == "ok", what
    text = server.trainwarden("doctor", "--data", server.data, check=False).stdout
    assert re.search(r"^ok       \S+ answers$", text, re.M)


def test_doctor_finds_what_is_wrong(server, tmp_path):
    environment = {**server.client_environment(), "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    told = subprocess.run([BINARY, "doctor", "--json", "--data", str(tmp_path / "absent")], env=environment, text=True, capture_output=True, timeout=60, check=False)
    found = [(one["Finding"], one["What"], one.get("Remedy", "")) for one in json.loads(told.stdout)]
    assert told.returncode == 1 and has(found, "problem", "127.0.0.1:1.*cannot be reached") and has(found, "warning", "no data folder")
    assert not any("knows you" in what for _, what, _ in found)
    code, found = findings(server, credentials=Credentials(server.root.access_key_id, "x" * 40))
    assert code == 1 and has(found, "problem", "signature")


def test_doctor_says_that_the_reserve_is_in_use(server, tmp_path):
    for part, size in (("keys", 4096), ("audit", 0)):
        (tmp_path / part).mkdir()
        (tmp_path / part / "reserved-space").write_bytes(b"x" * size)
    _, found = findings(server, data=tmp_path)
    said = [what for finding, what, _ in found if finding == "problem" and "kept for deletes" in what]
    assert len(said) == 1 and f"{tmp_path}/audit/" in said[0]


def test_doctor_compares_clocks(server):
    """Something that answers as a server does whose clock is wrong."""
    class Wrong(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response_only(200)
            self.send_header("Date", self.date_time_string(time.time() + self.server.skew))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    wrong = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Wrong)
    threading.Thread(target=wrong.serve_forever, daemon=True).start()
    for skew, finding, words in ((-120, "warning", "clock is 1[12][0-9] seconds behind"), (3600, "problem", "clock is 3[56][0-9]{2} seconds ahead of")):
        wrong.skew = skew
        environment = {**server.client_environment(), "AWS_ENDPOINT_URL": f"http://127.0.0.1:{wrong.server_port}"}
        told = subprocess.run([BINARY, "doctor", "--json"], env=environment, text=True, capture_output=True, timeout=60, check=False)
        found = [(one["Finding"], one["What"], one.get("Remedy", "")) for one in json.loads(told.stdout)]
        assert has(found, finding, words), found
        # Where the clocks explain a refusal, nothing leads to the credentials first.
        if finding == "problem":
            refused = [remedy for one, what, remedy in found if one == "problem" and "clock" not in what]
            assert refused and all(remedy.startswith("first synchronize the clocks") for remedy in refused), found
    wrong.shutdown()
    wrong.server_close()
