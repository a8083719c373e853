"""What a text gives away by its words alone. Pure; every search is linear in the length of the text."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_CARD = re.compile(r"(?<![\d.,])\d(?:[ -]?\d){12,18}(?![\d.,]?\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b")
_PHONE = re.compile(r"(?<![\w+])\+\d(?:[ ()/.-]{0,2}\d){7,13}(?!\d)")
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,30}\b(?:previous|prior|above|earlier|all|your|system)\b.{0,30}"
    r"\b(?:instructions?|prompts?|rules|messages?|context)\b"
    r"|\byou are now\b.{0,40}|\b(?:reveal|print|repeat)\b.{0,20}\b(?:system prompt|instructions)\b"
    r"|<\|?(?:im_start|im_end|system|endoftext)\|?>|\[/?INST\]|</?(?:corrections?|system)>",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_LETTERS = re.compile(r"[^\W\d_]+")
_SCRIPTS = {
    "CJK": "zh", "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "ARABIC": "ar", "HEBREW": "he",
    "CYRILLIC": "ru", "GREEK": "el", "DEVANAGARI": "hi", "THAI": "th",
}  # fmt: skip
_COMMON = {
    "en": "the is are and what how do does can my you your it of to in for with not this i have when where why",
    "fr": "le la les des est et que qui mon ma mes vous je ne pas pour avec une comment quand où pourquoi ce dans",
    "de": "der die das ist und wie was ich sie mein meine nicht mit für ein eine wann wo warum kann auf den zu",
    "es": "el la los las es y que cómo mi mis usted no con para una cuándo dónde por puedo qué en del se",
    "it": "il la gli è e che come mio mia non con per una quando dove perché posso cosa di del sono si",
    "pt": "o a os as é e que como meu minha não com para uma quando onde por posso você em do da se",
    "nl": "de het een is en wat hoe ik mijn niet met voor wanneer waar waarom kan u je van naar dit",
}
_LANGUAGES = {code: frozenset(words.split()) for code, words in _COMMON.items()}


def personal_data(text: str) -> str:
    """What kind of personal data stands in `text`, '' if none is seen; never the data itself."""
    if _EMAIL.search(text):
        return "an e-mail address"
    if any(_luhn(digits) for digits in map(_digits, _CARD.findall(text))):
        return "a card number"
    if any(_mod97(one.replace(" ", "")) for one in _IBAN.findall(text)):
        return "a bank account"
    return "a telephone number" if _PHONE.search(text) else ""


def instructions(text: str) -> str:
    """The words in `text` that read like an order to a model, '' if there are none."""
    found = _ORDERS.search(text)
    return " ".join(found.group().split())[:80] if found else ""


def listed(text: str, words: Iterable[str]) -> str:
    """The first of `words`, whole and whatever its case, that stands in `text`; '' if none does."""
    folded = unicodedata.normalize("NFC", text).casefold()
    for word in words:
        wanted = unicodedata.normalize("NFC", word).casefold().strip()
        if wanted and wanted in folded and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", folded):
            return word.strip()
    return ""


def unsupported(output: str, sources: Iterable[str]) -> list[str]:
    """Numbers that `output` states and none of `sources` has, in their order. 1,000 and 1000 are one."""
    known = {_plain(number) for source in sources for number in _NUMBER.findall(source)}
    return [number for number in stated(output) if _plain(number) not in known]


def stated(output: str) -> list[str]:
    """The numbers that `output` states, each once, in their order."""
    return list(dict.fromkeys(_NUMBER.findall(output)))


def language(text: str) -> str:
    """The code of the language that `text` is most likely in, '' where too little tells it.

    By script, else by the commonest words of seven languages: at least two of them, and more than of any other.
    """
    text = unicodedata.normalize("NFC", text[:2_000]).casefold()
    words = _LETTERS.findall(text)
    letters = "".join(words)[:300]
    scripts = Counter(map(_script, letters))
    scripts["ja"] += scripts["zh"] if scripts["ja"] else 0  # Japanese mixes both
    foreign = max(scripts.keys() - {""}, key=lambda code: scripts[code], default="")
    if letters and foreign and 2 * scripts[foreign] >= len(letters):
        return foreign
    seen = Counter({code: sum(word in common for word in words) for code, common in _LANGUAGES.items()})
    (best, most), (_, second) = seen.most_common(2)
    return best if most >= 2 and most > second else ""


def _script(letter: str) -> str:
    return _SCRIPTS.get(unicodedata.name(letter, "").split(" ")[0].split("-")[0], "")


def _digits(text: str) -> list[int]:
    return [int(one) for one in text if one.isdecimal()]


def _luhn(digits: list[int]) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = [sum(divmod(2 * one, 10)) for one in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _mod97(account: str) -> bool:
    """ISO 13616: of the account with its first four characters behind, letters as two digits, the rest is 1."""
    turned = account[4:] + account[:4]
    return 15 <= len(account) <= 34 and int("".join(str(int(one, 36)) for one in turned)) % 97 == 1


def _plain(number: str) -> str:
    return re.sub(r"[.,](?=\d{3}(?!\d))", "", number).replace(",", ".")
