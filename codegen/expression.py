"""Expressions of a declaration: Python syntax over int64, translated in one walk to C and to Python.

The walk carries the range of every term, so that C gets plain operators where nothing can overflow or divide by
zero, and the helpers of arith.h where something could; Python likewise, whose integers would betray a range that is wrong.
A `real` term exists in [model] only."""

import ast
from dataclasses import dataclass

from . import arith
from .arith import INT64_MAX, INT64_MIN
from .errors import one_of

# How tightly a C operator binds: what needs parentheses inside what.
CHOICE, OR, AND, COMPARE, SUM, PRODUCT, UNARY, PRIMARY = range(8)

GRAMMAR = (
    "numbers, names, + - * // %, comparisons, and/or/not, `x if c else y`, min max abs ceil_div round_up (and / in [model])"
)


class ExpressionError(Exception):
    pass


@dataclass(frozen=True)
class Name:
    """Something an expression can name, and how C and Python get at it."""

    name: str  # also the local variable it is read into
    group: str  # "parameter", "let", "problem", "device", "dtype"
    fetch: str  # C expression; "" for a let, which is computed from its own expression
    python: str  # the same in Python
    low: int = INT64_MIN
    high: int = INT64_MAX
    real: bool = False  # a value of [model]


@dataclass(frozen=True)
class Term:
    c: str
    python: str
    level: int = PRIMARY
    low: int = INT64_MIN
    high: int = INT64_MAX
    real: bool = False
    wide: bool = True  # C computes with it in 64 bits (an `int` otherwise)
    names: tuple = ()  # of Name, in order of first use
    denied: str = ""  # C text of x where the term is `not x`

    @property
    def literal(self):
        return self.low if self.low == self.high and not self.names and not self.real else None

    def inside(self, level):
        """The C text as an operand of an operator that binds this tightly."""
        return self.c if self.level >= level else f"({self.c})"

    @property
    def truth(self):
        """The Python text as 0 or 1."""
        is_truth = 0 <= self.low and self.high <= 1 and not self.real
        return self.python if is_truth else f"({self.python} != 0)"

    def as_real(self):
        if self.real:
            return self
        if self.literal is not None:
            return Term(f"{self.literal}.0", f"{self.literal}.0", real=True)
        return Term(f"(double){self.inside(UNARY)}", f"float({self.python})", UNARY, real=True, names=self.names)


