"""The desk and the approval pages over HTTP: who sees what, what comes back, how many queries it takes."""

import json
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations.review.actions.approvals import approve, send_back
from annotations.review.models import Claim, Draft, Label, Queue
from annotations.review.views.form import read_form
from labelhub.errors import Invalid
from labelhub.projects.models import Guidelines
from labelhub.projects.rights import Role
from tests.factories import (
    make_claim,
    make_feedback,
    make_interaction,
    make_label,
    make_member,
    make_project,
    make_queue,
    make_task,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("hashed_static")]
HTMX = {"HX-Request": "true"}
HOSTILE = '<img src=x onerror="alert(1)"><b hx-get="/x" hx-on:click="y()">ö 🙂</b></script>'


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def at(queue: Queue, tail: str = "") -> str:
    return f"/p/{queue.project.slug}/{tail or f'q/{queue.slug}/'}"


@pytest.fixture
def queue() -> Queue:
    return make_queue(make_project())


def form(claim: Claim, **over: Any) -> dict[str, Any]:
    return {"fence": claim.fence, "version": 0, "rewrite": "", "note": "", "comments": "[]", **over}


def test_strangers_get_404_at_every_page_of_a_project(queue: Queue) -> None:
    task = make_task(queue)
    label = make_label(make_task(queue), make_member(queue.project))
    stranger = signed_in(make_member(make_project(), Role.ADMIN))
    for tail in [f"q/{queue.slug}/", "approvals/", f"approvals/{label.pk}/", "triage/", "triage/rows/", ""]:
        assert stranger.get(f"/p/{queue.project.slug}/{tail}").status_code == 404, tail
    for tail in ["claim", "draft", "label", "skip", "lease", "release"]:
        assert stranger.post(at(queue, f"tasks/{task.pk}/{tail}/")).status_code == 404, tail
    for tail in ["approval", "return"]:
        assert stranger.post(at(queue, f"approvals/{label.pk}/{tail}/")).status_code == 404, tail


def test_ids_of_another_project_are_unknown_in_this_one(queue: Queue) -> None:
    elsewhere = make_queue(make_project())
    expert = make_member(queue.project)
    task = make_task(elsewhere)
    assert signed_in(expert).post(at(queue, f"tasks/{task.pk}/claim/")).status_code == 404


def test_experts_do_not_see_the_approval_pages(queue: Queue) -> None:
    assert signed_in(make_member(queue.project)).get(at(queue, "approvals/")).status_code == 404


def test_people_who_are_not_signed_in_are_sent_to_the_sign_in(queue: Queue) -> None:
    response = Client().get(at(queue))
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_a_queue_of_other_reviewers_is_unknown(queue: Queue) -> None:
    queue.reviewers.add(make_member(queue.project))
    assert signed_in(make_member(queue.project)).get(at(queue)).status_code == 404


def test_the_desk_starts_with_a_button_then_shows_the_most_urgent_answer(queue: Queue) -> None:
    make_task(queue, make_interaction(queue.project, output="later"), priority=1)
    make_task(queue, make_interaction(queue.project, output="first"), priority=9)
    client = signed_in(make_member(queue.project))
    assert "2 answers to judge" in client.get(at(queue)).content.decode()
    response = client.post(at(queue, f"q/{queue.slug}/claim/"), follow=True)
    assert ">first</div>" in response.content.decode()


def test_an_empty_queue_says_what_to_do_next(queue: Queue) -> None:
    assert "Nothing left for you here" in signed_in(make_member(queue.project)).get(at(queue)).content.decode()


def test_text_of_people_and_models_is_text_on_the_page(queue: Queue) -> None:
    interaction = make_interaction(
        queue.project, prompt=HOSTILE, output=HOSTILE, system_context=HOSTILE, model_version=HOSTILE,
        turns=[{"role": "user", "content": HOSTILE}], documents=[{"title": HOSTILE, "text": HOSTILE}],
    )  # fmt: skip
    make_feedback(interaction, kind="comment", text=HOSTILE)
    expert = make_member(queue.project, name=HOSTILE)
    make_claim(make_task(queue, interaction), expert)
    page = signed_in(expert).get(at(queue)).content.decode()
    assert "<img src=x" not in page
    assert "<b hx-get" not in page
    assert page.count("&lt;img src=x onerror=") >= 7


