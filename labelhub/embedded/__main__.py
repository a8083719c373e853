"""`python -m labelhub.embedded start|stop|status`"""

import sys

from labelhub import embedded


def main(arguments: list[str]) -> int:
    """0: as asked; 2: not understood; 3: it does not run."""
    place = embedded.home()
    if arguments == ["start"]:
        embedded.start(place)
    elif arguments == ["stop"]:
        embedded.stop(place)
    elif arguments != ["status"]:
        print("Usage: python -m labelhub.embedded start|stop|status", file=sys.stderr)
        return 2
    pid = place.postmaster
    print(f"running, process {pid}, data in {place.data}" if pid else f"not running, data in {place.data}")
    return 0 if pid or arguments == ["stop"] else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
