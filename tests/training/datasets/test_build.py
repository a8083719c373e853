"""What becomes a row, and why the rest does not: on plain values."""

import json

import numpy as np

from training.datasets.build import (
    Candidate,
    Choice,
    Kind,
    capped,
    choose,
    in_order,
    most_of_a_source,
    with_replay,
)
from training.datasets.canonical import dataset_sha256, prompt_sha256
from training.datasets.groups import split_of
from training.datasets.likeness import Asked, alike, alike_earlier
from training.datasets.rehearsal import Corrected, Said, contradicted, rehearse


def candidate(n: int, prompt: str = "", answer: str = "", **over: object) -> Candidate:
    messages = [{"role": "user", "content": prompt or f"Question {n}?"}]
    facts = {
        "kind": Kind.CORRECTION, "messages": messages, "completion": answer or f"Answer {n}.", "interaction": n,
        "prompt_sha256": prompt_sha256(messages), "source": f"label:{n}", "approval": n, "label": n,
    }  # fmt: skip
    return Candidate(**{**facts, **over})  # type: ignore[arg-type]


def asked(n: int, text: str, vector: list[float], before: str = "") -> Asked:
    unit = np.zeros(8, np.float32)
    unit[: len(vector)] = vector
    unit /= np.linalg.norm(unit)
    return Asked(n, text, prompt_sha256([{"role": "user", "content": text}]), before, unit)


def reasons(choice) -> dict[int, str]:
    return {out.label: str(out.reason) for out in choice.left_out}


def test_the_newest_approval_of_a_question_wins_and_the_older_is_listed():
    rows = [
        candidate(1, "How long?", "21 days."),
        candidate(2, "how  LONG?", "30 days."),
        candidate(3, "How long?", "30 days."),
    ]
    choice = choose(rows, like_held_out={}, good_rows=9, seed=0)
    assert [row.label for row in choice.rows] == [3]
    assert reasons(choice) == {2: "duplicate", 1: "contradicted"}


def test_a_newer_flawed_answer_without_text_still_contradicts_the_older_good_one():
    rows = [candidate(1, "How long?", "21 days.", kind=Kind.GOOD), candidate(2, "How long?", completion="")]
    choice = choose(rows, like_held_out={}, good_rows=9, seed=0)
    assert not choice.rows
    assert reasons(choice) == {2: "no_text", 1: "contradicted"}


def test_test_split_and_held_out_questions_stay_out_with_their_reason():
    rows = [candidate(1, split="test"), candidate(2), candidate(3)]
    choice = choose(rows, like_held_out={2: "case 7"}, good_rows=9, seed=0)
    assert [row.label for row in choice.rows] == [3]
    assert reasons(choice) == {1: "test_split", 2: "held_out"}
    assert next(out.detail for out in choice.left_out if out.label == 2) == "case 7"


def test_good_answers_are_drawn_by_the_seed_and_the_rest_is_listed():
    rows = [candidate(n, kind=Kind.GOOD) for n in range(1, 21)]
    drawn = [{row.label for row in choose(rows, like_held_out={}, good_rows=5, seed=s).rows} for s in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 5
    assert list(reasons(choose(rows, like_held_out={}, good_rows=5, seed=1)).values()) == ["not_drawn"] * 15


def test_one_source_gives_its_share_and_its_newest_approvals_stay_in_whatever_order_they_come():
    rows = [candidate(n, group=7) for n in range(1, 6)] + [candidate(n, group=n + 10) for n in range(6, 9)]
    for some in (rows, rows[::-1]):
        choice = capped(Choice(some, []))
        assert sorted(row.label for row in choice.rows) == [3, 4, 5, 6, 7, 8]
        assert reasons(choice) == {2: "over_cap", 1: "over_cap"}
        assert {out.detail for out in choice.left_out} == {"group 7 of nearly the same question: 3 rows at most"}


def test_what_nobody_judged_is_of_no_group_and_counts_as_a_candidate():
    rehearsed = [candidate(n, kind=Kind.REHEARSAL, approval=0, label=0) for n in range(100, 300)]
    choice = capped(Choice([candidate(n, group=7) for n in range(1, 9)] + rehearsed, []))
    assert len(choice.rows) == 204
    assert list(reasons(choice)) == [4, 3, 2, 1]


def test_a_source_gives_two_in_a_hundred_but_no_fewer_than_3_and_no_more_than_20():
    assert [most_of_a_source(n) for n in (0, 199, 200, 349, 350, 1_049, 1_050, 99_999)] == [3, 3, 4, 6, 7, 20, 20, 20]


def test_what_the_parent_knows_becomes_replay():
    rows = with_replay([candidate(1), candidate(2), candidate(3, kind=Kind.GOOD)], {1, 3})
    assert [row.kind for row in rows] == ["replay", "correction", "good"]


def test_the_same_content_gives_the_same_hash_in_whatever_order_it_was_found():
    rows = [candidate(n) for n in range(1, 9)] + [candidate(9, kind=Kind.GOOD)]
    hashes = {dataset_sha256(row.as_row() for row in in_order(some)) for some in (rows, rows[::-1])}
    assert len(hashes) == 1


def test_a_split_depends_on_the_hash_alone_and_keeps_its_share():
    keys = [prompt_sha256([{"role": "user", "content": f"Question {n}"}]) for n in range(2_000)]
    share = sum(split_of(key, 0.2) == "test" for key in keys) / len(keys)
    assert 0.17 < share < 0.23
    assert all(split_of(key, 0.0) == "train" for key in keys)


def test_form_case_and_space_make_no_other_question_but_earlier_turns_do():
    plain = [{"role": "user", "content": "How much is the café lamp?"}]
    system = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "how MUCH  is the cafe\u0301 lamp?"},
    ]
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}, *plain]
    assert prompt_sha256(plain) == prompt_sha256(system) != prompt_sha256(turns)