def parse(text, scope, real=False):
    """Translates text; scope maps every name that may be used ("device.x" too) to its Name. real: `/` is allowed and
    the result is a real number. Raises ExpressionError with a message that says what would be valid."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise ExpressionError(f"`{text}` is not an expression ({getattr(error, 'msg', error)})") from None
    try:
        term = Walk(scope, real).term(tree.body)
    except ExpressionError as error:
        raise ExpressionError(f"`{text}`: {error}") from None
    return term.as_real() if real else term


def number(value):
    text = "INT64_MIN" if value == INT64_MIN else str(value)
    wide = not -(2**31) <= value < 2**31
    return Term(text, repr(value), UNARY if value < 0 else PRIMARY, value, value, wide=wide)


def merge(*terms):
    return tuple(dict.fromkeys(name for term in terms for name in term.names))


class Walk:
    def __init__(self, scope, real):
        self.scope, self.real = scope, real

    def term(self, node):
        method = getattr(self, "on_" + type(node).__name__, None)
        if method is None:
            raise ExpressionError(f"`{ast.unparse(node)}` is not allowed; valid are {GRAMMAR}")
        return method(node)

    def on_Constant(self, node):
        value = node.value
        if isinstance(value, float) and self.real:
            return Term(repr(value), repr(value), real=True)
        if isinstance(value, float):
            raise ExpressionError(f"the fraction {value!r} is allowed in [model] only")
        if not isinstance(value, int) or isinstance(value, bool):
            raise ExpressionError(f"{value!r} is not a number")
        if value > INT64_MAX:
            raise ExpressionError(f"{value} does not fit in 64 bits")
        return number(value)

    def on_Name(self, node):
        return self.name(node.id)

    def on_Attribute(self, node):
        return self.name(ast.unparse(node))

    def name(self, text):
        found = self.scope.get(text)
        if found is None:
            groups = {}
            for key, name in self.scope.items():
                if self.scope.get(name.name) is name and key != name.name:
                    continue  # device.NAME, where NAME alone means the same
                groups.setdefault(name.group, []).append(key)
            known = "; ".join(f"{group}: {' '.join(keys)}" for group, keys in groups.items())
            raise ExpressionError(f"unknown name `{text}`; known here are {known}")
        return Term(found.name, found.name, low=found.low, high=found.high, real=found.real, names=(found,))

    def on_UnaryOp(self, node):
        x = self.term(node.operand)
        if isinstance(node.op, ast.Not):
            return Term(f"!{x.inside(UNARY)}", f"(not {x.python})", UNARY, 0, 1, False, False, x.names, x.c)
        if isinstance(node.op, ast.UAdd):
            return x
        if not isinstance(node.op, ast.USub):
            raise ExpressionError(f"`~` is not allowed; valid are {GRAMMAR}")
        if x.real:
            return Term(f"-{x.inside(PRIMARY)}", f"(-{x.python})", UNARY, real=True, names=x.names)
        return self.arithmetic(ast.Sub, number(0), x)

    def on_BinOp(self, node):
        kind, x, y = type(node.op), self.term(node.left), self.term(node.right)
        if kind is ast.Div:
            if not self.real:
                raise ExpressionError("`/` is allowed in [model] only; use // (rounds down) or ceil_div(x, y)")
            return self.real_division(x.as_real(), y.as_real())
        if kind in (ast.Add, ast.Sub, ast.Mult):
            return self.arithmetic(kind, x, y)
        if kind in (ast.FloorDiv, ast.Mod):
            if x.real or y.real:
                raise ExpressionError("// and % need integers")
            return self.division(kind, x, y)
        raise ExpressionError(f"`{ast.unparse(node)}` is not allowed; valid are {GRAMMAR}")

    def arithmetic(self, kind, x, y):
        symbol, helper, level = {
            ast.Add: ("+", "sat_add", SUM),
            ast.Sub: ("-", "sat_sub", SUM),
            ast.Mult: ("*", "sat_mul", PRODUCT),
        }[kind]
        names = merge(x, y)
        if x.real or y.real:
            x, y = x.as_real(), y.as_real()
            text = f"{x.inside(level)} {symbol} {y.inside(level + 1)}"
            return Term(text, f"({x.python} {symbol} {y.python})", level, real=True, names=names)
        exact = {ast.Add: int.__add__, ast.Sub: int.__sub__, ast.Mult: int.__mul__}[kind]
        corners = [exact(a, b) for a in (x.low, x.high) for b in (y.low, y.high)]
        if kind is ast.Add:
            corners = [x.low + y.low, x.high + y.high]
        elif kind is ast.Sub:
            corners = [x.low - y.high, x.high - y.low]
        low, high = min(corners), max(corners)
        if x.literal is not None and y.literal is not None:
            return number(arith.saturate(low))
        wide = x.wide or y.wide
        limit = 2**63 if wide else 2**31
        if -limit <= low and high < limit:
            python = f"({x.python} {symbol} {y.python})"
            text = f"{x.inside(level)} {symbol} {y.inside(level + 1)}"
            if x.literal == 0 and kind is ast.Sub:
                return Term(f"-{y.inside(PRIMARY)}", python, UNARY, low, high, wide=wide, names=names)
            return Term(text, python, level, low, high, wide=wide, names=names)
        low, high = arith.saturate(low), arith.saturate(high)
        return Term(f"{helper}({x.c}, {y.c})", f"{helper}({x.python}, {y.python})", PRIMARY, low, high, names=names)

    def division(self, kind, x, y):
        symbol, helper = ("/", "floor_div") if kind is ast.FloorDiv else ("%", "floor_mod")
        names, low, high = merge(x, y), INT64_MIN, INT64_MAX
        if y.low > 0:
            low, high = (0, y.high - 1) if kind is ast.Mod else self.quotient_range(x, y)
        if x.low >= 0 and y.low > 0:
            text = f"{x.inside(PRODUCT)} {symbol} {y.inside(UNARY)}"
            python = f"({x.python} {'//' if kind is ast.FloorDiv else '%'} {y.python})"
            return Term(text, python, PRODUCT, low, high, wide=x.wide or y.wide, names=names)
        return Term(f"{helper}({x.c}, {y.c})", f"{helper}({x.python}, {y.python})", PRIMARY, low, high, names=names)

    @staticmethod
    def quotient_range(x, y):
        corners = [a // b for a in (x.low, x.high) for b in (y.low, y.high)]
        return min(corners), max(corners)

    def real_division(self, x, y):
        names, python = merge(x, y), f"div_real({x.python}, {y.python})"
        if not y.names and y.level == PRIMARY and float(y.c) != 0:
            return Term(f"{x.inside(PRODUCT)} / {y.c}", python, PRODUCT, real=True, names=names)
        return Term(f"div_real({x.c}, {y.c})", python, real=True, names=names)

    def on_Compare(self, node):
        symbols = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
        terms = [self.term(part) for part in (node.left, *node.comparators)]
        c, python = [], []
        for op, x, y in zip(node.ops, terms, terms[1:]):
            symbol = symbols.get(type(op))
            if symbol is None:
                raise ExpressionError(f"`{ast.unparse(node)}` is not allowed; comparisons are {one_of(symbols.values())}")
            if x.real or y.real:
                x, y = x.as_real(), y.as_real()
            c.append(f"{x.inside(SUM)} {symbol} {y.inside(SUM)}")
            python.append(f"({x.python} {symbol} {y.python})")
        level = COMPARE if len(c) == 1 else AND
        return Term(" && ".join(c), f"({' and '.join(python)})", level, 0, 1, wide=False, names=merge(*terms))

    def on_BoolOp(self, node):
        is_and = isinstance(node.op, ast.And)
        terms = [self.term(part) for part in node.values]
        # `a && b || c` is right but draws a warning: && inside || gets its parentheses
        c = (" && " if is_and else " || ").join(x.inside(AND if is_and else COMPARE) for x in terms)
        python = (" and " if is_and else " or ").join(x.truth for x in terms)
        return Term(c, f"({python})", AND if is_and else OR, 0, 1, wide=False, names=merge(*terms))

    def on_IfExp(self, node):
        c, x, y = self.term(node.test), self.term(node.body), self.term(node.orelse)
        if x.real or y.real:
            x, y = x.as_real(), y.as_real()
        text = f"{c.inside(OR)} ? {x.inside(OR)} : {y.inside(OR)}"
        python = f"({x.python} if {c.python} else {y.python})"
        return Term(
            text, python, CHOICE, min(x.low, y.low), max(x.high, y.high), x.real, x.wide or y.wide, merge(c, x, y)
        )

    def on_Call(self, node):
        name = ast.unparse(node.func)
        counts = {"min": (2, 99), "max": (2, 99), "abs": (1, 1), "ceil_div": (2, 2), "round_up": (2, 2)}
        if name not in counts or node.keywords:
            raise ExpressionError(f"`{ast.unparse(node)}` is not allowed; functions are {one_of(counts)}")
        low, high = counts[name]
        if not low <= len(node.args) <= high:
            raise ExpressionError(f"{name}() takes {low}{' or more' if high > low else ''} arguments, not {len(node.args)}")
        terms = [self.term(arg) for arg in node.args]
        if name in ("min", "max"):
            result = terms[-1]
            for x in reversed(terms[:-1]):
                result = self.extreme(name, x, result)
            return result
        if name == "abs":
            return self.absolute(terms[0])
        x, y = terms
        if x.real or y.real:
            raise ExpressionError(f"{name}() needs integers")
        low, high = INT64_MIN, INT64_MAX
        if y.low > 0 and x.low >= 0:
            low, high = 0, min(INT64_MAX, x.high + y.high - 1)
            if name == "ceil_div":
                low, high = -(-x.low // y.high), -(-x.high // y.low)
        return Term(f"{name}({x.c}, {y.c})", f"{name}({x.python}, {y.python})", PRIMARY, low, high, names=merge(x, y))

    def extreme(self, name, x, y):
        if x.real or y.real:
            x, y = x.as_real(), y.as_real()
        helper = f"{name}_{'real' if x.real else 'int'}"
        pick = min if name == "min" else max
        low, high = pick(x.low, y.low), pick(x.high, y.high)
        text, python = f"{helper}({x.c}, {y.c})", f"{helper}({x.python}, {y.python})"
        return Term(text, python, PRIMARY, low, high, x.real, names=merge(x, y))

    def absolute(self, x):
        helper = "abs_real" if x.real else "abs_int"
        low = 0 if x.low <= 0 <= x.high else min(abs(x.low), abs(x.high))
        high = arith.saturate(max(abs(x.low), abs(x.high)))
        return Term(f"{helper}({x.c})", f"{helper}({x.python})", PRIMARY, low, high, x.real, names=x.names)
