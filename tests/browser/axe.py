"""What axe finds on a page: rules of WCAG 2.2 and good practice, told by rule and element."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

LOOKS = [  # width in px, then how the browser is told to look
    (width, media)
    for width in (1440, 320)
    for media in (
        {"color_scheme": "light", "forced_colors": "none"},
        {"color_scheme": "dark", "forced_colors": "none"},
        {"color_scheme": "light", "forced_colors": "active"},
    )
]


def violations(page: Page) -> list[str]:
    """One line for each element that breaks a rule."""
    found = Axe().run(page, options={"preload": False}).response["violations"]
    return [
        f"{rule['id']} ({rule['help']}): {node['html'][:160]} {node['failureSummary'][:200]}"
        for rule in found for node in rule["nodes"]
    ]  # fmt: skip
