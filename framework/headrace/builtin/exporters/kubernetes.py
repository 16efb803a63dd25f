"""A model's server on Kubernetes: one process a pod, as many as its load asks for, let in and out by what is declared alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.exporters import elsewhere
from headrace.hooks import Exporter, Server


class Params(BaseModel):
    """The parameters of `kubernetes`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    image: str = Field(default="", pattern=r"^\S*$", description="The image; where it is not given, the name that `--to docker` says.")
    namespace: str = Field(default="default", pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", description="Where it runs.")
    cpu: str = Field(default="500m", pattern=r"^[1-9][0-9]*m?$", description="What of a processor each pod is promised.")
    from_namespace: str = Field(
        default="",
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$",
        description="A namespace whose pods may ask too, such as an ingress'.",
    )
    egress: tuple[int, ...] = Field(
        default=(5432, 443),
        min_length=1,
        description="TCP ports that it may reach beside those of URLs that the spec names: the store's and the blobs' behind `env:`.",
        strict=False,
    )
    variables: tuple[elsewhere.Variable, ...] = elsewhere.VARIABLES
    anonymous: bool = Field(default=False, description="Whether nobody is asked for a key, where `serving.auth` is not declared.")


def export(server: Server, params: Params, folder: Path) -> None:
    """Write `kubernetes.yaml`."""
    elsewhere.shared(server)
    documents = [
        _account(server, params),
        _deployment(server, params),
        _service(server, params),
        _budget(server, params),
        _policy(server, params),
    ]
    least, most, _ = elsewhere.replicas(server)
    if most > least:
        documents.append(_autoscaler(server, params, least, most))
    elsewhere.write(folder, {"kubernetes.yaml": _head(server, params) + elsewhere.yaml(*documents)})


def _name(server: Server) -> str:
    return f"{server.model}-server"


def secret(server: Server) -> str:
    """The name of the Secret that it reads."""
    return f"{server.model}-secrets"


def _head(server: Server, params: Params) -> str:
    lines = [f"# model/{server.model} of project {server.workspace['project']}, exported by headrace: export it again after a change."]
    lines += [
        *reads(server, params.namespace, elsewhere.references(server, params.variables)),
        "# The journal's spool is an emptyDir: it outlives a container that crashes or is killed, and the last pass before a pod ends has",
        f"# {elsewhere.GRACE} s; a pod that is deleted while the store does not answer loses what was not shipped.",
    ]
    return "".join(f"{line}\n" for line in lines)


def reads(server: Server, namespace: str, needed: elsewhere.References) -> list[str]:
    """Comments that say how the Secret is made that it reads, and what becomes of files in it that change; none where it reads none."""
    given = [f"--from-literal={name}=…" for name in needed.variables]
    given += [f"--from-file={elsewhere.key_of(path)}={path}" for path in needed.files]
    lines = [f"# It reads secrets: kubectl -n {namespace} create secret generic {secret(server)} {' '.join(given)}"] if given else []
    return (
        [*lines, "# A file of the Secret that changes, such as a renewed certificate, is seen by new pods alone."]
        if needed.files
        else lines
    )


def _meta(server: Server, params: Params) -> dict[str, Any]:
    return {"name": _name(server), "namespace": params.namespace, "labels": {**_labels(server), "app.kubernetes.io/managed-by": "headrace"}}


def _labels(server: Server) -> dict[str, str]:
    return {"app.kubernetes.io/name": _name(server), "app.kubernetes.io/part-of": str(server.workspace["project"])}


def _account(server: Server, params: Params) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _meta(server, params), "automountServiceAccountToken": False}