def test_submitting_answers_with_the_next_item_in_the_same_request(queue: Queue) -> None:
    task = make_task(queue, priority=9)
    make_task(queue, make_interaction(queue.project, output="the next one"))
    expert = make_member(queue.project)
    claim = make_claim(task, expert)
    data = form(claim, category=["too-vague", "wrong-tone"], **{"severity-wrong-tone": "3"})
    response = signed_in(expert).post(at(queue, f"tasks/{task.pk}/label/"), data, headers=HTMX)
    assert "the next one" in response.content.decode()
    assert "<html" not in response.content.decode()
    severities = {c.category.slug: c.severity for c in Label.objects.get().categories.all()}
    assert severities == {"too-vague": 2, "wrong-tone": 3}


def test_good_as_it_is_needs_one_press(queue: Queue) -> None:
    task, expert = make_task(queue), make_member(queue.project)
    claim = make_claim(task, expert)
    signed_in(expert).post(at(queue, f"tasks/{task.pk}/label/"), form(claim, good="1"))
    assert Label.objects.get().verdict == "good"


def test_without_htmx_a_refused_form_comes_back_with_what_was_typed(queue: Queue) -> None:
    task, expert = make_task(queue), make_member(queue.project)
    claim = make_claim(task, expert)
    data = form(claim, good="1", category="too-vague", note="half a thought")
    response = signed_in(expert).post(at(queue, f"tasks/{task.pk}/label/"), data)
    assert response.status_code == 422
    assert "half a thought" in response.content.decode()
    assert "Categories of fault" in response.content.decode()


def test_with_htmx_a_refusal_is_a_line_not_a_page(queue: Queue) -> None:
    task, expert = make_task(queue), make_member(queue.project)
    response = signed_in(expert).post(
        at(queue, f"tasks/{task.pk}/label/"), form(make_claim(task, expert)), headers=HTMX
    )
    assert response.status_code == 422
    assert 'class="refusal"' in response.content.decode()
    assert "<html" not in response.content.decode()


def test_autosave_returns_the_diff_and_the_next_version(queue: Queue) -> None:
    task, expert = make_task(queue), make_member(queue.project)
    data = form(make_claim(task, expert), rewrite="The lantern costs 39 euros.")
    body = signed_in(expert).post(at(queue, f"tasks/{task.pk}/draft/"), data, headers=HTMX).content.decode()
    assert "<del>45</del><ins>39</ins>" in body
    assert 'name="version" value="1"' in body
    assert 'id="output"' not in body  # a swap would take the selection away


def test_the_slower_tab_is_shown_both_texts(queue: Queue) -> None:
    task, expert = make_task(queue), make_member(queue.project)
    claim, client = make_claim(task, expert), signed_in(expert)
    client.post(at(queue, f"tasks/{task.pk}/draft/"), form(claim, rewrite="one tab"), headers=HTMX)
    response = client.post(at(queue, f"tasks/{task.pk}/draft/"), form(claim, rewrite="other tab"), headers=HTMX)
    assert response.status_code == 409
    assert "one tab" in response.content.decode()
    assert "other tab" in response.content.decode()
    assert Draft.objects.get().content["rewrite"] == "one tab"


def test_a_comment_comes_back_as_a_mark_and_a_note(queue: Queue) -> None:
    task, expert = make_task(queue, make_interaction(queue.project, output="a 👩‍👩‍👧 b cd")), make_member(queue.project)
    span = {"span_start": 8, "span_end": 9, "span_exact": "b", "span_category": "wrong-tone", "comment": "span"}
    data = form(make_claim(task, expert), **span)
    body = signed_in(expert).post(at(queue, f"tasks/{task.pk}/draft/"), data, headers=HTMX).content.decode()
    assert '<mark data-hue="3" data-notes="1">b</mark>' in body
    assert 'class="note"' in body


def test_a_comment_that_does_not_lie_on_the_output_is_refused(queue: Queue) -> None:
    task, expert = make_task(queue), make_member(queue.project)
    span = {"span_start": 0, "span_end": 3, "span_exact": "tent", "span_text": "x", "comment": "span"}
    data = form(make_claim(task, expert), **span)
    response = signed_in(expert).post(at(queue, f"tasks/{task.pk}/draft/"), data, headers=HTMX)
    assert response.status_code == 422
    assert not Draft.objects.exists()


