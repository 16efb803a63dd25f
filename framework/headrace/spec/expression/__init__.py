"""The one grammar of conditions: typed quantities compared, `and`, `or`, `not`; never Python's eval."""

from headrace.spec.expression.parser import ExpressionError, parse
from headrace.spec.expression.tree import And, Compare, Condition, Expression, Not, Or, Quantity, Truth

__all__ = ["And", "Compare", "Condition", "Expression", "ExpressionError", "Not", "Or", "Quantity", "Truth", "parse"]
