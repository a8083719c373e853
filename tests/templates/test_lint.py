"""The template lint finds what it is for, and finds nothing in our templates."""

import pytest

from tests.lint_templates import all_problems, problems


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<style>p{}</style>",
        '<p style="color:red">',
        '<a onclick="x()">',
        '<a hx-on:click="x()">',
        '<a data-hx-on:click="x()">',
        """<a hx-vals='js:{"a": b()}'>""",
        '<a hx-trigger="click[ctrlKey]">',
        '<a href="javascript:x()">',
        '<input name="a">',
        '<textarea id="b"></textarea><label for="c">C</label>',
        '{% extends "base.html" %}{% block main %}{% endblock %}',
        "<img src='a.png'>",
        '<p class="said" dir="auto">{{ said }}</p>',
    ],
)
def test_the_lint_finds(text: str) -> None:
    assert problems(text)


@pytest.mark.parametrize(
    "text",
    [
        '<script src="{% static "a.js" %}" defer></script>',
        '<label for="a">A</label><input id="a" name="a">',
        '<label><input type="checkbox" name="a"> A</label>',
        '<div hx-trigger="input delay:800ms from:#desk, every 3s"></div>',
        "<a hx-vals='{\"version\": 1}'>keep</a>",
        '<p dir="auto" hx-disable>{{ said }}</p><textarea aria-label="A" dir="auto"></textarea>',
    ],
)
def test_the_lint_lets_pass(text: str) -> None:
    assert problems(text) == []


def test_our_templates_hold() -> None:
    assert all_problems() == []