def test_a_draft_that_came_in_by_the_api_in_any_shape_does_not_break_the_desk(queue: Queue) -> None:
    task, expert = make_task(queue), make_member(queue.project)
    make_claim(task, expert)
    content = {"categories": [3, {"category": None}], "comments": [{"start": "a"}, 7], "rewrite": None, "note": None}
    Draft.objects.create(task=task, by=expert, content=content)
    page = signed_in(expert).get(at(queue))
    assert page.status_code == 200
    assert "None</textarea>" not in page.content.decode()


def test_leaving_gives_the_task_back_but_not_one_taken_anew(queue: Queue) -> None:
    task, expert = make_task(queue), make_member(queue.project)
    claim, client = make_claim(task, expert), signed_in(expert)
    client.post(at(queue, f"tasks/{task.pk}/release/"), {"fence": claim.fence})
    again = make_claim(task, expert)
    client.post(at(queue, f"tasks/{task.pk}/release/"), {"fence": claim.fence})
    again.refresh_from_db()
    assert again.state == Claim.State.HELD


@pytest.mark.parametrize("reason", ["x" * 300, "Is it 39 or 45?\nthumb down: “too dear”"])
def test_the_expert_reads_the_whole_reason_why_an_answer_is_there(queue: Queue, reason: str) -> None:
    task, expert = make_task(queue, reason=reason), make_member(queue.project)
    make_claim(task, expert)
    assert reason in signed_in(expert).get(at(queue)).content.decode()


def test_a_reason_that_stands_among_the_signs_is_not_said_twice(queue: Queue) -> None:
    task, expert = make_task(queue, reason="thumb down"), make_member(queue.project)
    make_feedback(task.interaction)
    make_claim(task, expert)
    assert signed_in(expert).get(at(queue)).content.decode().count("thumb down") == 1


def test_skipping_brings_the_next_one_and_not_this_one_again(queue: Queue) -> None:
    task, expert = make_task(queue), make_member(queue.project)
    data = {"reason": "not my field", "fence": make_claim(task, expert).fence}
    body = signed_in(expert).post(at(queue, f"tasks/{task.pk}/skip/"), data, headers=HTMX)
    assert "Nothing left for you here" in body.content.decode()
    assert Claim.objects.get().skip_reason == "not my field"


def test_what_is_put_off_is_listed_at_the_end_of_the_queue_with_when_it_comes_back(queue: Queue) -> None:
    task, expert = make_task(queue), make_member(queue.project, time_zone="Asia/Tokyo")
    data = {"for": "tomorrow", "fence": make_claim(task, expert).fence}
    client = signed_in(expert)
    body = client.post(at(queue, f"tasks/{task.pk}/snooze/"), data, headers=HTMX).content.decode()
    until = Claim.objects.get().snoozed_until
    assert until is not None
    assert until.astimezone(ZoneInfo("Asia/Tokyo")).strftime("%H:%M") == "08:00"
    assert "Nothing left for you here" in body
    assert f"{until.astimezone(ZoneInfo('Asia/Tokyo')):%-d %b, 08:00}" in body
    assert f'action="{at(queue, f"tasks/{task.pk}/claim/")}"' in body
    data["for"] = "some day"
    assert client.post(at(queue, f"tasks/{task.pk}/snooze/"), data).status_code == 422


def test_the_skip_of_an_old_tab_is_refused(queue: Queue) -> None:
    task, expert = make_task(queue), make_member(queue.project)
    claim, client = make_claim(task, expert), signed_in(expert)
    skipped = re.search(
        r'action="[^"]*/skip/".*?name="fence" value="(\d+)"', client.get(at(queue)).content.decode(), re.S
    )
    assert skipped
    assert int(skipped[1]) == claim.fence
    client.post(at(queue, f"tasks/{task.pk}/release/"), {"fence": claim.fence})
    make_claim(task, expert)
    data = {"reason": "too long", "fence": claim.fence}
    response = client.post(at(queue, f"tasks/{task.pk}/skip/"), data, headers=HTMX)
    assert response.status_code == 409
    assert "You do not hold this task any more" in response.content.decode()
    assert client.post(at(queue, f"tasks/{task.pk}/skip/"), {"reason": "x"}).status_code == 422
    assert Claim.objects.get().state == Claim.State.HELD


