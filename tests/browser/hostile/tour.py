"""A tour of a browser through the pages of worlds whose every word is hostile."""

from collections.abc import Callable, Collection

from playwright.sync_api import Page, Response

from labelhub.body import stored_text
from tests.browser.complaints import Complaints
from tests.browser.hostile.fields import World
from tests.browser.hostile.pages import OF_A_ROW, PAGES, addresses, answers_of
from tests.factories import make_user

AT_ONCE = 30
# Before anything of the page runs: what a payload would call, and what a browser says when it refuses to run one.
WATCH = """
for (const name of ["pwned", "alert", "confirm", "prompt", "print"])
  window[name] = () => console.error(`ran: ${name}`);
document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.blockedURI} ${event.sample}`));
"""
# Whatever no page of ours has: elements and attributes that run, load or send something.
FOREIGN = """() => {
  const found = [];
  const elements = ["iframe", "frame", "object", "embed", "applet", "base", "math", "marquee", "audio", "video", "style",
    "xss", "listing", "xmp", "plaintext", "noscript", "template", "animate", "foreignobject", "title:not(head > title)"];
  for (const element of document.querySelectorAll(elements.join(","))) found.push(element.outerHTML.slice(0, 200));
  for (const element of document.querySelectorAll("*"))
    for (const { name, value } of element.attributes) {
      const runs = /^on|^(data-)?hx-on/.test(name) || (/^(data-)?hx-(vals|headers|vars)$/.test(name) && /^\\s*js/.test(value));
      const leads = /^(href|src|action|formaction|data|poster|(data-)?hx-(get|post|put|patch|delete|push-url))$/.test(name);
      const away = leads && value !== "" && URL.parse(value, document.baseURI)?.origin !== location.origin;
      if (runs || away) found.push(`${name}=${value}`.slice(0, 200));
    }
  for (const script of document.scripts) if (!script.src && script.type !== "application/json") found.push(script.outerHTML);
  if (document.querySelectorAll("meta[http-equiv], #screen + #screen, #main ~ #main").length) found.push("meta or a second id");
  return found;
}"""
# Words of users that htmx was not told to leave alone. What is in a field or a title is no element.
LOOSE = """() => {
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    if (/pwned|evil\\.test/i.test(node.data) && !node.parentElement.closest("[hx-disable], textarea, option, script"))
      found.push(`${node.parentElement.outerHTML}`.slice(0, 200));
  return found;
}"""
REFUSED = "Failed to load resource"  # what a browser says of a page that is 400, 404 or 405


def tour(
    site: str,
    watched: Callable[..., Page],
    complaints: Complaints,
    routes: Collection[str],
    hostile: list[str],
    *,
    every_row: bool,
) -> None:
    """Open `routes` with each of these words: pages of a project always, what is shared with some of them in turn.

    With `every_row` also the admin's pages of one row are opened for all of them.
    """
    complaints.expected.append(REFUSED)
    for start in range(0, len(hostile), AT_ONCE):
        batch = hostile[start : start + AT_ONCE]
        admin = make_user(stored_text(batch[0])[0][:120])
        worlds = [World.of(payload, admin) for payload in batch]
        page = watched(admin)
        for turn, route in enumerate(routes):
            always = route in PAGES or (every_row and route in OF_A_ROW)
            for world in worlds if always else [worlds[turn % len(worlds)]]:
                for path in addresses(route, world):
                    answer = look_at(page, site + path, complaints, route, world)
                    fine = answer.status in answers_of(route, world.words)
                    assert fine, f"{route} with {world.words!r}: {answer.status}"
        page.context.close()


def look_at(page: Page, address: str, complaints: Complaints, route: str, world: World) -> Response:
    """Open a page: it answers, has nothing on it that is not ours, and nothing is said against it."""
    answer = page.goto(address)
    assert answer is not None
    assert answer.status < 500, f"{route} with {world.words!r}: {answer.status}"
    foreign = page.evaluate(FOREIGN) + (page.evaluate(LOOSE) if route.startswith("p/") else [])
    assert not foreign, f"{route} with {world.words!r} has {foreign}"
    assert not complaints.said, f"{route} with {world.words!r}: {complaints.said}"
    return answer
