"""What scanners find in the picture: what was drawn, a margin, and no more modules than it takes."""

import io
import subprocess

from PIL import Image

from twofactor import qr

# As long as that of a person with a long address: 100 letters, which level L holds in 37 x 37 modules.
TEXT = "otpauth://totp/Uptrends:" + "o" * 13 + "@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TEXT = TEXT.ljust(100, "x")
MODULES, MARGIN = 37, 4


def picture():
    return Image.open(io.BytesIO(qr.png(TEXT)))


def test_a_scanner_reads_what_was_drawn(tmp_path):
    path = tmp_path / "qr.png"
    path.write_bytes(qr.png(TEXT))
    read = subprocess.run(["zbarimg", "--quiet", "--raw", path], capture_output=True, text=True, check=True)
    assert read.stdout.strip() == TEXT


def test_it_is_as_small_as_the_text_allows_with_a_margin_of_four_modules():
    image = picture()
    side = (MODULES + 2 * MARGIN) * qr.MODULE_PIXELS
    assert (image.format, image.mode, image.size) == ("PNG", "1", (side, side))
    margin = MARGIN * qr.MODULE_PIXELS
    assert image.point(lambda value: 255 - value).getbbox() == (margin, margin, side - margin, side - margin)


def test_the_file_is_packed():
    loose = io.BytesIO()
    picture().save(loose, format="PNG", compress_level=1)
    assert len(qr.png(TEXT)) < len(loose.getvalue())
