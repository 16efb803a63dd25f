"""What an MLflow server answered, call by call: recorded in front of the real one, and answered again without it."""

from __future__ import annotations

import http.client
import json
import re
import threading
from base64 import b64decode, b64encode
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from headrace.hooks import Incoming, Known, RunRecord
from headrace.testing import Broken, check_tracker
from headrace_mlflow import TRACKER, Params
from headrace_mlflow.api import Api
from headrace_mlflow.taking import pull

TRANSCRIPT = Path(__file__).with_name("transcript.json")
_LONG = 2000
_ARTIFACTS = "/mlflow-artifacts/"
_TIMES = re.compile(r'("(?:creation_time|last_update_time|creation_timestamp|last_updated_timestamp)": )\d+')
_RUN = re.compile(r'"run_id": "([0-9a-f]{32})"')

Exchange = dict[str, Any]


def played(uri: str) -> tuple[list[Broken], list[Incoming]]:
    """What the conformance kit finds, and what is then taken of a run and a version that were made without Headrace."""
    broken = check_tracker(TRACKER, {"uri": uri, "prefix": "kit-"})
    with Api(Params(uri=uri)) as api:
        experiment = api.post("experiments/create", {"name": "hand-churn"})["experiment_id"]
        run = api.post("runs/create", {"experiment_id": experiment, "start_time": 1_700_000_000_000, "run_name": "by hand"})["run"]["info"]
        metrics = [
            {"key": "auc", "value": value, "timestamp": 5 + step, "step": step} for step, value in enumerate((0.5, "NaN", "Infinity"))
        ]
        params = [{"key": "rate", "value": "0.1"}, {"key": "kind", "value": "gbdt"}]
        api.post("runs/log-batch", {"run_id": run["run_id"], "metrics": metrics, "params": params})
        api.upload(run["artifact_uri"], "model/model.txt", b"a model")
        api.post("runs/update", {"run_id": run["run_id"], "status": "FINISHED", "end_time": 1_700_000_060_000})
        api.post("registered-models/create", {"name": "hand-model"})
        api.post("model-versions/create", {"name": "hand-model", "source": f"runs:/{run['run_id']}/model", "run_id": run["run_id"]})
    taken = []
    for item in pull(Params(uri=uri, prefix="hand-"), known=Known()):
        if isinstance(item, RunRecord):
            assert [b"a model"] == [left.read() for left in item.artifacts]
        taken.append(item)
    return broken, taken


def asked(method: str, path: str, body: bytes) -> Exchange:
    """A request as it stands in a transcript: what is long by its digest, but for the run that it is about."""
    if not body or _ARTIFACTS in path:
        return {"method": method, "path": path, "body": _digest(body) if method == "PUT" else None}
    told = json.loads(body)
    if len(body) > _LONG:
        run_id = told.pop("run_id", None)
        told = {"run_id": run_id, **_digest(json.dumps(told, sort_keys=True).encode())}
    return {"method": method, "path": path, "body": told}


def _digest(data: bytes) -> Exchange:
    return {"bytes": len(data), "sha256": sha256(data).hexdigest()}


def answered(path: str, status: int, body: bytes) -> Exchange:
    """An answer as it stands there: of an artifact every byte, of all else the value."""
    if _ARTIFACTS not in path:
        return {"status": status, "json": json.loads(body)}
    try:
        return {"status": status, "text": body.decode()}
    except UnicodeDecodeError:
        return {"status": status, "base64": b64encode(body).decode()}


def normal(exchanges: list[Exchange]) -> str:
    """The same text whenever it is recorded: runs numbered as they come, no time of the server's own."""
    text = json.dumps(exchanges, indent=1, ensure_ascii=False)
    for number, run_id in enumerate(dict.fromkeys(_RUN.findall(text)), start=1):
        text = text.replace(run_id, f"{number:032x}")
    return _TIMES.sub(r"\g<1>0", text) + "\n"


class Loopback:
    """An HTTP server of this machine whose every request goes to `reply(method, path, headers, body)`."""

    def __init__(self) -> None:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                status, kind, answer = owner.reply(self.command, self.path, dict(self.headers.items()), body)
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - the names that http.server looks for

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever)

    def reply(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


class Recorder(Loopback):
    """Stands in front of a real server, and writes down what it is asked and answers."""

    def __init__(self, uri: str) -> None:
        super().__init__()
        self._to = urlsplit(uri).netloc
        self.exchanges: list[Exchange] = []

    def reply(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection(self._to, timeout=60)
        sent = {"content-type": kind} if (kind := headers.get("content-type")) else {}
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        data, kind = answer.read(), answer.headers.get("content-type", "")
        connection.close()
        self.exchanges.append({**asked(method, path, body), "answer": answered(path, answer.status, data)})
        return answer.status, kind, data


class Replay(Loopback):
    """Answers as the transcript has it, as long as it is asked as the transcript has it."""

    def __init__(self, exchanges: list[Exchange]) -> None:
        super().__init__()
        self.left = list(exchanges)

    def reply(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        found = asked(method, path, body)
        wanted = {name: self.left[0][name] for name in found} if self.left else None
        if found != wanted:
            text = f"asked {json.dumps(found)[:600]}, and recorded is {json.dumps(wanted)[:600]}"
            return 500, "application/json", json.dumps({"error_code": "TRANSCRIPT", "message": text}).encode()
        answer = self.left.pop(0)["answer"]
        if "json" in answer:
            return answer["status"], "application/json", json.dumps(answer["json"]).encode()
        data = answer["text"].encode() if "text" in answer else b64decode(answer["base64"])
        return answer["status"], "application/octet-stream", data
