"""An output as its reader may have seen it: Markdown without anything that runs, loads or leads elsewhere.

Only to look at: comments and offsets belong to the text itself.
"""

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

LONGEST = 100_000  # characters that are rendered
TAGS = {
    "p", "br", "hr", "ul", "ol", "li", "strong", "em", "s", "code", "pre", "blockquote", "table", "thead", "tbody",
    "tr", "th", "td",
}  # fmt: skip
# Links and images stay what was written: an address is read before it is trusted, and nothing is fetched.
_markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_markdown.disable(["link", "image", "autolink", "html_block", "html_inline", "reference"])


def preview(text: str) -> SafeString | None:
    """HTML of TAGS alone, headings as paragraphs of class heading; None for a text that is too long."""
    if len(text) > LONGEST:
        return None
    tokens = [_without_level(token) for token in _markdown.parse(text)]
    rendered = _markdown.renderer.render(tokens, _markdown.options, {})
    return mark_safe(nh3.clean(rendered, tags=TAGS, attributes={}, allowed_classes={"p": {"heading"}}))


def _without_level(token: Token) -> Token:
    """The page has headings of its own; what a model writes does not come between them."""
    if token.type in {"heading_open", "heading_close"}:
        token.tag = "p"
        if token.nesting == 1:
            token.attrSet("class", "heading")
    return token