def container(server: Server, image: str, cpu: str, needed: elsewhere.References, *, name: str, anonymous: bool) -> dict[str, Any]:
    """The one container of a pod."""
    _, _, memory = elsewhere.replicas(server)
    given = [{"name": one, "valueFrom": {"secretKeyRef": {"name": secret(server), "key": one}}} for one in needed.variables]
    mounts = [
        {"name": "secrets", "mountPath": f"{elsewhere.HOME}/{path}", "subPath": elsewhere.key_of(path), "readOnly": True}
        for path in needed.files
    ]
    return {
        "name": name,
        "image": image,
        "args": elsewhere.arguments(server, host="0.0.0.0", workers=1, anonymous=anonymous),  # noqa: S104 - of a pod, behind its policy
        **({"env": given} if given else {}),
        "ports": [{"name": "http", "containerPort": elsewhere.port(server), "protocol": "TCP"}],
        "startupProbe": _probe(server, "/health/live", every=2, failures=60),
        "livenessProbe": _probe(server, "/health/live", every=10, failures=3),
        "readinessProbe": _probe(server, "/health/ready", every=2, failures=2),
        "resources": {"requests": {"cpu": cpu, "memory": elsewhere.mib(memory)}, "limits": {"memory": elsewhere.mib(memory)}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        },
        "volumeMounts": [{"name": "state", "mountPath": f"{elsewhere.HOME}/.headrace"}, {"name": "tmp", "mountPath": "/tmp"}, *mounts],  # noqa: S108 - a volume of its own
    }


def volumes(server: Server, needed: elsewhere.References) -> list[dict[str, Any]]:
    """What the container may write, and its secret files."""
    found: list[dict[str, Any]] = [{"name": "state", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]
    if needed.files:
        found.append({"name": "secrets", "secret": {"secretName": secret(server), "defaultMode": 0o440}})
    return found


def pod_security() -> dict[str, Any]:
    """Who a pod runs as."""
    ids = {"runAsUser": elsewhere.USER, "runAsGroup": elsewhere.USER, "fsGroup": elsewhere.USER}
    return {"runAsNonRoot": True, **ids, "seccompProfile": {"type": "RuntimeDefault"}}


def _probe(server: Server, path: str, *, every: int, failures: int) -> dict[str, Any]:
    get = {"path": path, "port": "http", "scheme": elsewhere.scheme(server).upper()}
    return {"httpGet": get, "periodSeconds": every, "timeoutSeconds": 2, "failureThreshold": failures}


def _deployment(server: Server, params: Params) -> dict[str, Any]:
    least, most, _ = elsewhere.replicas(server)
    image, needed = elsewhere.image(server, params.image), elsewhere.references(server, params.variables)
    pod = {
        "serviceAccountName": _name(server),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": elsewhere.KILL,
        "securityContext": pod_security(),
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": _labels(server)},
            }
        ],
        "containers": [container(server, image, params.cpu, needed, name="server", anonymous=params.anonymous)],
        "volumes": volumes(server, needed),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(server, params),
        "spec": {
            **({"replicas": least} if most == least else {}),  # otherwise the autoscaler's, which an apply must not set back
            "selector": {"matchLabels": _labels(server)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {"metadata": {"labels": _labels(server)}, "spec": pod},
        },
    }


def _service(server: Server, params: Params) -> dict[str, Any]:
    number = 443 if elsewhere.scheme(server) == "https" else 80
    ports = [{"name": "http", "port": number, "targetPort": "http", "protocol": "TCP"}]
    spec = {"type": "ClusterIP", "selector": _labels(server), "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _meta(server, params), "spec": spec}


def _budget(server: Server, params: Params) -> dict[str, Any]:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": _labels(server)}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": _meta(server, params), "spec": spec}


def _policy(server: Server, params: Params) -> dict[str, Any]:
    sources: list[dict[str, Any]] = [{"podSelector": {}}]
    if params.from_namespace:
        sources.append({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": params.from_namespace}}})
    names = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    reached = [{"protocol": "TCP", "port": port} for port in dict.fromkeys((*params.egress, *elsewhere.reached(server)))]
    spec = {
        "podSelector": {"matchLabels": _labels(server)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": sources, "ports": [{"protocol": "TCP", "port": elsewhere.port(server)}]}],
        "egress": [{"ports": names}, {"ports": reached}],
    }
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": _meta(server, params), "spec": spec}


def _autoscaler(server: Server, params: Params, least: int, most: int) -> dict[str, Any]:
    used = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": _name(server)},
        "minReplicas": least,
        "maxReplicas": most,
        "metrics": [used],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
    }
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": _meta(server, params), "spec": spec}


EXPORTER = Exporter(
    name="kubernetes",
    export=f"{__name__}:export",
    params=f"{__name__}:Params",
    description="The model's server on Kubernetes: Deployment, Service, autoscaler, disruption budget, network policy, account.",
    of="server",
)