def test_a_label_sent_back_is_found_at_home_with_its_reason_and_on_the_desk(queue: Queue) -> None:
    task, expert = make_task(queue), make_member(queue.project)
    label = make_label(task, expert)
    send_back(label, by=make_member(queue.project, Role.MODERATOR), reason="Which lantern?")
    client = signed_in(expert)
    assert "Which lantern?" in client.get(f"/p/{queue.project.slug}/").content.decode()
    desk = client.post(at(queue, f"tasks/{task.pk}/claim/"), follow=True).content.decode()
    assert "Which lantern?" in desk
    assert "The lantern costs 39 euros." in desk


def test_the_approval_page_shows_others_labels_only_and_the_decision_brings_the_next(queue: Queue) -> None:
    moderator, expert = make_member(queue.project, Role.MODERATOR), make_member(queue.project)
    own = make_label(make_task(queue), moderator)
    first, second = (make_label(make_task(queue), expert) for _ in range(2))
    client = signed_in(moderator)
    page = client.get(at(queue, "approvals/")).content.decode()
    assert f'id="label-{first.pk}"' in page
    assert f'id="label-{own.pk}"' not in page
    body = client.post(at(queue, f"approvals/{first.pk}/approval/"), headers=HTMX).content.decode()
    assert f"approvals/{second.pk}/approval/" in body
    assert client.post(at(queue, f"approvals/{own.pk}/approval/")).status_code == 403
    client.post(at(queue, f"approvals/{second.pk}/return/"), {"reason": "Look again."})
    assert second.returned.reason == "Look again."


def test_what_one_may_not_decide_on_is_shown_without_a_button_and_with_the_reason_why(queue: Queue) -> None:
    moderator, other = (make_member(queue.project, Role.MODERATOR, name=name) for name in ("Omar", "Noor"))
    own, returned, approved, waiting = (make_label(make_task(queue), author) for author in (moderator, *[other] * 3))
    third = make_member(queue.project, Role.ADMIN, name="Ida")
    send_back(returned, by=third, reason="Which lantern?")
    approve(approved, by=third)
    client, words = signed_in(moderator), {own: "You wrote it", returned: "Which lantern?", approved: "Ida approved it"}
    for label, told in words.items():
        page = client.get(at(queue, f"approvals/{label.pk}/")).content.decode()
        assert told in page
        assert f"approvals/{label.pk}/approval/" not in page
        assert f"approvals/{label.pk}/return/" not in page
    assert f"approvals/{waiting.pk}/approval/" in client.get(at(queue, f"approvals/{waiting.pk}/")).content.decode()


def test_no_label_waiting_says_so(queue: Queue) -> None:
    page = signed_in(make_member(queue.project, Role.MODERATOR)).get(at(queue, "approvals/"))
    assert "Nothing waits" in page.content.decode()


def test_the_approval_list_takes_as_many_queries_for_ten_labels_as_for_two(queue: Queue) -> None:
    client = signed_in(make_member(queue.project, Role.MODERATOR))

    def queries(more: int) -> int:
        for _ in range(more):
            make_label(make_task(queue), make_member(queue.project))
        with CaptureQueriesContext(
            connection,
        ) as caught:
            client.get(at(queue, "approvals/"))
        return len(caught)

    assert queries(2) == queries(8)


def test_the_desk_takes_few_queries_however_much_there_is(queue: Queue) -> None:
    expert = make_member(queue.project)
    interaction = make_interaction(queue.project)
    claim = make_claim(make_task(queue, interaction), expert)
    client = signed_in(expert)

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            client.get(at(queue))
        return len(caught)

    bare = queries()
    for _ in range(5):
        make_feedback(interaction)
        make_task(queue)
    comments = [{"start": n, "end": n + 2, "exact": interaction.output[n : n + 2], "text": "?"} for n in range(9)]
    Draft.objects.create(task=claim.task, by=expert, content={"comments": comments})
    assert queries() == bare <= 16


def post(**fields: Any) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, value in fields.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return data


def test_line_ends_of_the_browser_are_those_of_the_stored_text() -> None:
    assert read_form(post(rewrite="a\r\nb"), "out")["rewrite"] == "a\nb"


def test_a_rewrite_equal_to_the_output_is_none() -> None:
    assert read_form(post(rewrite="out"), "out")["rewrite"] == ""


def test_a_quote_is_found_by_code_points() -> None:
    comment = read_form(post(comment="quote", quote="cd", quote_text="x"), "🙂🙂 cd cd")["comments"][0]
    assert (comment["start"], comment["end"]) == (3, 5)


