"""Markdown to look at: formatted, and nothing in it runs, loads or leads elsewhere."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.review.preview import LONGEST, TAGS, preview
from labelhub.body import stored_text
from tests.browser.hostile.payloads import payloads
from tests.factories import make_claim, make_interaction, make_task

ELEMENT = re.compile(r"<[^>]*>")
FORMATS = [
    ("**so** and *so*", "<p><strong>so</strong> and <em>so</em></p>"),
    ("# Title", '<p class="heading">Title</p>'),
    ("- one\n- two", "<ul>\n<li>one</li>\n<li>two</li>\n</ul>"),
    ("`x < y`", "<p><code>x &lt; y</code></p>"),
    ("```py\nx = 1\n```", "<pre><code>x = 1\n</code></pre>"),
    ("|a|\n|-|\n|1|", "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n</tr>\n</tbody>\n</table>"),
    ("[here](https://example.org)", "<p>[here](https://example.org)</p>"),
    ("![x](https://example.org/x.png)", "<p>![x](https://example.org/x.png)</p>"),
    ("<https://example.org>", "<p>&lt;https://example.org&gt;</p>"),
    ("[a]: https://example.org\n\n[a]", "<p>[a]: https://example.org</p>\n<p>[a]</p>"),
    ("<b>no</b>", "<p>&lt;b&gt;no&lt;/b&gt;</p>"),
]  # fmt: skip


def only_ours(html):
    names = {re.match(r"</?([a-z]+)", element) for element in ELEMENT.findall(html)}
    bare = {element for element in ELEMENT.findall(html) if " " in element}
    return all(name and name[1] in TAGS for name in names) and bare <= {'<p class="heading">'}


@pytest.mark.parametrize(("text", "html"), FORMATS)
def test_what_is_marked_up_is_formatted_and_what_leads_elsewhere_stays_text(text, html):
    assert preview(text).strip() == html


@pytest.mark.bar("3a-51")
@pytest.mark.parametrize("before", ["", "# ", "> ", "- ", "**", "|a|\n|-|\n|", "```", "    "])
def test_hostile_text_is_text(before):
    for payload in payloads(300):
        assert only_ours(preview(f"{before}{stored_text(payload)[0]}")), payload


@given(text=st.text(max_size=200))
def test_whatever_is_written_nothing_else_comes_out(text):
    assert only_ours(preview(text))


@pytest.mark.parametrize("one", ["> ", "- ", "*", "`", "[", "|", "(", "#", "\n", "~~", "1. ", "&"])
def test_a_text_that_is_made_to_take_long_does_not(one):
    assert preview(one * (LONGEST // len(one))) is not None


def test_what_is_too_long_has_no_preview(queue, expert, client):
    assert preview("x" * (LONGEST + 1)) is None
    assert shown(queue, expert, client, "x" * (LONGEST + 1)) == "too long"


def test_the_desk_gets_it_as_a_piece_of_the_page(queue, expert, client):
    assert "<strong>so</strong>" in shown(queue, expert, client, "**so** <script>alert(1)</script>")


def shown(queue, expert, client, output):
    task = make_task(queue, make_interaction(queue.project, output=output))
    make_claim(task, expert)
    client.force_login(expert)
    page = client.get(f"/p/{queue.project.slug}/tasks/{task.pk}/preview/").content.decode()
    assert "<script" not in page
    return "too long" if "too long" in page else page
