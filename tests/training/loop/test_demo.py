import pytest

from training.lm.starter import corpus, world
from training.loop.demo import customers


def frames_of(prompts):
    """The sentences without their items: what two questions have in common when only the item differs."""
    names = sorted({world.item_name(i, x) for i in world.INTENTS for x in world.items(i)}, key=len, reverse=True)
    found = set()
    for prompt in prompts:
        text = prompt.casefold()
        for name in names:
            text = text.replace(name.casefold(), "{item}")
        found.add(text)
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_held_out_sentences_are_used_by_no_customer_so_by_no_training_row(seed):
    held_out = [question.prompt for question in customers.held_out()]
    assert len(set(held_out)) >= 50
    asked = {exchange.question.prompt for exchange in customers.exchanges(seed)}
    assert not frames_of(held_out) & frames_of(asked)


def test_held_out_sentences_do_not_occur_in_the_starters_corpus():
    held_out = frames_of(question.prompt for question in customers.held_out())
    said = (m["content"] for dialogue in corpus.dialogues(3000, seed=0) for m in dialogue if m["role"] == "user")
    assert not held_out & frames_of(said)


def test_at_least_eight_facts_changed_and_each_to_something_else_than_the_starter_learnt():
    assert len(customers.CHANGED) >= 8
    assert all(world.FACTS[fact] != value for fact, value in customers.CHANGED.items())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_shop_is_busy_and_every_changed_fact_is_asked_for(seed):
    asked = customers.exchanges(seed)
    assert len(asked) >= 2000
    assert len({exchange.session for exchange in asked}) >= 200
    facts = [exchange.question.fact for exchange in asked]
    assert all(facts.count(fact) >= 8 for fact in customers.CHANGED)


def test_people_react_alike_for_the_same_seed_and_mostly_notice_what_is_wrong():
    def reactions():
        asked = customers.exchanges(1)
        for exchange in asked:
            exchange.output = "wrong" if exchange.question.fact in customers.CHANGED else exchange.question.right_answer
        customers.react(asked, 1)
        return [[(s["kind"], s["value"]) for s in exchange.feedback] for exchange in asked], asked

    first, asked = reactions()
    assert first == reactions()[0]
    wrong = [exchange for exchange in asked if not exchange.right]
    assert sum(bool(exchange.feedback) for exchange in wrong) > 0.8 * len(wrong)
