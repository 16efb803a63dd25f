"""The image of a server, without an engine: its Dockerfile is carried out line by line below a folder that stands for the root."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from site import getsitepackages

import pytest
from serving_process import CONFIG, ROW, Served, free_port, project, until

from headrace.builtin.exporters import docker, elsewhere
from headrace.cli.served import server
from headrace.compiled import read_serving, read_workspace

pytestmark = pytest.mark.slow

OWN = ("/opt/headrace", "/build", "/srv/headrace")
"""What the image has of its own: here it stands below a folder."""
STAMP = """
class Stamp:
    def __init__(self, app, *, header):
        self.app, self.header = app, (header.lower().encode(), b"image")

    async def __call__(self, scope, receive, send):
        async def stamped(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], self.header]
            await send(message)

        await self.app(scope, receive, stamped if scope["type"] == "http" else send)
"""


class Image:
    """A folder as the root of an image, and what its Dockerfile says of how it runs."""

    def __init__(self, context: Path, root: Path) -> None:
        self.context, self.root = context, root
        self.home = root
        root.mkdir()
        self.environment: dict[str, str] = {}
        self.words: dict[str, list[str]] = {}
        lines = re.sub(r"\\\n", " ", (context / "Dockerfile").read_text(encoding="utf-8")).splitlines()
        for line in lines:
            if line and not line.startswith("#"):
                self._do(*line.split(" ", 1))

    def here(self, text: str) -> str:
        for path in OWN:
            text = re.sub(rf"(?<![\w.]){re.escape(path)}(?=$|[/\"' ])", f"{self.root}{path}", text)
        return text

    def _do(self, word: str, rest: str) -> None:
        match word:
            case "RUN" if rest.startswith("["):
                self._run([self.here(one) for one in json.loads(rest)])
            case "RUN":
                subprocess.run(["sh", "-n", "-c", rest], check=True)  # of the distribution: another machine's packages
            case "COPY":
                self._copy(*rest.split())
            case "ENV":
                self.environment |= dict(one.split("=", 1) for one in shlex.split(rest))
            case "WORKDIR":
                self.home = Path(self.here(rest))
                self.home.mkdir(parents=True)
            case "HEALTHCHECK":
                self.words[word] = [self.here(one) for one in json.loads(rest.partition(" CMD ")[2])]
            case "ENTRYPOINT" | "CMD":
                self.words[word] = [self.here(one) for one in json.loads(rest)]
            case "FROM" | "USER" | "EXPOSE" | "STOPSIGNAL":
                self.words[word] = rest.split()
            case _:
                raise AssertionError(f"{word} is nothing that the image was seen to need")

    def _copy(self, source: str, target: str, kept: str = "") -> None:
        if source == "--from=build":
            assert Path(self.here(target)).is_dir()
            assert target == kept
            return
        place, copied = self.home if target == "." else Path(self.here(target)), self.context / source
        assert copied.exists(), source
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(copied, place, dirs_exist_ok=True) if copied.is_dir() else shutil.copy(copied, place)

    def _run(self, command: list[str]) -> None:
        if "pip" not in Path(command[0]).name:
            own = str(os.getuid())  # whoever runs this gives away no folder
            words = [sys.executable if one == "python" else one.replace(str(elsewhere.USER), own) for one in command]
            subprocess.run(words, check=True, cwd=self.home)
            return
        # Nothing is fetched: each package that the lock names is installed here, at the very version, and is found from there.
        assert ["install", "--no-deps"] == command[1:3]
        assert Path(command[0]).is_file()
        pins = [line.split("==") for line in Path(command[-1]).read_text(encoding="utf-8").splitlines()]
        assert "headrace" in {name for name, _ in pins}
        assert pins == [[name, version(name)] for name, _ in pins]
        (packages,) = (self.root / "opt" / "headrace" / "lib").glob("python*/site-packages")
        (packages / "here.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in getsitepackages()))

    @property
    def command(self) -> list[str]:
        return self.words["ENTRYPOINT"] + self.words["CMD"]


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Image]:
    port = free_port()
    around = [{"python": "mine_of_image:Stamp", "params": {"header": "X-From"}, "digest": "sha256:0"}]
    made = project(tmp_path / "project", {"port": port, "middleware": around})
    (made.root / "mine_of_image.py").write_text(STAMP, encoding="utf-8")
    made.alias("champion", made.register_flaky(0.25))
    given = server(made.root, read_workspace(made.root), read_serving(made.root, CONFIG["model"]))
    elsewhere.write(tmp_path / "context", docker.built(given, "", anonymous=True))
    built = Image(tmp_path / "context", tmp_path / "root")
    state = built.home / ".headrace"
    state.rmdir()
    state.symlink_to(made.root / ".headrace")  # as a container is given the project's own, where the store is a file
    yield built
    made.store.close()


def test_a_dockerfile_makes_what_answers_and_ends_when_it_is_told(image: Image, tmp_path: Path) -> None:
    (port,) = map(int, image.words["EXPOSE"])
    log = tmp_path / "log"
    environment = {**os.environ, **image.environment}
    with log.open("wb") as out:
        process = subprocess.Popen(image.command, cwd=image.home, stdout=out, stderr=out, env=environment)
    try:
        asked = Served(process, port, log)
        until(
            lambda: (
                process.poll() is not None
                or subprocess.run(image.words["HEALTHCHECK"], check=False, stderr=subprocess.DEVNULL).returncode == 0
            ),
            60,
        )
        assert process.poll() is None, log.read_text()
        assert (200, 0.25) == ((told := asked.request("POST", "/predict", ROW))[0], told[1]["prediction"])
    finally:
        process.send_signal(signal.Signals[image.words["STOPSIGNAL"][0]])
    assert 0 == process.wait(60)
    # The plugin and the middleware came with it: the project's own folder is not where it runs.
    assert {"flows", "plugins", "mine_of_image.py", ".headrace"} == {path.name for path in image.home.iterdir()} - {"__pycache__"}
