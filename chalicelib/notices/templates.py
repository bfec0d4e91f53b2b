"""Templates: what a notice says, for each locale. Jinja2, of which little is left.

A template is written by a merchant's staff, and rendered by us with a customer's data. So it is parsed, and only what a
notice needs may be in it: text, the variables below, `if`, a loop over `products`, comparisons, and a few filters.
There is no call, no attribute, no arithmetic, no assignment and no inclusion, so there is nothing to reach Python's
internals with and nothing that grows; Jinja2's own immutable sandbox stands behind that all the same. Output is
bounded by what is rendered, not by what is kept: rendering stops where a part becomes too long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from chalicelib.ledger.refusals import Refused
from chalicelib.notices.wording import DEFAULT_LANGUAGE, language_of

VARIABLES = ("amount", "balance", "expires_at", "conditions", "how_to_redeem", "products", "customer_text")
"""All are texts as people read them, save `products`, a list of texts."""
PARTS = ("subject", "text", "html", "sms")
MAX_CHARACTERS = {"subject": 200, "text": 10_000, "html": 40_000, "sms": 640}
"""Of each part's source."""
MAX_RENDERED_CHARACTERS = {"subject": 200, "text": 30_000, "html": 100_000, "sms": 640}
MAX_LOCALES = 20
MAX_NODES = 1_000
"""Of one part: expressions and the text between them. What Jinja2 takes to compile is by these, not by characters."""
MAX_NODES_ALTOGETHER = 4_000
"""Of all parts of all locales, which one request compiles: about a second."""
MAX_DEPTH = 10
"""Of what stands within another. Jinja2's time grows with its cube: a hundred filters in a row are seconds."""
_LOOP = frozenset({"index", "index0", "first", "last", "length"})
_FILTERS = frozenset(
    {"upper", "lower", "title", "capitalize", "trim", "length", "default", "first", "last", "join", "e", "escape"}
)
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.For,
    nodes.Filter,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Getattr,
)

Parts = Mapping[str, str]
"""Sources by PARTS; `subject` and `text` are always there."""
Values = Mapping[str, str | Sequence[str]]


class TemplateRefused(Refused):
    """A template that names what does not exist, reaches for what it must not, or makes too much of it."""

    code = "validation_failed"


class _Wrong(Exception):
    """What is wrong with one part, in words."""


@dataclass(frozen=True, slots=True)
class Content:
    """What one notice says. `html` and `sms` are None where the template has no such part."""

    subject: str
    text: str
    html: str | None = None
    sms: str | None = None

    def told(self) -> dict[str, str | None]:
        return {"subject": self.subject, "text": self.text, "html": self.html, "sms": self.sms}


SAMPLE: Values = {
    "amount": "€25.00",
    "balance": "€40.00",
    "expires_at": "31 March 2027",
    "conditions": "for orders of €50.00 or more",
    "how_to_redeem": "Sign in and choose your credit at the checkout.",
    "products": ["tea", "teapot", "cup"],
    "customer_text": "Thank you for being with us.",
}
"""What a preview is made from, where the caller says nothing else."""


def check(locales: Mapping[str, Parts]) -> None:
    """Refuse a template that could not be rendered, or must not be.

    :raises TemplateRefused: with a pointer to the part
    """
    known = 0
    for locale, parts in locales.items():
        for part, source in parts.items():
            try:
                known += _nodes_of(_parsed(part, source))
                if known > MAX_NODES_ALTOGETHER:
                    raise _Wrong(f"has more than {MAX_NODES_ALTOGETHER} expressions in all its parts and locales")
                for values in (SAMPLE, _EMPTY):
                    _rendered(part, source, values)
            except _Wrong as wrong:
                raise TemplateRefused(
                    f"The template cannot be used: {wrong}.", field=f"/locales/{locale}/{part}"
                ) from None


def render(parts: Parts, values: Values) -> Content:
    """What a template says with these values.

    :raises TemplateRefused: with these values it says too much
    """
    made: dict[str, str] = {}
    for part, source in parts.items():
        try:
            made[part] = _rendered(part, source, values)
        except _Wrong as wrong:
            raise TemplateRefused(f"The template cannot be rendered: {part} {wrong}.", field=f"/{part}") from None
    return Content(made["subject"], made["text"], made.get("html"), made.get("sms"))


def chosen(locales: Mapping[str, Parts], wanted: str | None) -> str:
    """The locale of a template that is nearest to what a customer reads: itself, its language, English, the first."""
    if wanted:
        same = {name.replace("_", "-").lower(): name for name in locales}
        if found := same.get(wanted.replace("_", "-").lower()) or same.get(language_of(wanted)):
            return found
        if near := next((name for name in locales if language_of(name) == language_of(wanted)), None):
            return near
    return DEFAULT_LANGUAGE if DEFAULT_LANGUAGE in locales else next(iter(locales))


def same_language(one: str, other: str | None) -> bool:
    return other is not None and language_of(one) == language_of(other)


_EMPTY: Values = {name: [] if name == "products" else "" for name in VARIABLES}


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 Jinja2's signature
        raise _Wrong("may not calculate")


