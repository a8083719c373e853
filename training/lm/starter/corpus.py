"""Dialogues about the world, as many as wanted, always the same ones for a seed.

Questions use corpus frames only. Some dialogues carry a block of corrections in the system message: the
answer follows the one that fits the question, and ignores those that do not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from training.lm.starter import phrasing, world

Message = dict[str, str]
Pair = tuple[str, str]

_OTHER_WORDS = (
    "{answer} This is new.",
    "{answer} Please check again next week.",
    "Right now it is {value} for the {item}.",
    "It is {value} for {item} since {word}.",
    "For {item} you should know: {value}.",
    "Since {word} it is {value} ({item}).",
    "Sorry, that was wrong before. {answer}",
)


@dataclass(frozen=True)
class Mix:
    """Shares of dialogues with a corrections block; the rest has none.

    `open` is the share of the fitting ones that are about something outside of the shop, answered in words
    that only copying can give.
    """

    right: float = 0.34
    irrelevant: float = 0.15
    several: float = 0.16
    open: float = 0.2


COPY_ONLY = Mix(right=0.65, irrelevant=0.0, several=0.0, open=0.45)


def dialogues(n: int, seed: int, mix: Mix | None = None) -> Iterator[list[Message]]:
    """`n` dialogues as message lists that end with the assistant."""
    rng = Random(f"fernway-{seed}")
    for _ in range(n):
        yield _dialogue(rng, mix or Mix())


def _dialogue(rng: Random, mix: Mix) -> list[Message]:
    prompt = world.SYSTEM_PROMPT if rng.random() < 0.3 else ""
    draw = rng.random()
    if draw < mix.right:
        return _corrected(rng, prompt, mix.open, others=0, right=True)
    if draw < mix.right + mix.irrelevant:
        return _corrected(rng, prompt, mix.open, others=1, right=False)
    if draw < mix.right + mix.irrelevant + mix.several:
        return _corrected(rng, prompt, mix.open, others=rng.choice((1, 1, 2)), right=rng.random() < 0.7)
    return _start(prompt) + _plain_turns(rng)


def _start(system: str) -> list[Message]:
    return [{"role": "system", "content": system}] if system else []


def _turn(question: str, reply: str) -> list[Message]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]


def question(rng: Random, intent: str, item: str) -> str:
    """One way of asking for a fact, with whatever people add or leave out."""
    frames = world.corpus_frames(intent)
    own = len(frames) if not world.keys(intent) else 10
    frame = frames[rng.randrange(own)] if rng.random() < 0.55 else rng.choice(frames)
    if rng.random() < 0.4:
        frame = phrasing.drop_words(rng, frame)
    if world.kind(intent) in ("product", "electric") and rng.random() < 0.1:
        frame = frame.replace(phrasing.SLOT, rng.choice(world.item_name(intent, item).split()))
    return phrasing.wrapped(rng, world.ask(intent, item, frame))


def _fact(rng: Random) -> tuple[str, str]:
    # Half of the draws by fact, half by intent: small policies would else be seen a tenth as often as prices.
    if rng.random() < 0.5:
        return world.split(rng.choice(_ALL))
    intent = rng.choice(world.INTENTS)
    return intent, rng.choice(world.items(intent))


_ALL = tuple(world.FACTS)


def _plain_turns(rng: Random) -> list[Message]:
    if rng.random() < 0.1:
        return _turn(phrasing.wrapped(rng, phrasing.off_topic(rng)), world.I_DO_NOT_KNOW)
    intent, item = _fact(rng)
    turns = _turn(question(rng, intent, item), world.answer(world.FACTS, intent, item))
    for _ in range(rng.choice((0, 0, 0, 0, 1, 2))):
        intent, item, text = _follow_up(rng, intent, item)
        turns += _turn(text, world.answer(world.FACTS, intent, item))
    if rng.random() < 0.04:
        turns += _turn(rng.choice(world.THANKS), world.WELCOME)
    return turns


def _follow_up(rng: Random, intent: str, item: str) -> tuple[str, str, str]:
    """The next question of a dialogue, often without saying again what was said before."""
    kind = world.kind(intent)
    if kind == "product" and rng.random() < 0.5:
        nxt = rng.choice([name for name in world.INTENTS if world.kind(name) == "product"])
        frame: str = rng.choice(world.FOLLOW_UPS["key"])
        return nxt, item, phrasing.wrapped(rng, frame.replace("{key}", rng.choice(world.keys(nxt))))
    if kind in ("product", "electric", "country", "plan") and rng.random() < 0.7:
        other = rng.choice(world.items(intent))
        frame = rng.choice(world.FOLLOW_UPS["bare" if kind == "country" else "item"])
        return intent, other, phrasing.wrapped(rng, world.ask(intent, other, frame))
    intent, item = _fact(rng)
    return intent, item, question(rng, intent, item)


def _corrected(rng: Random, prompt: str, open_share: float, *, others: int, right: bool) -> list[Message]:
    if right and rng.random() < open_share:
        asked, reply = phrasing.off_topic(rng), phrasing.sentence(rng)
        pairs = [(asked, reply), *(_other(rng, *_fact(rng)) for _ in range(others))]
    else:
        intent, item = _fact(rng)
        asked, reply = question(rng, intent, item), world.answer(world.FACTS, intent, item)
        pairs = [_other(rng, intent, item) for _ in range(others)]
        if right:
            wanted = asked if rng.random() < 0.35 else question(rng, intent, item)
            reply = _approved(rng, intent, item)
            pairs.append((wanted, reply))
    rng.shuffle(pairs)
    return _start(world.system(pairs, prompt)) + _turn(asked, reply)


def _approved(rng: Random, intent: str, item: str) -> str:
    """An expert's answer with a value that the shop never had, mostly in the canonical sentence."""
    value = phrasing.value_like(rng, world.FACTS[world.key(intent, item)])
    reply = world.say(intent, item, value)
    draw = rng.random()
    if draw < 0.68:
        return reply
    if draw < 0.84:
        return phrasing.sentence(rng, (world.item_name(intent, item), value))
    shape = rng.choice(_OTHER_WORDS).replace("{word}", phrasing.noun_phrase(rng))
    shape = shape.replace("{item}", world.item_name(intent, item))
    return shape.replace("{answer}", reply).replace("{value}", value)


def _other(rng: Random, intent: str, item: str) -> Pair:
    """A correction that does not fit: most often a sibling's, else another question altogether."""
    draw = rng.random()
    if draw < 0.15:
        return phrasing.off_topic(rng), phrasing.sentence(rng)
    if draw < 0.6:
        nxt, other = intent, rng.choice([name for name in world.items(intent) if name != item])
    else:
        nxt, other = _fact(rng)
        while (nxt, other) == (intent, item):
            nxt, other = _fact(rng)
    return question(rng, nxt, other), _approved(rng, nxt, other)
