"""Who may know whom: each layer imports only those below it, and each foreign library has one place."""

import ast
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
LAYERS = (
    ("__main__",),
    ("commands",),
    ("app",),
    ("rest", "subscriptions"),  # the two edges do not know each other
    ("demo",),
    ("loading", "publishing"),
    ("exchange",),
    ("audit",),
    ("access", "interactions"),  # these two do not know each other; exchange introduces them
    ("care",),
    ("store",),
    ("search",),
    ("fhir",),
    ("errors", "clock", "deadlines", "catalogue", "logs", "settings", "secret_files", "published", "__init__"),
)
"""From the top down."""

ONLY_IN = {
    "fastapi": {"rest", "app"},
    "starlette": {"rest"},
    "uvicorn": {"rest"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "asyncpg": {"store"},
    "jose": {"access.jws"},
    "fhir": {"fhir"},
    "httpx": {"access.fetched_keys", "subscriptions.rest_hook"},
    "click": {"commands"},
    "dotenv": {"settings"},
    "pydantic_settings": {"settings", "commands.options"},
}
"""Foreign package → the parts of ours that may import it."""

MODULES = {
    ".".join(path.relative_to(SOURCE / "sharedplan").with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((SOURCE / "sharedplan").rglob("*.py"))
}
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}


def part_of(module: str) -> str:
    return module.partition(".")[0]


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


@cache
def imported(module: str) -> tuple[str, ...]:
    """Full names of what the module imports: "sharedplan.errors", "jose.jwt"."""
    found: list[str] = []
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            found += (f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(found)


def ours(module: str) -> set[str]:
    """The modules of ours that it imports."""
    found = set()
    for name in imported(module):
        inside = name.removeprefix("sharedplan.") if name.startswith("sharedplan.") else None
        if inside is not None:
            found.add(inside if inside in MODULES else inside.rpartition(".")[0] or "__init__")
    return found - {module}


def test_every_part_has_its_layer() -> None:
    assert {part_of(module) for module in MODULES} <= set(RANK)


def test_a_module_imports_its_own_package_and_what_lies_below() -> None:
    for module in MODULES:
        part = part_of(module)
        upward = {o for o in ours(module) if part_of(o) != part and RANK[part_of(o)] <= RANK[part]}
        assert not upward, f"{module} imports {upward}"


def test_a_foreign_library_is_known_in_one_place() -> None:
    for module in MODULES:
        for name in imported(module):
            places = ONLY_IN.get(part_of(name), {module})
            assert module in places or part_of(module) in places, f"{module} imports {name}"


def test_no_two_modules_need_each_other() -> None:
    state: dict[str, str] = {}

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert state.get(module) != "open", f"a circle: {' → '.join((*way, module))}"
        if module not in state:
            state[module] = "open"
            for other in sorted(ours(module) & MODULES.keys()):
                visit(other, (*way, module))
            state[module] = "done"

    for module in MODULES:
        visit(module, ())


IMPORTS_LATE = {
    "commands.serve",  # lets the other process begin to import before it does so itself
    "commands.serving",  # the demo world is seldom wanted
    "commands.preloaded",  # with the collector off
    "commands.supervisor",  # the worker is there already, in the process that was forked
    "rest.metrics",  # Prometheus' library looks at its surroundings when it is imported, and a worker gets them later
    "subscriptions.progress",
}


def test_imports_stand_at_the_top() -> None:
    for module in MODULES:
        if module in IMPORTS_LATE:
            continue
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inside = [n.lineno for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
                assert not inside, f"{module} imports within {node.name}, line {inside}"


def test_a_module_says_what_it_is() -> None:
    assert [module for module in MODULES if not ast.get_docstring(tree_of(module))] == []


def test_time_and_chance_are_handed_in() -> None:
    sources = {"datetime.now", "datetime.utcnow", "date.today", "time.time", "uuid.uuid4"}
    for module in MODULES.keys() - {"clock", "logs"}:  # a line of the log tells when it was written, whatever is tested
        called = {ast.unparse(node.func) for node in ast.walk(tree_of(module)) if isinstance(node, ast.Call)}
        assert not called & sources, f"{module} calls {called & sources}"
