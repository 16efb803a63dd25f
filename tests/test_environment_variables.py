"""Every environment variable that Headrace reads by a name of its own stands where users look."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
BY_PREFECT = {"PREFECT__FLOW_RUN_ID"}
"""Set by Prefect's worker for the process of a run; nobody sets it by hand."""
BY_SUPERVISOR = {"PROMETHEUS_MULTIPROC_DIR"}
"""Set by a server's supervisor for its workers, and by nobody else: what a user sets is dropped."""
OURS = re.compile(r"HEADRACE_\w+|PREFECT_API_URL")


def looked_up(node: ast.AST) -> ast.expr | None:
    """What is looked up in the environment there, if anything is: `os.environ.get(x)`, `os.getenv(x)`, `os.environ[x]`."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="environ"), attr="get" | "pop" | "setdefault"), args=[name, *_]):
            return name
        case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr="getenv"), args=[name, *_]):
            return name
        case ast.Subscript(value=ast.Attribute(attr="environ"), slice=name, ctx=ast.Load()):
            return name
        case ast.Compare(left=name, comparators=[ast.Attribute(attr="environ")]):
            return name
    return None


def read_in(tree: ast.Module) -> Iterator[str]:
    """The names that a module reads, written there or held by a constant of it; a name out of a spec is none of ours."""
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        match looked_up(node):
            case ast.Constant(value=str(name)):
                yield name
            case ast.Name(id=constant) if constant in constants:
                yield str(constants[constant])


def read() -> set[str]:
    files = (ROOT / "framework" / "headrace").rglob("*.py")
    return {name for file in files for name in read_in(ast.parse(file.read_text(encoding="utf-8")))} - BY_PREFECT - BY_SUPERVISOR


def words(*files: Path) -> set[str]:
    return {word for file in files for word in re.findall(r"\b[A-Z][A-Z0-9_]+\b", file.read_text(encoding="utf-8"))}


def test_every_way_to_read_one_is_found() -> None:
    text = """
D = "d"
os.environ.get("a"); os.getenv("b", ""); os.environ["c"]; os.environ.get(D); "e" in os.environ
os.environ["written"] = ""; os.environ.get(name); {}.get("no")
"""
    assert ["a", "b", "c", "d", "e"] == sorted(read_in(ast.parse(text)))


def test_headrace_reads_some() -> None:
    assert {"HEADRACE_WORKSPACE", "PREFECT_API_URL"} <= read()


def test_each_that_is_read_stands_in_the_example() -> None:
    assert [] == sorted(read() - words(ROOT / ".env.example"))


def test_each_of_ours_stands_in_the_docs() -> None:
    docs = words(ROOT / "README.md", *(ROOT / "framework" / "docs").rglob("*.md"))
    assert [] == sorted(name for name in read() - docs if OURS.fullmatch(name))


def test_each_of_ours_in_the_example_is_read() -> None:
    assert [] == sorted(name for name in words(ROOT / ".env.example") - read() if OURS.fullmatch(name))
