"""All specs of a folder as one value, and judgements over it."""

from headrace.project.load import judge, load, plugins_of
from headrace.project.project import Project
from headrace.project.unsupported import unsupported

__all__ = ["Project", "judge", "load", "plugins_of", "unsupported"]
