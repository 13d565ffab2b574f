"""Parts of pages that are the same for everybody: {% once %}…{% endonce %}, {% once place %}…{% endonce %}.

Most of a page is. Such a part is drawn once in a process, for each language and each value of the names that
are given, which have few. Inside nothing else is known of what the page knows, and least of all who reads it.
"""

from django import template
from django.template.base import NodeList, Parser, Token
from django.template.context import Context, RequestContext
from django.template.exceptions import TemplateSyntaxError
from django.template.loader_tags import BlockNode
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()


class OnceNode(template.Node):
    def __init__(self, nodelist: NodeList, names: list[str]) -> None:
        self.nodelist, self.names = nodelist, names
        self.drawn: dict[tuple[object, ...], SafeString] = {}

    def render(self, context: Context) -> SafeString:
        values = {name: context.get(name) for name in self.names}
        # A text that is safe as it stands equals one that is to be escaped.
        which = (get_language(), *((type(value), value) for value in values.values()))
        if which not in self.drawn:
            inside = context.new(values)
            if isinstance(inside, RequestContext):
                inside.request = None  # type: ignore[assignment]  # tags read it as an attribute
            self.drawn[which] = self.nodelist.render(inside)
        return self.drawn[which]


@register.tag
def once(parser: Parser, token: Token) -> OnceNode:
    """Read the tag; a block in it would be another page's the next time."""
    nodelist = parser.parse(("endonce",))
    parser.delete_first_token()
    if nodelist.get_nodes_by_type(BlockNode):
        raise TemplateSyntaxError("There is no block inside {% once %}.")
    return OnceNode(nodelist, token.split_contents()[1:])
