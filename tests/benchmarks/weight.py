"""What a page loads of our own code, gzipped: followed from the two files that base.html names."""

import gzip
import re
from pathlib import Path

from tests.stack import CHECKOUT

STATIC = Path(CHECKOUT, "static")
IMPORT = re.compile(r"""(?:from|import|@import url\()\s*["']([^"']+)["']""")


def js_gz_bytes() -> int:
    return _gz_bytes(loaded(STATIC / "js/app.js"))


def css_gz_bytes() -> int:
    return _gz_bytes(loaded(STATIC / "css/app.css"))


def loaded(file: Path) -> set[Path]:
    """`file`, and all that it imports."""
    found, wanted = set[Path](), [file.resolve()]
    while wanted:
        one = wanted.pop()
        if one not in found:
            found.add(one)
            wanted += [(one.parent / name).resolve() for name in IMPORT.findall(one.read_text())]
    return found


def _gz_bytes(files: set[Path]) -> int:
    return sum(len(gzip.compress(file.read_bytes(), 9)) for file in files)
