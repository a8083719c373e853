"""Every page opens without a complaint of the browser, at each width, light and dark, and never scrolls sideways."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from annotations.triage.actions.flags import raise_flags, rules_of
from labelhub.projects.rights import Role
from tests.browser.complaints import Complaints
from tests.factories import make_claim, make_interaction, make_label, make_member, make_project, make_queue, make_task

LONG = "Donaudampfschifffahrtsgesellschaftskapitän" * 9 + " مرحبا 🙂 " + "word " * 80


@pytest.mark.parametrize(
    ("width", "scheme"), [(1440, "light"), (1440, "dark"), (1024, "light"), (390, "dark"), (320, "light")]
)
def test_every_page_opens_without_a_complaint(
    site: str, sign_in: Callable[..., Page], complaints: Complaints, width: int, scheme: str
) -> None:
    complaints.expected.append("404")
    project = make_project(name=LONG[:100])
    queue, expert = make_queue(project, name=LONG[:100]), make_member(project)
    admin = make_member(project, Role.ADMIN, name=LONG[:100])
    interaction = make_interaction(project, prompt=LONG, output=LONG, system_context=LONG, model_version="v" * 100)
    raise_flags(project, [(rules_of(project)[0], interaction, LONG[:300])])
    label = make_label(make_task(queue, interaction), expert, verdict="flawed", rewrite=f"{LONG} indeed", note=LONG)
    make_claim(make_task(queue, make_interaction(project, prompt=LONG, output=LONG)), admin)
    page = sign_in(admin, viewport={"width": width, "height": 800}, color_scheme=scheme)
    base = f"/p/{project.slug}"
    paths = [
        "/",
        "/me/",
        f"{base}/",
        f"{base}/labels/",
        f"{base}/q/{queue.slug}/",
        f"{base}/approvals/",
        f"{base}/approvals/{label.pk}/",
    ]
    paths += [
        f"{base}/triage/",
        f"{base}/triage/{interaction.session_id}/",
        f"{base}/sessions/{interaction.session_id}/",
    ]
    paths += ["/accounts/password/change/", "/accounts/logout/", "/nothing/", "/admin/"]
    for path in paths:
        page.goto(site + path)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{path} scrolls {wide} px sideways"


def test_the_watch_notices_what_the_content_policy_refuses(
    site: str, sign_in: Callable[..., Page], complaints: Complaints
) -> None:
    page = sign_in(make_member(make_project()))
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.wait_for_timeout(200)
    assert any("Content Security Policy" in said for said in complaints.said)
    complaints.said.clear()
