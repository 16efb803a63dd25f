"""From source rows to a served answer and back: what each version was made of, and what came of it."""

from headrace.registry.lineage.graph import Edge, Graph, Node
from headrace.registry.lineage.picture import svg
from headrace.registry.lineage.read import of_prediction, of_source, of_version
from headrace.registry.lineage.tree import tree

__all__ = ["Edge", "Graph", "Node", "of_prediction", "of_source", "of_version", "svg", "tree"]
