"""The desk by keyboard alone, then the second person."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotations.capture.models import Interaction
from annotations.review.actions.approvals import approve
from annotations.review.models import Approval, Claim, Draft, Label, ReviewTask
from labelhub.projects.models import Project
from labelhub.projects.rights import Role
from tests.browser.complaints import Complaints
from tests.browser.conftest import TIMEOUT_MS
from tests.factories import (
    make_feedback,
    make_interaction,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
)

EMOJI = "Thank you 👩‍👩‍👧 for asking! 🙂 The lantern costs 45 euros, shipping is free."


@pytest.fixture
def project(transactional_db: None) -> Project:
    return make_project(name="Fernway support")


@pytest.fixture
def queue(project: Project):  # type: ignore[no-untyped-def]
    queue = make_queue(project, slug="answers", name="Answers")
    for n, output in enumerate([EMOJI, "The tent weighs three kilos."]):
        interaction = make_interaction(project, output=output, prompt=f"Question {n}: how much is it?")
        make_feedback(interaction)
        make_task(queue, interaction, priority=10 - n)
    return queue


def begin(page: Page, project: Project, site: str) -> None:
    page.goto(f"{site}/p/{project.slug}/q/answers/")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#output")).to_contain_text("45 euros")


def test_a_correction_goes_from_the_keyboard_to_a_second_persons_approval(
    site: str, project: Project, queue: object, sign_in: Callable[..., Page]
) -> None:
    expert, moderator = make_member(project, name="Ines"), make_member(project, Role.MODERATOR, name="Omar")
    page = sign_in(expert)
    begin(page, project, site)
    correct_by_keyboard(page)

    label = Label.objects.get(author=expert)
    comment = label.comments.get()
    assert label.rewrite == "The lantern costs 39 euros."
    assert [(c.category.slug, c.severity) for c in label.categories.all()] == [("factually-incorrect", 3)]
    assert EMOJI[comment.start : comment.end] == comment.exact
    assert "45" in comment.exact
    assert comment.start > EMOJI.index("👧")

    page.keyboard.press("a")  # good as it is
    expect(page.locator("#screen")).to_contain_text("Nothing left for you here")
    assert Label.objects.filter(author=expert, verdict="good").count() == 1

    second = sign_in(moderator)
    second.goto(f"{site}/p/{project.slug}/approvals/")
    expect(second.locator(".case")).to_contain_text("The lantern costs 39 euros.")
    second.keyboard.press("a")
    expect(second.locator("#toasts")).to_contain_text("Approved")
    second.keyboard.press("b")
    second.keyboard.type("Which tent?")
    second.keyboard.press("Control+Enter")
    expect(second.locator("#screen")).to_contain_text("Nothing waits")
    assert Approval.objects.get().label == label
    assert Approval.objects.get().by == moderator


def correct_by_keyboard(page: Page) -> None:
    """A category that does harm, a comment on the price, another answer, and on to the next."""
    keys = page.keyboard
    keys.press("1")  # factually incorrect
    keys.press("+")  # and it does harm
    expect(page.locator("input[name=category][value=factually-incorrect]")).to_be_checked()

    keys.press("h")  # a caret in the output
    for _ in range(6):
        keys.press("Control+ArrowRight")
    while "45" not in page.evaluate("getSelection().toString()"):
        keys.press("Shift+Control+ArrowRight")
    keys.press("Enter")
    keys.press("1")
    keys.type("It costs 39 since October.")
    keys.press("Control+Enter")
    expect(page.locator("#notes .note")).to_contain_text("It costs 39 since October.")
    expect(page.locator("#output mark").first).to_be_visible()

    keys.press("Escape")
    keys.press("e")  # the rewrite starts from the output
    expect(page.locator("#rewrite")).to_be_focused()
    expect(page.locator("#rewrite")).to_have_value(EMOJI)
    keys.press("Control+a")
    keys.type("The lantern costs 39 euros.")
    expect(page.locator("#diff ins").first).to_be_visible()
    expect(page.locator("#saved")).to_contain_text("Saved")
    keys.press("Control+Enter")  # also inside a text field
    expect(page.locator("#output")).to_contain_text("three kilos")


@pytest.mark.bar("3a-20")
def test_a_double_click_and_a_key_on_top_of_it_judge_one_answer(
    site: str, project: Project, queue: object, sign_in: Callable[..., Page], complaints: Complaints
) -> None:
    complaints.expected.append("409")
    page = sign_in(make_member(project))
    begin(page, project, site)
    page.evaluate(
        """() => {
            const button = [...document.querySelectorAll('.foot button')].find((b) => b.name === 'good');
            button.click();
            button.click();
            document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'a', bubbles: true }));
        }"""
    )
    expect(page.locator("#output")).to_contain_text("three kilos")
    page.wait_for_timeout(500)  # a second request would have come by now
    assert Label.objects.get().task.interaction.output == EMOJI


def test_one_key_takes_a_submit_back_with_every_word(
    site: str, project: Project, queue: object, sign_in: Callable[..., Page]
) -> None:
    page = sign_in(make_member(project))
    begin(page, project, site)
    page.keyboard.press("1")
    page.fill("#rewrite", "The lantern costs 39 euros.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#output")).to_contain_text("three kilos")
    expect(page.locator("#toasts")).to_contain_text("Submitted.")
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    expect(page.locator("#output")).to_contain_text("45 euros")
    expect(page.locator("#rewrite")).to_have_value("The lantern costs 39 euros.")
    expect(page.locator("input[name=category][value=factually-incorrect]")).to_be_checked()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#output")).to_contain_text("three kilos")
    assert Label.objects.standing().count() == 1


def test_suggested_words_and_the_end_users_own_become_the_better_answer_with_one_act_each(
    site: str, project: Project, queue: object, sign_in: Callable[..., Page]
) -> None:
    first = Interaction.objects.get(project=project, output=EMOJI)
    make_feedback(first, kind="rewrite", text="It is 39 euros now.")
    page = sign_in(make_member(project))
    begin(page, project, site)
    comment_by_caret(page, "It is 38")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#notes .note")).to_contain_text("It is 38")
    page.keyboard.press("Escape")
    page.keyboard.press("i")
    expect(page.locator("#rewrite")).to_have_value(re.compile("^It is 38"))
    expect(page.locator(".rewrite-length")).to_contain_text("characters")
    expect(page.locator("#diff ins").first).to_be_visible()
    page.get_by_role("button", name="start from this").click()
    expect(page.locator("#rewrite")).to_have_value("It is 39 euros now.")
    expect(page.locator("#saved")).to_contain_text("Saved")
    page.keyboard.press("Control+z")
    expect(page.locator("#rewrite")).to_have_value(re.compile("^It is 38"))
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    page.keyboard.type("It names a customer.")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Flagged.")
    expect(page.locator("#flag")).to_be_hidden()
    page.keyboard.press("v")
    expect(page.locator("#similar")).to_contain_text("No decided case is like this one")


def test_ones_own_key_acts_in_the_place_of_the_first(
    site: str, project: Project, queue: object, sign_in: Callable[..., Page]
) -> None:
    expert = make_member(project)
    page = sign_in(expert)
    page.goto(f"{site}/me/shortcuts/")
    page.get_by_label("Skip").fill("x")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Saved.")
    begin(page, project, site)
    page.keyboard.press("s")
    expect(page.locator("#skip")).to_be_hidden()
    page.keyboard.press("x")
    expect(page.locator("#skip")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_contain_text("X")


def test_the_output_is_shown_formatted_in_the_place_of_its_text_and_back(
    site: str, project: Project, queue: object, sign_in: Callable[..., Page]
) -> None:
    Interaction.objects.filter(output=EMOJI).update(output=f"{EMOJI} **So it is.**")
    page = sign_in(make_member(project))
    begin(page, project, site)
    page.keyboard.press("m")
    expect(page.locator("#preview strong")).to_have_text("So it is.")
    expect(page.locator("#output")).to_be_hidden()
    page.keyboard.press("m")
    expect(page.locator("#output")).to_contain_text("**So it is.**")
    expect(page.locator("#preview")).to_be_hidden()


def test_an_approved_label_is_edited_as_a_new_version_by_keyboard(
    site: str, project: Project, queue: object, sign_in: Callable[..., Page]
) -> None:
    expert, moderator = make_member(project), make_member(project, Role.MODERATOR)
    label = make_label(ReviewTask.objects.earliest("pk"), expert)
    approve(label, by=moderator)
    page = sign_in(expert)
    page.goto(f"{site}/p/{project.slug}/labels/")
    page.get_by_role("link", name="Edit as a new version").click()
    expect(page.locator("#rewrite")).to_have_value(label.rewrite)
    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.type("The lantern costs 38 euros.")
    expect(page.locator("#saved")).to_contain_text("Saved")
    page.reload()
    expect(page.locator("#rewrite")).to_have_value("The lantern costs 38 euros.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("Your new version waits for a second person.")
    better = Label.objects.get(revises=label)
    assert better.rewrite == "The lantern costs 38 euros."
    page.keyboard.press("z")
    expect(page.locator("#rewrite")).to_have_value(better.rewrite)
    assert not Label.objects.for_approval_by(moderator).exists()


def test_what_a_reply_brings_is_alive_at_once_so_that_a_quick_hand_submits_nothing(
    site: str, project: Project, queue: object, sign_in: Callable[..., Page]
) -> None:
    """A button that htmx did not know yet would have sent the whole form, as Enter does."""
    page = sign_in(make_member(project))
    begin(page, project, site)
    comment_by_caret(page, "It is 38")
    page.evaluate(
        """() => document.addEventListener('htmx:afterRequest', () => document.querySelector('[name=replace]').click(),
            { once: true })"""
    )
    page.keyboard.press("Control+Enter")
    expect(page.locator("#rewrite")).to_have_value(re.compile("^It is 38"))
    assert not Label.objects.exists()


def comment_by_caret(page: Page, replacement: str) -> None:
    """Mark the words up to the price and write others for them; the comment is not added yet."""
    page.keyboard.press("h")
    while "45" not in page.evaluate("getSelection().toString()"):
        page.keyboard.press("Shift+Control+ArrowRight")
    page.keyboard.press("Enter")
    page.fill("#span-replacement", replacement)


@pytest.mark.bar("3a-28")
def test_selecting_with_the_mouse_opens_the_comment_and_counts_code_points(
    site: str, project: Project, queue: object, sign_in: Callable[..., Page]
) -> None:
    page = sign_in(make_member(project))
    begin(page, project, site)
    page.evaluate(
        """() => {
            const node = document.querySelector('#output').firstChild;
            const start = node.data.indexOf('45 euros');
            getSelection().setBaseAndExtent(node, start, node, start + 8);
            document.querySelector('#output').dispatchEvent(new PointerEvent('pointerup', { bubbles: true }));
        }"""
    )
    expect(page.locator(".comment-panel")).to_be_visible()
    page.keyboard.press("3")
    page.keyboard.type("39 euros, please")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#output mark")).to_have_text("45 euros")
    expect(page.locator("#output")).to_have_text(EMOJI)
    page.locator("#notes .note >> text=Remove").click()
    expect(page.locator("#output mark")).to_have_count(0)


def test_a_comment_that_was_not_taken_stays_where_it_was_typed(
    site: str, project: Project, queue: object, sign_in: Callable[..., Page], complaints: Complaints
) -> None:
    complaints.expected.append("409")
    page = sign_in(make_member(project))
    begin(page, project, site)
    page.fill("#rewrite", "The lantern costs 39 euros.")
    expect(page.locator("#saved")).to_contain_text("Saved")
    Draft.objects.update(version=9, content={})  # as another tab that saved meanwhile
    page.evaluate(
        """() => {
            const node = document.querySelector('#output').firstChild;
            getSelection().setBaseAndExtent(node, 0, node, 3);
            document.querySelector('#output').dispatchEvent(new PointerEvent('pointerup', { bubbles: true }));
        }"""
    )
    expect(page.locator(".comment-panel")).to_be_visible()
    page.fill("[name=span_text]", "not so")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#refusals")).not_to_be_empty()
    expect(page.locator("[name=span_text]")).to_be_visible()
    expect(page.locator("[name=span_text]")).to_have_value("not so")


def test_single_keys_rest_in_text_fields(
    site: str, project: Project, queue: object, sign_in: Callable[..., Page]
) -> None:
    page = sign_in(make_member(project))
    begin(page, project, site)
    page.locator("#rewrite").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("1 a s 0 e ?")
    expect(page.locator("#rewrite")).to_have_value("1 a s 0 e ?")
    expect(page.locator("input[name=category]:checked")).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_contain_text("Submit and next")


def test_a_draft_survives_a_reload_and_two_tabs_never_overwrite_each_other(
    site: str, project: Project, queue: object, sign_in: Callable[..., Page], complaints: Complaints
) -> None:
    complaints.expected.append("409")
    page = sign_in(make_member(project))
    begin(page, project, site)
    other = page.context.new_page()
    other.goto(page.url)
    for tab, words in ((page, "from the first tab"), (other, "from the second tab")):
        tab.locator("#rewrite").focus()
        tab.keyboard.press("Control+a")
        tab.keyboard.type(words)
        if tab is page:
            expect(tab.locator("#saved")).to_contain_text("Saved")
    expect(other.locator("#refusals")).to_contain_text("from the first tab")
    expect(other.locator("#refusals")).to_contain_text("from the second tab")
    expect(other.locator("#saved")).to_contain_text("Not saved, kept in this tab")
    other.locator("text=Keep this one").click()
    expect(other.locator("#refusals")).to_be_empty()
    expect(other.locator("#saved")).to_contain_text("Saved")
    other.reload()
    expect(other.locator("#rewrite")).to_have_value("from the second tab")


@pytest.mark.parametrize("reload", ["location.reload()", "the browser's own"])
@pytest.mark.parametrize("has_api", [True, False])
def test_a_reload_keeps_the_task_and_going_elsewhere_gives_it_back_where_the_browser_tells_of_it(
    site: str, project: Project, queue: object, sign_in: Callable[..., Page], has_api: bool, reload: str
) -> None:
    page = sign_in(make_member(project))
    if not has_api:
        page.add_init_script("Object.defineProperty(window, 'navigation', { value: undefined })")
    begin(page, project, site)
    with page.expect_navigation():
        page.evaluate(reload) if reload.endswith("()") else page.reload()
    expect(page.locator("#output")).to_contain_text("45 euros")
    page.wait_for_timeout(300)  # a release would have come by now
    assert Claim.objects.get().state == Claim.State.HELD
    page.click("a.brand")
    expect(page).to_have_url(f"{site}/")
    for _ in range(TIMEOUT_MS // 100 if has_api else 3):
        page.wait_for_timeout(100)
        if Claim.objects.get().state == Claim.State.RELEASED:
            break
    assert Claim.objects.get().state == (Claim.State.RELEASED if has_api else Claim.State.HELD)


def test_the_desk_works_without_javascript(
    site: str, project: Project, queue: object, sign_in: Callable[..., Page], complaints: Complaints
) -> None:
    complaints.expected.append("422")
    expert = make_member(project)
    page = sign_in(expert, java_script_enabled=False)
    page.goto(f"{site}/p/{project.slug}/q/answers/")
    page.click("text=Take the first")
    page.check("input[name=category][value=wrong-tone]", force=True)
    page.click("summary:has-text('Quote and comment')")
    page.fill("#quote", "45 euros")
    page.fill("#quote-replacement", "39 euros")
    page.click("text=Add the comment")
    expect(page.locator("#output mark")).to_have_text("45 euros")
    page.click("text=Submit and next")
    expect(page.locator("#output")).to_contain_text("three kilos")
    label = Label.objects.get(author=expert)
    assert label.rewrite == EMOJI.replace("45 euros", "39 euros")
    assert label.comments.get().start == EMOJI.index("45 euros")
    page.click("text=Submit and next")  # nothing chosen: the form comes back with the reason
    expect(page.locator("#refusals")).to_contain_text("Say what was wrong")
