"""What a browser loads of our own code stays small."""

import pytest

from tests.benchmarks.weight import STATIC, css_gz_bytes, js_gz_bytes, loaded


@pytest.mark.bar("F4")
def test_the_code_of_a_page_fits_its_budget() -> None:
    assert js_gz_bytes() <= 30_000
    assert css_gz_bytes() <= 15_000


def test_everything_that_a_page_imports_is_weighed() -> None:
    names = {
        file.relative_to(STATIC).as_posix() for part in ("js/app.js", "css/app.css") for file in loaded(STATIC / part)
    }
    assert {"js/elements/span-picker.js", "js/htmx-wiring.js", "css/components/verdict.css", "css/tokens.css"} <= names