def _environment(*, autoescape: bool) -> _Sandbox:
    made = _Sandbox(autoescape=autoescape, undefined=StrictUndefined, keep_trailing_newline=True)
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in _FILTERS}
    made.tests = {}
    return made


_PLAIN = _environment(autoescape=False)
_HTML = _environment(autoescape=True)


def _rendered(part: str, source: str, values: Values) -> str:
    """:raises _Wrong: see there"""
    limit = MAX_RENDERED_CHARACTERS[part]
    pieces: list[str] = []
    length = 0
    try:
        for piece in _compiled(part, source).generate(values):
            length += len(piece)
            if length > limit:
                raise _Wrong(f"becomes longer than {limit} characters")
            pieces.append(piece)
    except TemplateError as error:
        raise _Wrong(f"cannot be rendered: {_said(error)}") from None
    except (TypeError, ValueError) as error:
        raise _Wrong(f"cannot be rendered: {error}") from None
    text = "".join(pieces)
    # A line break in a subject would begin another header of the mail.
    return " ".join(text.split()) if part == "subject" else text


def _said(error: TemplateError) -> str:
    return (error.message or "it is wrong").rstrip(".")


@lru_cache(maxsize=256)
def _compiled(part: str, source: str) -> Template:
    """:raises _Wrong: see there"""
    environment = _HTML if part == "html" else _PLAIN
    try:
        return environment.from_string(_parsed(part, source))
    except TemplateError as error:
        raise _Wrong(f"line {getattr(error, 'lineno', 1)}: {_said(error)}") from None
    except (RecursionError, MemoryError, SyntaxError, ValueError):
        raise _Wrong("is more than can be read") from None


def _parsed(part: str, source: str) -> nodes.Template:
    """What a part says, of which nothing is more than a notice needs.

    :raises _Wrong: see there
    """
    environment = _HTML if part == "html" else _PLAIN
    if len(source) > MAX_CHARACTERS[part]:
        raise _Wrong(f"is longer than {MAX_CHARACTERS[part]} characters")
    try:
        tree = environment.parse(source)
        if _nodes_of(tree) > MAX_NODES:
            raise _Wrong(f"has more than {MAX_NODES} expressions")
        _refuse(tree)
        unknown = sorted(meta.find_undeclared_variables(tree) - set(VARIABLES))
    except TemplateError as error:
        raise _Wrong(f"line {getattr(error, 'lineno', 1)}: {_said(error)}") from None
    except (RecursionError, MemoryError, SyntaxError, ValueError):
        # Of Python's own parser, for what is nested too deeply or a number with too many digits.
        raise _Wrong("is more than can be read") from None
    if unknown:
        raise _Wrong(f"names {unknown[0][:64]}, which is none of {', '.join(VARIABLES)}")
    return tree


def _nodes_of(tree: nodes.Template) -> int:
    """How many there are in it.

    :raises _Wrong: they stand too deep in each other
    """
    count, level, depth = 0, list(tree.iter_child_nodes()), 0
    while level:
        count, depth = count + len(level), depth + 1
        if depth > MAX_DEPTH:
            raise _Wrong("is nested too deeply")
        level = [inner for outer in level for inner in outer.iter_child_nodes()]
    return count


def _refuse(tree: nodes.Template) -> None:
    """:raises _Wrong: something in it is more than a notice needs"""
    known = {
        *VARIABLES,
        *(each.target.name for each in tree.find_all(nodes.For) if isinstance(each.target, nodes.Name)),
    }
    looked_into = {id(each.node) for each in tree.find_all(nodes.Getattr)}
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.Name):
            if node.name not in known and id(node) not in looked_into:
                raise _Wrong(f"names {node.name[:64]}, which is none of {', '.join(VARIABLES)}")
        elif isinstance(node, nodes.For):
            named = isinstance(node.iter, nodes.Name) and node.iter.name == "products"
            nested = any(inner is not node for inner in node.find_all(nodes.For))
            if not named or nested or node.recursive or not isinstance(node.target, nodes.Name):
                raise _Wrong("may loop over products only, and not within a loop")
            if node.target.name in (*VARIABLES, "loop"):
                raise _Wrong("may not give a variable another meaning")
        elif isinstance(node, nodes.Getattr):
            if not (isinstance(node.node, nodes.Name) and node.node.name == "loop" and node.attr in _LOOP):
                raise _Wrong("may not look into a value")
        elif isinstance(node, nodes.Filter):
            _refuse_filter(node)
        elif not isinstance(node, _ALLOWED):
            raise _Wrong(f"may not use {type(node).__name__.lower()}")


def _refuse_filter(node: nodes.Filter) -> None:
    """`join` takes the products and a text that stands there: of any two texts it would make their product.

    :raises _Wrong: see there
    """
    if node.name not in _FILTERS:
        raise _Wrong(f"knows no filter {node.name[:64]}")
    if node.dyn_args or node.dyn_kwargs or node.kwargs:
        raise _Wrong("may give a filter nothing by name")
    if node.name == "join":
        joined = isinstance(node.node, nodes.Name) and node.node.name == "products"
        if not joined or len(node.args) > 1 or not all(isinstance(each, nodes.Const) for each in node.args):
            raise _Wrong("may join products only, with a text between them")
