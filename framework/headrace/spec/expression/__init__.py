"""The one grammar of conditions and of arithmetic: typed quantities compared, `and`, `or`, `not`, `+ - * /`; never Python's eval."""

from headrace.spec.expression.arithmetic import Arithmetic, Named, names, parse_arithmetic
from headrace.spec.expression.habits import arithmetic, mend
from headrace.spec.expression.parser import ExpressionError, parse
from headrace.spec.expression.tree import And, Compare, Condition, Expression, Not, Or, Quantity, Same, Truth, positive

__all__ = [
    "And",
    "Arithmetic",
    "Compare",
    "Condition",
    "Expression",
    "ExpressionError",
    "Named",
    "Not",
    "Or",
    "Quantity",
    "Same",
    "Truth",
    "arithmetic",
    "mend",
    "names",
    "parse",
    "parse_arithmetic",
    "positive",
]
