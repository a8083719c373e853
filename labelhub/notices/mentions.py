"""Who is meant by @ in a text. Knows no tables."""

import re
from collections.abc import Iterable

from labelhub.people.models import User

# An address, or a name written together; what stands before the @ must not be a word, or every address would mention.
MENTION = re.compile(r"(?<![\w.+-])@([\w.+-]+(?:@[\w-]+(?:\.[\w-]+)+)?)")


def mentioned(text: str, people: Iterable[User]) -> list[User]:
    """Those of `people` whom `text` names by address, by what stands before its @, or by their name without spaces.

    A name that two people share mentions neither: who writes it can give the address.
    """
    called: dict[str, set[User]] = {}
    for person in people:
        for name in {person.email, person.email.partition("@")[0], "".join(person.name.split())}:
            if name:
                called.setdefault(name.casefold(), set()).add(person)
    names = [name.rstrip(".-").casefold() for name in MENTION.findall(text)]
    found = [called.get(name, set()) for name in dict.fromkeys(names)]
    return list(dict.fromkeys(person for people in found if len(people) == 1 for person in people))
