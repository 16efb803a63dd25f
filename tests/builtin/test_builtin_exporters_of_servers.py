"""What a server leaves by can be used as it is printed: schemas, checkers and the programs themselves take it, and it says what is true."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import check_jsonschema
import jsonschema
import kubernetes_validate
import pytest
import yaml

from headrace.builtin.exporters import compose, docker, kserve, kubernetes, nginx, systemd
from headrace.hooks import Server
from headrace.testing.exporter import a_server

KUBERNETES = ("1.29", kubernetes_validate.latest_version())
SERVER = a_server()
SEVERAL = replace(SERVER, serving={**SERVER.serving, "replicas": {"min": 2, "max": 4, "memory": 2**31}})
HTTP = replace(SERVER, serving={**SERVER.serving, "access": {"auth": {"keys": True}, "tls": None}})
OPEN = replace(SERVER, serving={**SERVER.serving, "access": {"auth": None, "tls": None}})
LOCAL = replace(SERVER, workspace={**SERVER.workspace, "store": "sqlite:///.headrace/state.db", "blobs": ".headrace/blobs"})


def exported(module: Any, server: Server, folder: Path, **params: Any) -> Path:
    folder.mkdir(parents=True)
    module.export(server, module.Params(**params), folder)
    return folder


def manifests(server: Server, folder: Path, **params: Any) -> dict[str, dict[str, Any]]:
    text = (exported(kubernetes, server, folder, **params) / "kubernetes.yaml").read_text()
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


@pytest.mark.parametrize("server", [SERVER, SEVERAL, HTTP], ids=["one", "several", "http"])
def test_kubernetes_takes_every_manifest_strictly(server: Server, tmp_path: Path) -> None:
    found = manifests(server, tmp_path / "out")
    for one in found.values():
        for version in KUBERNETES:
            kubernetes_validate.validate(one, version, strict=True)
    always = {"ServiceAccount", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
    assert always | ({"HorizontalPodAutoscaler"} if server is SEVERAL else set()) == set(found)


def test_a_validation_that_is_strict_finds_a_key_that_is_none(tmp_path: Path) -> None:
    deployment = manifests(SERVER, tmp_path / "out")["Deployment"]
    deployment["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, "1.29", strict=True)


def test_one_pod_is_one_process_that_is_asked_where_it_answers(tmp_path: Path) -> None:
    found = manifests(SEVERAL, tmp_path / "out", image="registry.example/churn:7")
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert ("registry.example/churn:7", SEVERAL.serving["port"]) == (container["image"], container["ports"][0]["containerPort"])
    assert "--host 0.0.0.0 --port 8100 --workers 1 --drain 5" in " ".join(container["args"])
    told = {probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {"startupProbe": "/health/live", "livenessProbe": "/health/live", "readinessProbe": "/health/ready"} == told
    assert pod["terminationGracePeriodSeconds"] > 5 + 20
    scaler = found["HorizontalPodAutoscaler"]["spec"]
    assert (2, 4, "churn-server") == (scaler["minReplicas"], scaler["maxReplicas"], scaler["scaleTargetRef"]["name"])
    assert "replicas" not in found["Deployment"]["spec"]
    assert "2048Mi" == container["resources"]["limits"]["memory"]
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert labels == found[kind]["spec"]["selector"]["matchLabels"]
    assert labels == found["Service"]["spec"]["selector"] == found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
    assert [8100] == [port["port"] for port in found["NetworkPolicy"]["spec"]["ingress"][0]["ports"]]


def test_a_pod_may_reach_what_the_spec_names(tmp_path: Path) -> None:
    jwt = {"issuer": "https://login.example/", "jwks": "http://login.example:18799/jwks.json"}
    access = {"auth": {"keys": False, "jwt": jwt}, "tls": None, "tracing": {"endpoint": "http://traces:4318/v1/traces"}}
    server = replace(
        SERVER,
        serving={**SERVER.serving, "access": access, "journal": {"parquet": "s3://journal"}},
        workspace={**SERVER.workspace, "store": "postgresql+psycopg://churn@db:6432/churn"},
    )
    policy = manifests(server, tmp_path / "out", egress=(443,))["NetworkPolicy"]["spec"]
    assert [443, 4318, 6432, 18799] == [port["port"] for port in policy["egress"][1]["ports"]]


@pytest.mark.parametrize(("module", "file"), [(kubernetes, "kubernetes.yaml"), (kserve, "inferenceservice.yaml")])
def test_the_secret_is_told_by_the_keys_that_are_mounted(module: Any, file: str, tmp_path: Path) -> None:
    text = (exported(module, SERVER, tmp_path / "out", namespace="shop") / file).read_text()
    (made,) = [line for line in text.splitlines() if "create secret generic" in line]
    given = dict(word.split("=", 1)[1].split("=", 1) for word in made.split() if word.startswith("--from-file"))
    assert {key: path for path, key in re.findall(r"mountPath: /srv/headrace/(\S+)\n *subPath: (\S+)", text)} == given
    assert "kubectl -n shop create secret generic churn-secrets --from-literal=EVENTS_URL=… --from-literal=STORE_URL=…" in made


def test_a_container_is_no_root_and_writes_its_volumes_alone(tmp_path: Path) -> None:
    pod = manifests(SERVER, tmp_path / "out")["Deployment"]["spec"]["template"]["spec"]
    rights = pod["containers"][0]["securityContext"]
    assert (True, True, False, ["ALL"]) == (
        pod["securityContext"]["runAsNonRoot"],
        rights["readOnlyRootFilesystem"],
        rights["allowPrivilegeEscalation"],
        rights["capabilities"]["drop"],
    )
    written = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"] if not mount.get("readOnly")}
    assert {"/srv/headrace/.headrace", "/tmp"} == written  # noqa: S108 - of the container


def test_secrets_are_referred_to_and_never_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_URL", "postgresql://churn:hunter2@db/churn")
    for module in (kubernetes, kserve, docker, compose, systemd, nginx):
        folder = exported(module, SERVER, tmp_path / module.__name__)
        assert not [path for path in folder.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]
    container = manifests(SERVER, tmp_path / "more", variables=("AWS_ACCESS_KEY_ID",))["Deployment"]["spec"]["template"]["spec"][
        "containers"
    ][0]
    assert ["AWS_ACCESS_KEY_ID", "EVENTS_URL", "STORE_URL"] == [one["name"] for one in container["env"]]
    assert all(one["valueFrom"]["secretKeyRef"] == {"name": "churn-secrets", "key": one["name"]} for one in container["env"])
    assert {"/srv/headrace/tls/server.crt": "tls-server.crt", "/srv/headrace/tls/server.key": "tls-server.key"} == {
        mount["mountPath"]: mount["subPath"] for mount in container["volumeMounts"] if "subPath" in mount
    }
    assert "HTTPS" == container["readinessProbe"]["httpGet"]["scheme"]


@pytest.mark.parametrize("module", [kubernetes, kserve])
def test_what_one_machine_alone_has_does_not_leave_for_others(module: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the store `sqlite:.*` is a file of one machine and the blobs `.headrace/blobs` are a folder"):
        exported(module, LOCAL, tmp_path / "out")


def test_a_proxy_may_speak_tls_in_its_place(tmp_path: Path) -> None:
    pod = manifests(HTTP, tmp_path / "out")["Deployment"]["spec"]["template"]["spec"]
    assert (["--allow", "plain-http"], "HTTP") == (
        pod["containers"][0]["args"][-2:],
        pod["containers"][0]["livenessProbe"]["httpGet"]["scheme"],
    )


@pytest.mark.parametrize("module", [kubernetes, kserve, docker, compose])
def test_a_server_that_asks_nobody_is_opened_by_a_word_alone(module: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"asks nobody for a key.*serving.auth.*anonymous=true"):
        exported(module, OPEN, tmp_path / "out")
    folder = exported(module, OPEN, tmp_path / "open", anonymous=True)
    text = "".join(path.read_text() for path in folder.rglob("*") if path.suffix == ".yaml" or path.name == "Dockerfile")
    words = re.sub(r'[",\s-]+', " ", text)
    assert "allow anonymous allow plain http" in words


def test_an_inference_service_holds_a_pod_that_kubernetes_takes(tmp_path: Path) -> None:
    """KServe's own four keys by name and type; all else of a predictor is a pod's."""
    service = yaml.safe_load((exported(kserve, SEVERAL, tmp_path / "out") / "inferenceservice.yaml").read_text())
    assert ("serving.kserve.io/v1beta1", "InferenceService", "churn") == (
        service["apiVersion"],
        service["kind"],
        service["metadata"]["name"],
    )
    assert {"apiVersion", "kind", "metadata", "spec"} == set(service)
    assert ["predictor"] == list(service["spec"])
    pod = dict(service["spec"]["predictor"])
    assert (2, 4, "cpu", 60) == tuple(pod.pop(key) for key in ("minReplicas", "maxReplicas", "scaleMetric", "scaleTarget"))
    for version in KUBERNETES:
        kubernetes_validate.validate({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": pod}, version, strict=True)
    assert ["kserve-container"] == [one["name"] for one in pod["containers"]]


@pytest.mark.parametrize("server", [SERVER, HTTP, LOCAL], ids=["one", "http", "local"])
def test_compose_files_are_of_their_schema(server: Server, tmp_path: Path) -> None:
    text = (exported(compose, server, tmp_path / "out") / "compose.yaml").read_text()
    (path,) = Path(check_jsonschema.__file__).parent.rglob("compose-spec.json")
    schema = json.loads(path.read_text())
    found = yaml.safe_load(text)
    jsonschema.validators.validator_for(schema)(schema).validate(found)
    service = found["services"]["server"]
    assert ["127.0.0.1:8100:8100"] == service["ports"]
    assert (tmp_path / "out" / service["build"]["context"] / "Dockerfile").is_file()
    state = next(mount for mount in service["volumes"] if mount["target"] == "/srv/headrace/.headrace")
    assert ("bind" if server is LOCAL else "volume") == state["type"]
    assert {"state": {}} == found["volumes"] if state["type"] == "volume" else "${HEADRACE_STATE:?" in state["source"]


INSTRUCTIONS = ["FROM", "ENV", "RUN", "COPY", "WORKDIR", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"]


def lines(dockerfile: str) -> list[tuple[str, str]]:
    """Its instructions, each of a known name."""
    found = [line.split(" ", 1) for line in dockerfile.splitlines() if line and not line.startswith("#")]
    assert all(len(one) == 2 and one[0] in INSTRUCTIONS for one in found)
    return [(name, rest) for name, rest in found]


def test_an_image_is_built_of_what_stands_beside_its_dockerfile(tmp_path: Path) -> None:
    folder = exported(docker, SEVERAL, tmp_path / "out")
    found = lines((folder / "Dockerfile").read_text())
    stages = [rest.partition(" AS ")[2] for name, rest in found if name == "FROM"]
    assert ["build", ""] == stages
    for name, rest in found:
        if name == "COPY" and not rest.startswith("--from=build "):
            source = rest.split(" ")[0]
            assert (folder / source).exists()
            assert f"!{source}\n" in (folder / ".dockerignore").read_text()
    said = dict(found)  # of each the last: the image's own stage
    assert ("10001:10001", "8100", "/srv/headrace") == (said["USER"], said["EXPOSE"], said["WORKDIR"])
    assert ["/opt/headrace/bin/python", "-m", "headrace.serving"] == json.loads(said["ENTRYPOINT"])
    assert SEVERAL.files == {
        path.removeprefix("project/"): (folder / path).read_bytes() for path in files(folder) if path.startswith("project/")
    }
    assert "headrace==0.1.0\nnumpy==2.4.6\n" == (folder / "requirements.lock").read_text()
    assert "--workers" not in said["CMD"]  # as many as the spec says


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def arguments(server: Server, tmp_path: Path) -> dict[str, list[str]]:
    """What each form starts the server with."""
    image = dict(lines((exported(docker, server, tmp_path / "docker") / "Dockerfile").read_text()))
    unit = (exported(systemd, server, tmp_path / "systemd") / "headrace-churn.service").read_text()
    (started,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    pod = manifests(server, tmp_path / "kubernetes")["Deployment"]["spec"]["template"]["spec"]
    predictor = yaml.safe_load((exported(kserve, server, tmp_path / "kserve") / "inferenceservice.yaml").read_text())["spec"]["predictor"]
    return {
        "docker": json.loads(image["CMD"]),
        "systemd": shlex.split(started)[3:],
        "kubernetes": pod["containers"][0]["args"],
        "kserve": predictor["containers"][0]["args"],
    }


def test_the_server_takes_the_arguments_that_are_printed(tmp_path: Path) -> None:
    from headrace.serving.__main__ import _options

    for form, given in arguments(SEVERAL, tmp_path).items():
        options = _options(given)
        assert ("flows/churn.serving.json", 8100, 5.0, 20.0) == (str(options.config), options.port, options.drain, options.grace), form
        assert ("127.0.0.1" if form == "systemd" else "0.0.0.0") == options.host
        assert (1 if form in ("kubernetes", "kserve") else None) == (options.workers and options.workers.max)


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    (tmp_path / "srv").mkdir()
    folder = exported(systemd, SEVERAL, tmp_path / "out", python=sys.executable, directory=str(tmp_path / "srv"))
    unit = folder / "headrace-churn.service"
    told = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (0, "") == (told.returncode, told.stderr)
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=40", str(unit)]
    assert 0 == subprocess.run(command, capture_output=True, check=False).returncode
    assert "EnvironmentFile=/etc/headrace/churn.env\n" in unit.read_text()


def test_one_process_has_nobody_to_reload_it(tmp_path: Path) -> None:
    one, several = (
        (exported(systemd, of, tmp_path / name) / "headrace-churn.service").read_text() for name, of in (("1", SERVER), ("2", SEVERAL))
    )
    assert (False, True) == ("ExecReload" in one, "ExecReload=/bin/kill -HUP $MAINPID" in several)


@pytest.mark.parametrize("module", [kubernetes, kserve, docker, compose, systemd, nginx])
def test_the_same_server_is_the_same_bytes(module: Any, tmp_path: Path) -> None:
    one, other = (exported(module, SERVER, tmp_path / name) for name in "ab")
    assert {path: (one / path).read_bytes() for path in files(one)} == {path: (other / path).read_bytes() for path in files(other)}


@pytest.mark.needs_nginx
@pytest.mark.parametrize("server", [HTTP, SERVER], ids=["http", "https"])
def test_nginx_takes_its_configuration(server: Server, tmp_path: Path) -> None:
    folder = exported(nginx, server, tmp_path / "out", servers=("127.0.0.1:8081", "127.0.0.1:8082"), listen="127.0.0.1:8079")
    assert shutil.which("nginx"), "nginx-light is in .ci/debian.txt"
    told = subprocess.run(["nginx", "-t", "-p", str(folder), "-c", "nginx.conf"], capture_output=True, text=True, check=False)
    assert (0, True) == (told.returncode, "test is successful" in told.stderr), told.stderr


@pytest.mark.parametrize(
    ("module", "params"),
    [
        (kubernetes, {"namespace": "no spaces"}),
        (kubernetes, {"cpu": "half"}),
        (systemd, {"directory": "/srv; rm -rf /"}),
        (nginx, {"servers": ("10.0.0.1:80; evil on",)}),
        (nginx, {"listen": "80 default_server"}),
        (compose, {"publish": "every address"}),
    ],
)
def test_a_parameter_can_write_nothing_but_itself(module: Any, params: dict[str, Any]) -> None:
    make: Callable[..., object] = module.Params
    with pytest.raises(ValueError, match="pattern"):
        make(**params)
