"""A model's server as KServe runs it: an InferenceService of one container of our own, scaled by KServe."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from headrace.builtin.exporters import elsewhere, kubernetes
from headrace.hooks import Exporter, Server


class Params(BaseModel):
    """The parameters of `kserve`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    image: str = Field(default="", pattern=r"^\S*$", description="The image; where it is not given, the name that `--to docker` says.")
    namespace: str = Field(default="default", pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", description="Where it runs.")
    cpu: str = Field(default="500m", pattern=r"^[1-9][0-9]*m?$", description="What of a processor each pod is promised.")
    variables: tuple[elsewhere.Variable, ...] = elsewhere.VARIABLES
    anonymous: bool = Field(default=False, description="Whether nobody is asked for a key, where `serving.auth` is not declared.")


def export(server: Server, params: Params, folder: Path) -> None:
    """Write `inferenceservice.yaml`."""
    elsewhere.shared(server)
    least, most, _ = elsewhere.replicas(server)
    image, needed = elsewhere.image(server, params.image), elsewhere.references(server, params.variables)
    predictor = {
        "minReplicas": least,
        "maxReplicas": most,
        "scaleMetric": "cpu",
        "scaleTarget": 60,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": elsewhere.KILL,
        "securityContext": kubernetes.pod_security(),
        "containers": [kubernetes.container(server, image, params.cpu, needed, name="kserve-container", anonymous=params.anonymous)],
        "volumes": kubernetes.volumes(server, needed),
    }
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": server.model,
            "namespace": params.namespace,
            # Knative would scale by requests and rewrite probes; the server's own are what its drain goes by.
            "annotations": {"serving.kserve.io/deploymentMode": "RawDeployment", "serving.kserve.io/autoscalerClass": "hpa"},
        },
        "spec": {"predictor": predictor},
    }
    said = [f"# model/{server.model} of project {server.workspace['project']}, exported by headrace."]
    said += kubernetes.reads(server, params.namespace, needed)
    elsewhere.write(folder, {"inferenceservice.yaml": "".join(f"{line}\n" for line in said) + elsewhere.yaml(service)})


EXPORTER = Exporter(
    name="kserve",
    export=f"{__name__}:export",
    params=f"{__name__}:Params",
    description="The model's server as an InferenceService of KServe, in one container of its own.",
    of="server",
)
