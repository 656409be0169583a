#!/usr/bin/env python
"""Django's command line for the portal."""

import os
import sys

WRONG_SETTING = 2  # exit code


def main() -> None:
    """Run a management command; a wrong setting is one sentence, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "midsync_portal.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:
        print(f"manage.py: {problem}", file=sys.stderr)  # noqa: T201
        sys.exit(WRONG_SETTING)


if __name__ == "__main__":
    main()
