import pytest

from annotations.recall.sameness import named_items, near_duplicate, normalise, same_problem

ASKED, ANSWERED, WRONG = "How much is the lantern?", "The lantern costs 39 euros.", "The lantern costs 45 euros."
NAMED = named_items(ASKED, ANSWERED, WRONG)


def test_named_items_tie_a_question_to_its_answer():
    assert {"lantern"} == NAMED


@pytest.mark.parametrize(
    ("prompt", "cosine", "same"),
    [
        ("What does the lantern cost, please?", 0.9, True),
        ("How much are the lanterns?", 0.95, True),
        ("How much is the tent?", 0.9, False),  # a sibling: another item
        ("How much are 2 lanterns?", 0.9, False),  # another number
        ("Tell me the lantern's price", 0.8, False),  # too far in meaning
    ],
)
def test_the_same_problem_needs_meaning_numbers_and_names(prompt, cosine, same):
    assert same_problem(prompt, ASKED, cosine, NAMED) is same


def test_a_correction_that_names_nothing_must_be_closer():
    assert not same_problem("When do you open?", "What are your hours?", 0.9, frozenset())
    assert same_problem("When do you open?", "When are you open?", 0.94, frozenset())


def test_near_duplicates_are_alike_in_meaning_and_letters():
    assert near_duplicate("How  much is it?", "how much is it?", 0.0)
    assert near_duplicate("How much is the lantern?", "How much is the lanterns?", 0.97)
    assert not near_duplicate("Where was he born, America?", "Where was he born, Britain?", 0.96)
    assert normalise("Cafe\u0301  X") == "café x"
