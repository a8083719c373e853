"""What the strict content policy and readers need of templates. `python tests/lint_templates.py` names each breach."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
INPUTS = {"input", "select", "textarea"}
NO_LABEL = {"hidden", "submit", "button"}
_TAGS = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)


class Lint(HTMLParser):
    """Collects breaches of one template. Template tags count as text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.labelled: set[str] = set()
        self.unlabelled: dict[str, str] = {}
        self.inside_label = 0
        self.script: dict[str, str | None] | None = None

    def breach(self, what: str) -> None:
        self.found.append(f"line {self.getpos()[0]}: {what}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._attributes(named)
        if tag == "style":
            self.breach("inline <style>")
        if tag == "script":
            self.script = named
        if tag == "label":
            self.inside_label += 1
            self.labelled.add(named.get("for") or "")
        if tag in INPUTS:
            self._needs_label(tag, named)
        if tag == "img" and "alt" not in named:
            self.breach("<img> without alt")
        if named.get("dir") == "auto" and tag not in INPUTS and "hx-disable" not in named:
            self.breach("words of users (dir=auto) that are not under hx-disable")
        if tag == "button" and named.get("popovertarget") and named.get("type") != "button":
            self.breach("a button that opens a panel must say type=button")

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self.inside_label -= 1
        if tag == "script":
            self.script = None

    def handle_data(self, data: str) -> None:
        if self.script is not None and data.strip() and self.script.get("type") != "application/json":
            self.breach("inline <script>")

    def _attributes(self, named: dict[str, str | None]) -> None:
        for name, value in named.items():
            bare = name.removeprefix("data-")
            if name == "style":
                self.breach("style attribute")
            if re.match(r"on[a-z]+$|hx-on", bare):
                self.breach(f"code in the attribute {name}")
            if bare in {"hx-vals", "hx-headers", "hx-vars"} and re.match(r"\s*(js|javascript):", value or ""):
                self.breach(f"code in {name}")
            if bare == "hx-trigger" and re.search(r"(^|[,\s])[\w:-]+\[(?!\w+=)", value or ""):
                self.breach("a filter in hx-trigger")
            if (value or "").strip().lower().startswith("javascript:"):
                self.breach(f"code in the address of {name}")

    def _needs_label(self, tag: str, named: dict[str, str | None]) -> None:
        if named.get("type") in NO_LABEL or "aria-label" in named or self.inside_label:
            return
        self.unlabelled[named.get("id") or f"<{tag} name={named.get('name')}>"] = f"line {self.getpos()[0]}"


def problems(text: str) -> list[str]:
    """Each breach as "line N: what"."""
    lint = Lint()
    lint.feed(_TAGS.sub(lambda tag: "x" * ("\n" not in tag[0]) + "\n" * tag[0].count("\n"), text))
    missing = [f"{at}: no label for {name}" for name, at in lint.unlabelled.items() if name not in lint.labelled]
    page = re.search(r"{% extends \"(?!admin/)", text) and "{% block shell %}" not in text
    if page and "{% block title %}" not in text:  # the admin takes its titles from the view
        missing.append("line 1: a page without a title")
    return lint.found + missing


def all_problems(folder: Path = TEMPLATES) -> list[str]:
    return [
        f"{path.relative_to(folder.parent)} {problem}"
        for path in sorted(folder.rglob("*.html"))
        for problem in problems(path.read_text())
    ]


if __name__ == "__main__":
    found = all_problems()
    print("\n".join(found) or "templates: nothing to complain about")
    sys.exit(bool(found))