def test_a_comment_is_removed_by_its_number() -> None:
    kept = json.dumps([{"text": "a"}, {"text": "b"}])
    assert read_form(post(comments=kept, remove_comment="1"), "out")["comments"] == [{"text": "b"}]


@pytest.mark.parametrize("seconds", ["nan", "inf", "-inf", "1e999", "x", "-1"])
def test_seconds_that_are_no_number_are_none(seconds: str) -> None:
    assert 0 <= read_form(post(active_seconds=seconds), "out")["active_seconds"] < 86_400


def test_what_cannot_be_stored_is_escaped_wherever_it_stands_in_the_form(queue: Queue) -> None:
    task, expert = make_task(queue), make_member(queue.project)
    odd, client = "a\x00b", signed_in(expert)
    kept = json.dumps([{"start": 0, "end": 3, "exact": "The", "text": "\x00", "\x00": "\ud800", "category": odd}])
    data = form(
        make_claim(task, expert), category=odd, root_cause=odd, confidence=odd, comments=kept, active_seconds="nan"
    )
    assert client.post(at(queue, f"tasks/{task.pk}/draft/"), data, headers=HTMX).status_code == 200
    assert client.post(at(queue, f"tasks/{task.pk}/label/"), data, headers=HTMX).status_code == 422
    assert "\\u0000" in json.dumps(Draft.objects.get().content)
    assert client.get(at(queue)).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"comments": "{"},
        {"comments": "[1]"},
        {"comment": "quote", "quote": "not there", "quote_text": "x"},
        {"comment": "quote", "quote": ""},
        {"comment": "span", "span_start": "-1", "span_end": "2", "span_exact": "ou"},
        {"comment": "span", "span_start": "0", "span_end": "2", "span_exact": "ou"},
    ],
)
def test_a_form_that_makes_no_sense_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        read_form(post(**fields), "out")


def test_suggested_words_go_into_the_better_answer_in_one_act(queue: Queue) -> None:
    expert, task = make_member(queue.project), make_task(queue, make_interaction(queue.project, output="It costs 45."))
    claim = make_claim(task, expert)
    comments = json.dumps([{"start": 9, "end": 11, "exact": "45", "replacement": "39"}, {"start": "x"}])
    page = signed_in(expert)
    act = form(claim, comments=comments, replace="1")
    answer = page.post(at(queue, f"tasks/{task.pk}/draft/"), act, headers=HTMX).content.decode()
    assert Draft.objects.get().content["rewrite"] == "It costs 39."
    assert re.search(r'<textarea id="rewrite"[^>]* hx-swap-oob="true">\nIt costs 39.</textarea>', answer)


def test_what_the_end_user_wrote_instead_stands_beside_the_answer(queue: Queue) -> None:
    expert, task = make_member(queue.project), make_task(queue, make_interaction(queue.project, output="It costs 45."))
    make_feedback(task.interaction, kind="rewrite", text=f"It costs 39. {HOSTILE}")
    claim = make_claim(task, expert)
    page = signed_in(expert)
    shown = page.get(at(queue)).content.decode()
    assert "What the end user wrote instead" in shown
    assert "<img src=x" not in shown
    assert "your better answer changes" not in shown
    saved = page.post(at(queue, f"tasks/{task.pk}/draft/"), form(claim, rewrite="It costs 40."), headers=HTMX)
    assert "your better answer changes" in saved.content.decode()


def test_changed_guidelines_are_shown_with_what_changed_until_one_judges_by_them(queue: Queue) -> None:
    expert, project = make_member(queue.project), queue.project
    make_label(make_task(queue), expert)
    page = signed_in(expert)
    for _ in range(2):
        make_claim(make_task(queue), expert)
    assert "guidelines have changed" not in page.get(at(queue)).content.decode()
    before = project.guidelines
    Guidelines.objects.create(project=project, version=2, text=before.text.replace("Read", f"Study {HOSTILE}"))
    shown = page.get(at(queue)).content.decode()
    assert "The guidelines have changed" in shown
    assert "<del>Read</del>" in shown
    assert "<img src=x" not in shown
    held = Claim.objects.at_hand(queue, expert).first()
    assert held
    page.post(at(queue, f"tasks/{held.task_id}/label/"), form(held, nothing_wrong="1"))
    assert "guidelines have changed" not in page.get(at(queue)).content.decode()
    newcomer = make_member(project)
    make_claim(make_task(queue), newcomer)
    assert "guidelines have changed" not in signed_in(newcomer).get(at(queue)).content.decode()
