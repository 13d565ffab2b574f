"""Draws a QR code. No Django in here."""

from io import BytesIO

import qrcode
from qrcode.constants import ERROR_CORRECT_L
from qrcode.image.pil import PilImage

MODULE_PIXELS = 4
QUIET_ZONE_MODULES = 4  # ISO/IEC 18004: the margin that a reader needs to find the code
MASK = 3  # one fixed mask: trying all eight is nine tenths of the work, and a screen does not need the best


def png(text: str) -> bytes:
    """Return a black-on-white PNG of `text`, quiet zone included, one bit a pixel."""
    code = qrcode.QRCode(
        error_correction=ERROR_CORRECT_L, box_size=MODULE_PIXELS, border=QUIET_ZONE_MODULES, mask_pattern=MASK
    )
    code.add_data(text, optimize=0)
    image = code.make_image(image_factory=PilImage)
    buffer = BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
