"""Draws a QR code. No Django in here."""

from io import BytesIO

import qrcode
from PIL import Image
from qrcode.constants import ERROR_CORRECT_L

MODULE_PIXELS = 4
QUIET_ZONE_MODULES = 4  # ISO/IEC 18004: the margin that a reader needs to find the code
MASK = 3  # one fixed mask: trying all eight is nine tenths of the work, and a screen does not need the best


def png(text: str) -> bytes:
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_L, border=QUIET_ZONE_MODULES, mask_pattern=MASK)
    code.add_data(text, optimize=0)
    code.make(fit=False)  # the size fits already: to fit it once more reads the text once more
    rows = code.get_matrix()
    # One pixel each and then larger: qrcode itself draws every square by a call of its own.
    image = Image.new("1", (len(rows), len(rows)))
    image.putdata([not is_dark for row in rows for is_dark in row])
    buffer = BytesIO()
    side = len(rows) * MODULE_PIXELS
    image.resize((side, side), Image.Resampling.NEAREST).save(buffer, format="PNG")
    return buffer.getvalue()
