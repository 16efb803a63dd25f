"""MLflow's REST API: calls that answer or say what is wrong, pages followed to the end, artifacts through the server's proxy."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote, urlsplit

import httpx

from headrace_mlflow import MlflowError, Params

_ROOT = "/api/2.0/mlflow/"
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"
_TOLD = 300
"""Characters of a server's own words."""
_HERE = ("127.0.0.1", "localhost", "::1")

Json = dict[str, Any]


class RefusedError(MlflowError):
    """MLflow answered with an error of its own: `code` is its word, such as RESOURCE_DOES_NOT_EXIST."""

    def __init__(self, code: str, says: str) -> None:
        self.code = code
        super().__init__(says)


class Api:
    """One server; use it as a context manager. Every method raises MlflowError."""

    def __init__(self, params: Params) -> None:
        found = urlsplit(params.uri)
        if found.scheme not in ("http", "https") or not found.hostname or found.username is not None or found.query:
            raise MlflowError("`uri` is no address of a server: write it as `https://HOST`, without credentials")
        here = found.hostname in _HERE
        if found.scheme == "http" and not here and (params.token is not None or params.password is not None):
            raise MlflowError("`uri` is http://, and a token or a password is not sent in the clear: use https://")
        self._params = params
        self._base = params.uri.rstrip("/")
        self._where = f"{found.scheme}://{found.hostname}" + (f":{found.port}" if found.port else "") + found.path.rstrip("/")
        headers = {} if params.token is None else {"authorization": f"Bearer {params.token.get_secret_value()}"}
        auth = None
        if params.token is None and params.username is not None and params.password is not None:
            auth = httpx.BasicAuth(params.username, params.password.get_secret_value())
        self._client = httpx.Client(
            timeout=params.timeout_seconds,
            follow_redirects=False,
            headers=headers,
            auth=auth,
            verify=_trusted(params.ca_file),
            trust_env=not here,  # a proxy is for other machines
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def get(self, path: str, query: Mapping[str, Any]) -> Json:
        """Ask."""
        return self._json("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any], method: Literal["POST", "DELETE"] = "POST") -> Json:
        """Write, or search."""
        return self._json(method, path, content=json.dumps(body, allow_nan=False), headers={"content-type": "application/json"})

    def pages(self, method: Literal["GET", "POST"], path: str, asked: Mapping[str, Any], items: str) -> Iterator[Json]:
        """All items of all pages."""
        more: Json = dict(asked)
        while True:
            found = self.get(path, more) if method == "GET" else self.post(path, more)
            yield from found.get(items, ())
            if not found.get("next_page_token"):
                return
            more = {**asked, "page_token": found["next_page_token"]}

    def upload(self, root: str, path: str, data: bytes) -> None:
        """Write an artifact below a run's or an experiment's root, `mlflow-artifacts:/2/…`."""
        self._call("PUT", self._artifact(root, path), content=data, headers={"content-type": "application/octet-stream"})

    def download(self, root: str, path: str) -> bytes:
        """The bytes of an artifact."""
        return self._call("GET", self._artifact(root, path)).content

    def _artifact(self, root: str, path: str) -> str:
        found = urlsplit(root)
        if found.scheme != "mlflow-artifacts":
            what = f"its artifacts are at {found.scheme or 'a folder'}:, out of reach of others"
            raise MlflowError(f"MLflow at {self._where} hands out no artifacts: {what}; start it with `--serve-artifacts`")
        return _ARTIFACTS + quote(f"{found.path.strip('/')}/{path}", safe="/")

    def _json(self, method: str, path: str, **given: Any) -> Json:  # noqa: ANN401 - httpx's own
        answer = self._call(method, _ROOT + path, **given)
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._stranger(answer)
        return found

    def _call(self, method: str, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        try:
            answer = self._client.request(method, self._base + path, **given)
        except httpx.TimeoutException:
            raise MlflowError(f"MLflow at {self._where} gave no answer within {self._params.timeout_seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise MlflowError(f"no MLflow server answers at {self._where}: {_why(error)}") from None
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            who = "`token`, or `username` and `password`," if answer.status_code == httpx.codes.UNAUTHORIZED else "whom they belong to"
            verb = "are missing or wrong" if answer.status_code == httpx.codes.UNAUTHORIZED else "may not do this"
            raise MlflowError(f"MLflow at {self._where} answered {answer.status_code}: {who} {verb}")
        if answer.is_success:
            return answer
        try:
            told = answer.json()
            code, message = str(told["error_code"]), str(told["message"])
        except (ValueError, KeyError, TypeError):
            raise self._stranger(answer) from None
        line = message.split("\n", maxsplit=1)[0][:_TOLD]
        raise RefusedError(code, f"MLflow at {self._where} answered {answer.status_code} {code}: {line}")

    def _stranger(self, answer: httpx.Response) -> MlflowError:
        path = answer.request.url.path
        return MlflowError(
            f"{self._where} answered {answer.status_code} at {path}, and not as MLflow does: is `uri` the server's own address?"
        )


def _trusted(ca_file: str | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise MlflowError(f"`ca_file` {ca_file} cannot be read: {type(error).__name__}") from None


def _why(error: Exception) -> str:
    """What went wrong in words that hold no address and no header."""
    told = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in told:
        return "its certificate is not trusted; `ca_file` names the ones to trust"
    return "connection refused" if "refused" in told else type(error).__name__
