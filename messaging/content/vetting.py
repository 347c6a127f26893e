"""The parse tree of a template: only what is on the list, and only as much as ends soon, whatever the values are.

A template without a loop costs at most its number of steps; one with loops that number times `MOST_TURNS`.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from liquid.ast import BlockNode, ConditionalBlockNode
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression
from liquid.builtin.expressions.filtered import TernaryFilteredExpression
from liquid.builtin.expressions.primitive import IntegerLiteral, RangeLiteral
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.case_tag import CaseNode, MultiExpressionBlockNode
from liquid.builtin.tags.comment_tag import CommentNode
from liquid.builtin.tags.for_tag import BreakNode, ContinueNode, ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.inline_comment_tag import InlineCommentNode
from liquid.builtin.tags.unless_tag import UnlessNode

from messaging.content.faults import Fault, fault_at

FILTERS = ("escape", "default", "upcase", "downcase", "capitalize", "date", "truncate", "strip")
NODES = frozenset({
    BlockNode, BreakNode, CaseNode, CommentNode, ConditionalBlockNode, ContentNode, ContinueNode, ForNode, IfNode,
    InlineCommentNode, MultiExpressionBlockNode, OutputNode, UnlessNode,
})  # fmt: skip
MOST_TURNS = 100  # of a loop
MOST_FILTERS = 5  # one after another
MOST_STEPS = 20_000


class Vetted:
    """What was counted on the way through a tree."""

    def __init__(self, source: str, nodes: Iterable[Any]) -> None:
        self.source, self.steps, self.has_loops = source, 0, False
        for node in nodes:
            self._visit(node, turns=1)
        if self.steps > MOST_STEPS:
            raise Fault("limit", "The template takes too many steps; shorten its loops or its text.")

    def _visit(self, node: Any, turns: int) -> None:
        if type(node) not in NODES:
            self._refuse(node, "this can’t be used here.")
        self.steps += turns
        if isinstance(node, ForNode):
            turns = self._enter_loop(node, turns)
        for expression in node.expressions():
            self._look_at(expression, turns)
        for child in node.children(None, include_partials=False):
            self._visit(child, turns)

    def _enter_loop(self, node: ForNode, turns: int) -> int:
        if turns > 1:
            self._refuse(node, "a loop inside a loop can’t be used.")
        self.has_loops = True
        return MOST_TURNS

    def _look_at(self, expression: Any, turns: int) -> None:
        iterable = getattr(expression, "iterable", None)
        if isinstance(iterable, RangeLiteral):
            self._demand_short(iterable)
        for part in _parts(expression):
            self.steps += turns
            if isinstance(part, RangeLiteral) and part is not iterable:
                self._refuse(part, "a range can only be used in a loop, as in “{% for n in (1..5) %}”.")
            for chain in _chains(part):
                self._demand_allowed(chain)

    def _demand_short(self, literal: RangeLiteral) -> None:
        start, stop = literal.start, literal.stop
        if not (isinstance(start, IntegerLiteral) and isinstance(stop, IntegerLiteral)):
            self._refuse(literal, "a range needs two whole numbers, as in “(1..5)”.")
        elif stop.value - start.value >= MOST_TURNS:
            self._refuse(literal, f"the range is too long; the limit is {MOST_TURNS} numbers.")

    def _demand_allowed(self, chain: list[Any]) -> None:
        for one in chain:
            if one.name not in FILTERS:
                text = f"“{one.name}” isn’t a filter that can be used. Available: {', '.join(FILTERS)}."
                self._refuse(one, text, one.name)
        if len(chain) > MOST_FILTERS:
            self._refuse(chain[MOST_FILTERS], f"too many filters; the limit is {MOST_FILTERS} in a row.")

    def _refuse(self, part: Any, text: str, word: str = "") -> None:
        raise fault_at(self.source, max(part.token.start_index, 0), text, word or str(part.token.value)[:40])


def _parts(expression: Any) -> Iterator[Any]:
    """An expression and all in it; not by recursion, for it may be as deep as the source is long."""
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += part.children()


def _chains(part: Any) -> list[list[Any]]:
    if isinstance(part, TernaryFilteredExpression):
        return [list(part.filters or []), list(part.tail_filters or [])]
    return [list(part.filters or [])] if isinstance(part, FilteredExpression) else []


def filters_of(nodes: Iterable[Any]) -> set[str]:
    """The names of the filters that are used."""
    found: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        waiting += node.children(None, include_partials=False)
        for expression in node.expressions():
            for part in _parts(expression):
                found |= {one.name for chain in _chains(part) for one in chain}
    return found
