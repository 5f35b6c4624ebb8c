"""The messages of bad input that a dialect's source can raise, read from its syntax tree.

A message is a regular expression: the constant parts of an f-string, anything in between. Raised in
a method of an operation it begins with the operation's name, as tools print it, unless it names the
operation itself. A helper function's messages are those of its own, with the constants of each call
in place of its parameters; one of them must be met for each call.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Node = ast.expr
Function = ast.FunctionDef


@dataclass(frozen=True)
class Message:
    """What a message looks like: one of `patterns` must be met.

    `where` is the file and the function that raises it, `line` the line there; `helper` is the
    function that raises it for that one.
    """

    where: str
    line: int
    patterns: tuple[str, ...]
    helper: str | None = None

    def met(self, said: Iterable[str]) -> bool:
        """Whether one of some texts is the message."""
        return any(re.search(pattern, text) for pattern in self.patterns for text in said)


@dataclass
class Source:
    """The functions of a dialect's package by name, and the strings that module constants are."""

    functions: dict[str, Function] = field(default_factory=dict[str, Function])
    constants: dict[str, str] = field(default_factory=dict[str, str])
    """Those of the file that is being read."""

    def messages(self, path: Path, root: Path) -> Iterator[Message]:
        """The messages of a file."""
        tree = ast.parse(path.read_text())
        self.constants = _constants(tree)
        for op_name, function in _functions(tree):
            name = f"{path.relative_to(root)}:{function.name}"
            for raised in _raised(function):
                verified, text = raised
                patterns = self.patterns(text, _own_name(op_name, "self"), function)
                prefix = op_name if verified else None
                yield Message(name, text.lineno, tuple(_at(prefix, p) for p in patterns))
            if op_name is None:
                continue
            for call in _calls(function):
                helper = self.functions.get(_name(call.func))
                if helper is not None and (raised := list(_raised(helper))):
                    arguments = self.arguments(helper, call) | _own_name(op_name, "op")
                    patterns = (
                        _at(op_name, p)
                        for _, each in raised
                        for p in self.patterns(each, arguments, helper)
                    )
                    yield Message(name, call.lineno, tuple(patterns), helper.name)

    def arguments(self, helper: Function, call: ast.Call) -> dict[str, str]:
        """What a call gives for a helper's parameters, as regular expressions."""
        names = [argument.arg for argument in helper.args.args]
        given = dict(zip(names, call.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        return {name: self.patterns(value, {}, None)[0] for name, value in given.items()}

    def patterns(
        self, node: Node, names: Mapping[str, str], inside: Function | None
    ) -> tuple[str, ...]:
        """The regular expressions of a text."""
        match node:
            case ast.Constant(value=str(text)):
                return (re.escape(text),)
            case ast.JoinedStr(values=parts):
                return ("".join(self._part(part, names) for part in parts),)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                one = self.patterns(left, names, inside)[0]
                return (one + self.patterns(right, names, inside)[0],)
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                returned = [
                    n.value
                    for n in ast.walk(self.functions[name])
                    if isinstance(n, ast.Return) and n.value is not None
                ]
                return tuple(p for value in returned for p in self.patterns(value, {}, None))
            case ast.Attribute(value=ast.Name(id=name), attr="name") if f"{name}.name" in names:
                return (names[f"{name}.name"],)
            case ast.Name(id=name) if name in names:
                return (names[name],)
            case ast.Name(id=name) if name in self.constants:
                return (re.escape(self.constants[name]),)
            case ast.Name() if inside is not None:
                # One of a table of texts in the same function.
                texts = [text for text in _texts(inside) if " " in ast.unparse(text)]
                return tuple(p for text in texts for p in self.patterns(text, {}, None))
            case _:
                return (".*",)

    def _part(self, part: Node, names: Mapping[str, str]) -> str:
        if isinstance(part, ast.FormattedValue):
            return self.patterns(part.value, names, None)[0]
        return self.patterns(part, names, None)[0]


def read(root: Path) -> tuple[Message, ...]:
    """The messages of all files under `root`."""
    source = Source()
    paths = sorted(root.rglob("*.py"))
    for path in paths:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, Function):
                source.functions[node.name] = node
    return tuple(message for path in paths for message in source.messages(path, root))


def _constants(tree: ast.Module) -> dict[str, str]:
    """The strings that names of a module stand for."""
    found: dict[str, str] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                found[name] = text
            case _:
                pass
    return found


def _functions(tree: ast.Module) -> Iterator[tuple[str | None, Function]]:
    """The functions of a module and of its classes, with the name of the operation they are in."""

    def inside(node: ast.AST, op_name: str | None) -> Iterator[tuple[str | None, Function]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function):
                yield op_name, child
            elif isinstance(child, ast.ClassDef):
                yield from inside(child, _op_name(child))

    yield from inside(tree, None)


def _op_name(node: ast.ClassDef) -> str | None:
    """The name of the operation that a class defines; None for other classes."""
    decorators = [_name(d) for d in node.decorator_list]
    if "irdl_op_definition" not in decorators:
        return None
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="name")], value=ast.Constant(value=str(name))):
                return name
            case _:
                pass
    return None


def _own_name(op_name: str | None, variable: str) -> dict[str, str]:
    """What `variable.name` is in a message about an operation, which `variable` stands for."""
    return {} if op_name is None else {f"{variable}.name": re.escape(op_name)}


def _raised(function: Function) -> Iterator[tuple[bool, Node]]:
    """The texts of exceptions that say what is wrong with an input, and whether a verifier's."""
    for call in _calls(function):
        name = _name(call.func)
        if call.args and name in ("VerifyException", "raise_error"):
            yield name == "VerifyException", call.args[0]


def _calls(function: Function) -> Iterator[ast.Call]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Call))


def _texts(function: Function) -> Iterator[Node]:
    """The strings inside tuples and dictionaries of a function."""
    for node in ast.walk(function):
        if isinstance(node, ast.Tuple):
            yield from (
                each
                for each in node.elts
                if isinstance(each, ast.JoinedStr)
                or (isinstance(each, ast.Constant) and isinstance(each.value, str))
            )


def _name(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _at(op_name: str | None, pattern: str) -> str:
    """A pattern as it stands in a tool's message about an operation."""
    if op_name is None or re.escape(op_name) in pattern or op_name in pattern:
        return pattern
    return f"'{re.escape(op_name)}': {pattern}"
