"""Dates in English as the product writes them: 21 Nov 2026, 18:04."""

DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i"
