#!/usr/bin/env python
"""Django's command line; `manage.py demo` runs with the demo's own settings."""

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Run the command given on the command line."""
    module = "uptrends_2fa.demo_settings" if sys.argv[1:2] == ["demo"] else "uptrends_2fa.settings"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", module)
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
