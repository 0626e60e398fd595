"""The Helm chart, rendered by Helm and held against Kubernetes' own schemas."""
import json
import pathlib
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT, need

CHART = ROOT / "packaging/helm/trainwarden"
HELM = ROOT / "build/clients/helm/helm"
VERSIONS = ("1.25", "1.31", "1.36")


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def schemas():
    need("helm")
    done = subprocess.run([sys.executable, ROOT / "tests/clients/install.py", "kubernetes"], check=True, stdout=subprocess.PIPE, text=True)
    return pathlib.Path(done.stdout.strip()) / "bin/kubernetes-validate"


def render(*options, version="1.31"):
    need("helm")
    done = run(HELM, "template", "mine", CHART, "--namespace", "ml", "--kube-version", f"{version}.0", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def the(kind, rendered):
    (found,) = [document for document in yaml.safe_load_all(rendered) if document["kind"] == kind]
    return found


def test_the_chart_has_no_faults():
    need("helm")
    done = run(HELM, "lint", "--strict", CHART)
    assert done.returncode == 0 and "0 chart(s) failed" in done.stdout, done.stdout + done.stderr


EVERYTHING = ("--set", "tls.secretName=cert", "--set", "training.enabled=true", "--set", "options={--verbose,--limit=connections=9}", "--set",
              "imagePullSecrets[0].name=pull", "--set", "persistence.storageClassName=fast", "--set", "nodeSelector.disk=ssd", "--set",
              "service.type=LoadBalancer", "--set", "metrics.enabled=true", "--set", "service.annotations.a=b", "--set", "podAnnotations.c=d", "--set", "image.tag=sha")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("options", [(), EVERYTHING], ids=["as it is", "everything set"])
def test_what_is_rendered_is_what_kubernetes_takes(schemas, tmp_path, options, version):
    file = tmp_path / "rendered.yaml"
    file.write_text(render(*options, version=version))
    done = run(schemas, "--strict", "-k", version, file)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "statefulset/mine-trainwarden" in said and "service/mine-trainwarden" in said, said


def test_one_server_with_a_volume_probes_and_no_rights():
    rendered = render()
    spec = the("StatefulSet", rendered)["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert spec["replicas"] == 1
    assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert pod["automountServiceAccountToken"] is False
    assert {probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")} == {
        "startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert container["resources"]["limits"]["memory"] == "4Gi"
    assert spec["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] == "100Gi"
    # The image's user owns nothing but the volume, where all that the server writes is.
    for option in ("--data=", "--master-key-file=", "--audit-key-file="):
        assert any(word.startswith(option + "/data/") for word in container["args"]), option
    service = the("Service", rendered)["spec"]
    assert service["selector"].items() <= spec["template"]["metadata"]["labels"].items()
    assert service["ports"][0]["targetPort"] in {port["name"] for port in container["ports"]}


def test_tls_is_for_probes_too_and_jobs_lift_two_restrictions():
    rendered = render(*EVERYTHING)
    pod = the("StatefulSet", rendered)["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert all(container[probe]["httpGet"]["scheme"] == "HTTPS" for probe in ("startupProbe", "livenessProbe", "readinessProbe"))
    assert "--tls-certificate=/tls/tls.crt" in container["args"] and container["args"][-2:] == ["--verbose", "--limit=connections=9"]
    assert pod["spec"]["securityContext"]["seccompProfile"]["type"] == "Unconfined" and pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert container["image"] == "trainwarden:sha"


@pytest.mark.parametrize("wrong", ["persistence.size=lots", "persistance.size=1Gi", "service.port=70000", "regions={Frankfurt}", "persistence.accessModes={ReadWriteMany}"])
def test_values_that_mean_nothing_are_refused(wrong):
    need("helm")
    done = run(HELM, "template", "mine", CHART, "--kube-version", "1.31.0", "--set", wrong)
    assert done.returncode != 0 and "schema" in done.stderr, done.stdout


def test_the_chart_starts_the_image_as_it_is_made():
    """Both name the user, the port and the program's options: tools/image.py beside the chart."""
    container = (ROOT / "tools/image.py").read_text()
    rendered = json.dumps(the("StatefulSet", render()))
    assert "USER = 65532" in container and '"runAsUser": 65532' in rendered and '"fsGroup": 65532' in rendered
    assert '"4566/tcp"' in container and '"containerPort": 4566' in rendered


def test_commands_in_the_pod_find_its_server():
    container = the("StatefulSet", render())["spec"]["template"]["spec"]["containers"][0]
    (data,) = [word.removeprefix("--data=") for word in container["args"] if word.startswith("--data=")]
    assert {"name": "TRAINWARDEN_DATA", "value": data} in container["env"]


def test_metrics_have_a_port_and_annotations_that_are_text():
    template = the("StatefulSet", render("--set", "metrics.enabled=true"))["spec"]["template"]
    container = template["spec"]["containers"][0]
    assert "--metrics-listen=0.0.0.0:9464" in container["args"] and {"name": "metrics", "containerPort": 9464, "protocol": "TCP"} in container["ports"]
    assert template["metadata"]["annotations"] == {"prometheus.io/scrape": "true", "prometheus.io/port": "9464"}
    assert "annotations" not in the("StatefulSet", render())["spec"]["template"]["metadata"]


@pytest.mark.parametrize("options", [("--set", "podAnnotations.n=1"), ("--set", "service.annotations.n=true"), ("--set", "options={--listen=0.0.0.0:1}"),
                                     ("--set", "options={--data,/x}"), ("--set", "metrics.port=4566")])
def test_what_kubernetes_or_the_server_would_refuse_is_refused_before(options):
    need("helm")
    done = run(HELM, "template", "mine", CHART, *options)
    assert done.returncode != 0 and "schema" in done.stderr, done.stdout[:300]