def test_near_duplicates_need_meaning_letters_and_the_same_talk_before():
    known = [asked(1, "How much is the lantern please?", [1, 0.05])]
    same = asked(2, "How much is the lantern, please?", [1, 0])
    elsewhere = asked(3, "How much is the lantern, please?", [1, 0], before="another talk")
    sibling = asked(4, "How much is the rucksack?", [1, 0])
    assert alike([same], known) == {0: known[0]}
    assert alike([elsewhere], known) == {}
    assert alike([sibling], known) == {}
    assert alike_earlier([*known, sibling, same]) == {2: known[0]}


def corrected(n: int, item: str, vector: list[float]) -> Corrected:
    return Corrected(
        asked(n, f"How much is the {item}?", vector), f"The {item} costs 45 euros.", f"The {item} costs 39 euros."
    )


def said(n: int, item: str, vector: list[float], text: str = "", output: str = "") -> Said:
    question = asked(n, text or f"What does the {item} cost?", vector)
    return Said(question, output or f"The {item} costs {n} euros.", [{"role": "user", "content": question.text}])


def test_an_answer_that_a_correction_contradicts_is_never_rehearsed():
    pool = [
        said(1, "lantern", [1, 0.1]),
        said(2, "rucksack", [1, 0.1]),
        said(3, "x", [0, 1], "how much is the LANTERN?"),
    ]
    corrections = [corrected(9, "lantern", [1, 0])]
    assert contradicted(pool, corrections) == {0, 2}
    assert [one.asked.id for one in rehearse(pool, corrections, per_correction=5, per_answer=2, most=99)] == [2]


def test_rehearsal_reaches_many_siblings_before_it_repeats_an_answer():
    pool = [
        said(n, "rucksack", [1, n / 100], f"Rucksack price {n}?", "The rucksack costs 80 euros.") for n in range(1, 9)
    ]
    pool += [said(n, f"thing{n}", [1, n / 20]) for n in range(10, 16)]
    chosen = rehearse(pool, [corrected(99, "lantern", [1, 0])], per_correction=6, per_answer=2, most=99)
    assert len({one.output for one in chosen}) == 6
    more = rehearse(pool, [corrected(99, "lantern", [1, 0])], per_correction=9, per_answer=2, most=99)
    assert [one.output for one in more].count("The rucksack costs 80 euros.") == 2
    assert len(rehearse(pool, [corrected(99, "lantern", [1, 0])], per_correction=9, per_answer=2, most=3)) == 3


def test_each_correction_takes_its_turn():
    pool = [said(n, f"a{n}", [1, n / 50]) for n in range(1, 9)] + [
        said(n, f"b{n}", [n / 500, 1]) for n in range(20, 28)
    ]
    chosen = rehearse(
        pool,
        [corrected(98, "lantern", [1, 0]), corrected(99, "kettle", [0, 1])],
        per_correction=3,
        per_answer=2,
        most=99,
    )
    assert [one.output[4] for one in chosen] == ["a", "b"] * 3
    assert len({json.dumps(one.messages) for one in chosen}) == 6
