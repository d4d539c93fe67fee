"""Interrupt code uses only what never allocates: the heap is locked there, and one MemoryError ends a callback
for good. What is forbidden here did allocate, or cannot be shown not to, in MicroPython's stm32 port.
"""

import ast

import pytest
from tcxo_firmware import DEVICE_DIR, DEVICE_FILES

MOST_CLOSED_OVER = 4  # a fifth makes every call of the closure allocate
LARGEST_SMALL_INT = 0x3FFFFFFF
VIPER_CALLS = {"int", "ptr8", "ptr16", "ptr32"}
STATEMENTS = (ast.Assign, ast.If, ast.Expr)
EXPRESSIONS = (ast.Name, ast.Constant, ast.Subscript, ast.BinOp, ast.BoolOp, ast.Compare, ast.Call)
OPERATORS = (
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.BitAnd,
    ast.BitOr,
    ast.BitXor,
    ast.LShift,
    ast.RShift,
    ast.And,
    ast.Or,
)
COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.Gt, ast.LtE, ast.GtE)
CONTEXTS = (ast.Load, ast.Store)


def callbacks(tree):
    """``(maker, callback)``: the functions that run in an interrupt, and those that make them."""
    for maker in tree.body:
        if isinstance(maker, ast.FunctionDef):
            inner = [node for node in maker.body if isinstance(node, ast.FunctionDef)]
            assert len(inner) == 1, f"{maker.name} makes one callback"
            yield maker, inner[0]


def offences(maker, callback, allowed_calls):
    """What ``callback`` must not do, a line each."""
    for statement in callback.body:
        line = f"line {statement.lineno}"
        for node in ast.walk(statement):
            allowed = STATEMENTS + EXPRESSIONS + OPERATORS + COMPARISONS + CONTEXTS
            if not isinstance(node, allowed):
                yield f"{line}: {type(node).__name__}"
            elif isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name | ast.Subscript):
                yield f"{line}: more than one target"
            elif isinstance(node, ast.Constant) and not isinstance(node.value, int):
                yield f"{line}: a constant that is no integer"
            elif isinstance(node, ast.Constant) and node.value > LARGEST_SMALL_INT:
                yield f"{line}: {node.value:#x} is no small integer"
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") not in allowed_calls:
                yield f"{line}: call of {ast.unparse(node.func)}"
    if callback.returns is not None:
        yield f"line {callback.lineno}: a return type"
    given = {argument.arg for argument in callback.args.args}
    stored = {n.id for n in ast.walk(callback) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    loaded = {n.id for n in ast.walk(callback) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    loaded -= {"micropython"}  # the decorator, outside of the callback's run
    outside = loaded - stored - given - allowed_calls
    closed_over = outside & {argument.arg for argument in maker.args.args}
    if outside - closed_over:
        yield f"line {callback.lineno}: globals {sorted(outside - closed_over)}"
    if len(closed_over) > MOST_CLOSED_OVER:
        yield f"line {callback.lineno}: {len(closed_over)} closed-over names"


def offences_in(source, is_viper):
    tree = ast.parse(source)
    for node in tree.body:
        is_import = isinstance(node, ast.Import) and [alias.name for alias in node.names] == ["micropython"]
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (is_import or is_docstring or isinstance(node, ast.FunctionDef)):
            yield f"line {node.lineno}: {type(node).__name__} in the module"
    for maker, callback in callbacks(tree):
        decorators = [ast.unparse(decorator) for decorator in callback.decorator_list]
        if decorators != (["micropython.viper"] if is_viper else []):
            yield f"line {callback.lineno}: decorators {decorators}"
        yield from offences(maker, callback, VIPER_CALLS if is_viper else set())


@pytest.mark.parametrize(("name", "is_viper"), [("tcxo/isr.py", True), ("tcxo/isr_plain.py", False)])
def test_interrupt_code_keeps_to_the_rules(name, is_viper):
    source = (DEVICE_DIR / name).read_text()
    assert len(list(callbacks(ast.parse(source)))) == 2
    assert list(offences_in(source, is_viper)) == []


@pytest.mark.parametrize(
    ("body", "offence"),
    [
        ("a[0] = timer.counter()", "Attribute"),
        ("a[0] = len(b)", "call of len"),
        ("a[0] = 0x40000000", "no small integer"),
        ("a[0] = b[0] / 2", "Div"),
        ("a[0] = 1.5", "a constant that is no integer"),
        ("a[0], a[1] = b[0], b[1]", "Tuple"),
        ("a[0] += 1", "AugAssign"),
        ("return a[0]", "Return"),
        ("x = [1]", "List"),
        ("a[0] = f'{b[0]}'", "JoinedStr"),
        ("a[0] = OTHER", "globals ['OTHER']"),
        ("a[0] = b[0] + c[0] + d[0] + e[0]", "5 closed-over names"),
        ("for i in b:\n            a[0] = i", "For"),
        ("while b[0]:\n            a[0] = 0", "While"),
    ],
)
def test_the_rules_see_what_would_allocate(body, offence):
    source = f"def make(a, b, c, d, e):\n    def callback(timer):\n        {body}\n    return callback\n"
    found = list(offences_in(source, is_viper=False))
    assert any(offence in line for line in found), found


def names_in(path):
    """Every name, attribute and keyword that a file uses."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg


def test_nothing_else_runs_in_interrupts_or_switches_them_off():
    """The Pi's I2C controller cannot wait: no hard I2C handler, no section with interrupts off."""
    for name in DEVICE_FILES:
        used = set(names_in(DEVICE_DIR / name))
        assert not used & {"irq", "disable_irq", "enable_irq", "hard", "schedule", "ExtInt", "heap_lock"}, (
            name
        )
        if "callback" in used:
            # health's is a soft timer, in the main loop's place.
            assert name in ("tcxo/capture.py", "tcxo/health.py"), name
