"""What mistakes could stand in a module? Lists them, one at a time, as the source with the mistake in it.

The classic operators: comparison, logic, arithmetic, number, condition, returned value, a statement left out;
and two that suit conditional UPDATEs, a keyword argument or an entry of a dictionary left out. Texts stay as
they are, save for the empty one: whether a sentence reads well is judged elsewhere.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS = {
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.LShift: ast.RShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
DELETABLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.Raise, ast.Delete)
# Of a model's columns and constraints `make migrations` sees every change.
COLUMNS = ("models.", "class Meta")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake: where it is, how it reads, and the whole source with it."""

    line: int
    last_line: int
    # Whether it takes effect when a function is called; otherwise when the module is imported.
    in_function: bool
    before: str
    after: str
    source: str


def mutants_of(source: str) -> Iterator[Mutant]:
    """Return every mutant of a module."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    raw = source.encode()
    for node, in_function in _nodes(ast.parse(source)):
        first = starts[node.lineno - 1] + node.col_offset
        last = starts[node.end_lineno - 1] + node.end_col_offset
        before = raw[first:last].decode()
        for after in dict.fromkeys(_changes(node)):
            if after != ast.unparse(node):
                mutated = (raw[:first] + after.encode() + raw[last:]).decode()
                yield Mutant(node.lineno, node.end_lineno, in_function, before, after, mutated)


def _nodes(root: ast.AST, *, in_function: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Walk through what runs, without docstrings, annotations, decorators and columns."""
    for child in _children(root):
        inside = in_function or isinstance(root, ast.FunctionDef)
        if hasattr(child, "lineno"):
            yield child, inside
        yield from _nodes(child, in_function=inside)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.ClassDef):
        yield from (child for child in node.body if not _is_left_alone(child, in_class=True))
    elif isinstance(node, ast.FunctionDef):
        yield from (child for child in node.body if not _is_left_alone(child))
    elif isinstance(node, ast.AnnAssign):
        yield from [node.value] if node.value else []
    elif not isinstance(node, ast.JoinedStr):
        yield from (child for child in ast.iter_child_nodes(node) if not _is_left_alone(child))


def _is_left_alone(node: ast.AST, *, in_class: bool = False) -> bool:
    """Whether nothing in a node is worth a mistake: what is said in words, and what only types read."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.alias | ast.arguments):
        return True
    text = ast.unparse(node)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if in_class and (text.startswith("class Meta") or " = models." in text.split("\n")[0]):
        return True
    return text.startswith(("if TYPE_CHECKING", "if typing", "__all__"))


def _changes(node: ast.AST) -> Iterator[str]:
    """Return what could stand in a node's place by mistake."""
    change = CHANGES.get(type(node))
    if change is not None:
        yield from change(node)
    if isinstance(node, DELETABLE):
        yield "pass"


def _compare(node: ast.Compare) -> Iterator[str]:
    for index, operator in enumerate(node.ops):
        for other in COMPARISONS[type(operator)]:
            ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
            yield f"({ast.unparse(ast.Compare(node.left, ops, node.comparators))})"


def _bool_op(node: ast.BoolOp) -> Iterator[str]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield f"({ast.unparse(ast.BoolOp(other, node.values))})"


def _not(node: ast.UnaryOp) -> Iterator[str]:
    if isinstance(node.op, ast.Not | ast.Invert | ast.USub):
        yield f"({ast.unparse(node.operand)})"


def _arithmetic(node: ast.BinOp) -> Iterator[str]:
    if type(node.op) in ARITHMETIC:
        yield f"({ast.unparse(ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right))})"


def _constant(node: ast.Constant) -> Iterator[str]:
    if isinstance(node.value, bool):
        yield str(not node.value)
    elif isinstance(node.value, int):
        yield str(node.value + 1)
    elif node.value == "":
        yield "'XX'"


def _condition(node: ast.If | ast.While) -> Iterator[str]:
    flipped = type(node)(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    yield _indented(ast.unparse(flipped), node.col_offset)


def _choice(node: ast.IfExp) -> Iterator[str]:
    yield f"({ast.unparse(ast.IfExp(node.test, node.orelse, node.body))})"


def _returned(node: ast.Return) -> Iterator[str]:
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield "return None"


def _call(node: ast.Call) -> Iterator[str]:
    for index in range(len(node.keywords)):
        keywords = node.keywords[:index] + node.keywords[index + 1 :]
        yield ast.unparse(ast.Call(node.func, node.args, keywords))


def _dict(node: ast.Dict) -> Iterator[str]:
    for index in range(len(node.keys)):
        keys = node.keys[:index] + node.keys[index + 1 :]
        yield ast.unparse(ast.Dict(keys, node.values[:index] + node.values[index + 1 :]))


def _indented(text: str, spaces: int) -> str:
    """Return lines that follow the first with the indentation of their place."""
    return text.replace("\n", "\n" + " " * spaces)


CHANGES = {
    ast.Compare: _compare,
    ast.BoolOp: _bool_op,
    ast.UnaryOp: _not,
    ast.BinOp: _arithmetic,
    ast.Constant: _constant,
    ast.If: _condition,
    ast.While: _condition,
    ast.IfExp: _choice,
    ast.Return: _returned,
    ast.Call: _call,
    ast.Dict: _dict,
}
