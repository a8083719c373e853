#!/usr/bin/env python
"""Django's command line. Without DATABASE_URL it uses (and starts) the embedded Postgres."""

import os
import sys


def main() -> None:
    from labelhub import embedded

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labelhub.settings")
    embedded.ensure_running()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
