"""Every public name of the layer has a caller in production: a rule that only tests call is no rule."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import pytest

from tests.support.template import ROOT

PRODUCTION = {
    "layers/lifeline": "layers/lifeline/lifeline",
    "cli": "cli",
    ".": "functions",
    "": "local",
    "producer/src": "producer/src/lifeline_producer",
}
"""Where imports start, and what production is."""

FOR_OTHERS = {
    "lifeline.adapters.agenda.PROJECTED": "the template's index has these attributes; a test compares",
    "lifeline.settings.OPTIONAL": "the variables that the template may give; a test compares",
}
"""Names for readers outside of Python, each held to what is there by a test."""


def production() -> dict[str, ast.Module]:
    """Every module by its dotted name."""
    found = {}
    for base, folder in PRODUCTION.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / base).with_suffix("").parts
            if parts[:2] == ("lifeline_producer", "contract"):
                continue  # copies, made when the package is built
            text = path.read_text().replace("lifeline_producer.contract", "lifeline.contract")
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(text)
    return found


def public(module: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Functions, classes and constants of a module as (name, ""), methods as (class, method)."""
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, ""
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name, ""
            case ast.ClassDef(name=name):
                yield name, ""
                yield from ((name, item.name) for item in node.body if isinstance(item, ast.FunctionDef))


def taken(module: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What a module takes of itself and others, as (module, name); an import alone is not a use, but
    a package's ``__init__`` passes names on.
    """
    local: dict[str, tuple[str, str]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(source), names=names):
                local |= {name.asname or name.name: (source, name.name) for name in names}
            case ast.Import(names=names):
                local |= {name.asname: (name.name, "") for name in names if name.asname}
    for top in tree.body:
        own = top.name if isinstance(top, ast.FunctionDef | ast.ClassDef) else ""
        for node in ast.walk(top):
            match node:
                case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in local:
                    source, part = local[name]
                    yield (f"{source}.{part}" if part else source), attribute
                    yield source, part
                case ast.Name(id=name, ctx=ast.Load()) if name in local:
                    yield local[name]
                case ast.Name(id=name, ctx=ast.Load()) if name != own:
                    yield module, name


def attributes(node: ast.AST, inside: str = "") -> Iterator[str]:
    """Attributes that are read; what a method asks of itself does not count."""
    if isinstance(node, ast.FunctionDef):
        inside = node.name
    if isinstance(node, ast.Attribute):
        itself = isinstance(node.value, ast.Name) and node.value.id == "self" and node.attr == inside
        if not itself:
            yield node.attr
    for child in ast.iter_child_nodes(node):
        yield from attributes(child, inside)


def dead(modules: Mapping[str, ast.Module]) -> list[str]:
    """Public names of the layer that nothing in ``modules`` uses."""
    used = {pair for module, tree in modules.items() for pair in taken(module, tree)}
    for module, tree in modules.items():
        # Names that a package passes on from its modules.
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{module}."):
                used |= {(node.module, name.name) for name in node.names if (module, name.name) in used}
    read = {name for tree in modules.values() for name in attributes(tree)}
    return [
        ".".join(filter(None, (module, name, method)))
        for module, tree in modules.items()
        if module.split(".")[0] == "lifeline"
        for name, method in public(module, tree)
        if not name.startswith("_") and not method.startswith("_")
        if (method not in read if method else (module, name) not in used)
    ]


def test_every_public_name_of_the_layer_has_a_caller_in_production() -> None:
    assert sorted(set(dead(production())) - set(FOR_OTHERS)) == []


def test_what_is_for_others_is_there() -> None:
    modules = production()
    names = {f"{module}.{name}" for module, tree in modules.items() for name, _ in public(module, tree)}
    assert set(FOR_OTHERS) <= names
    assert set(FOR_OTHERS) <= set(dead(modules)), "used by now: no exception is needed"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def rule(): ...", ["lifeline.a.rule"]),
        ("def rule(): return rule()", ["lifeline.a.rule"]),
        ("LIMIT = 1\ndef _use(): return LIMIT", []),
        ("class Thing:\n    def act(self): self.act()\n_T = Thing", ["lifeline.a.Thing.act"]),
    ],
)
def test_the_check_can_fail(text: str, found: list[str]) -> None:
    assert dead({"lifeline.a": ast.parse(text)}) == found


def test_an_import_alone_is_no_use() -> None:
    modules = {
        "lifeline.a": ast.parse("def rule(): ..."),
        "lifeline.b": ast.parse("from lifeline.a import rule"),
    }
    assert dead(modules) == ["lifeline.a.rule"]
    modules["lifeline.b"] = ast.parse("from lifeline.a import rule\nrule()")
    assert dead(modules) == []
