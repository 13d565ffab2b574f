"""Draws docs/layers.svg from the import contracts in pyproject.toml; run by `make layers`."""

import tomllib
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "layers.svg"

# All in pixels.
LINE = 18
ROW = 26
GAP = 6
MARGIN = 16
SMALL_LETTER = 6.3
APP_WIDTH = 640

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1c2733 }
.app { fill: #e8eef7; stroke: #7d93b2 }
.layer { fill: #ffffff; stroke: #b9c6d8 }
.name { font-weight: 600; font-size: 14px }
.module { font-size: 12px }
.rule { font-size: 12px; fill: #55637a }
@media (prefers-color-scheme: dark) {
  text { fill: #e6ecf5 }
  .app { fill: #1d2a3d; stroke: #56708f }
  .layer { fill: #141d2a; stroke: #3c516c }
  .rule { fill: #9fb0c8 }
}
"""


def contracts() -> dict[str, list[str]]:
    """Return the layers of each contract that has some, from the top down, by its container or `apps`."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = settings["tool"]["importlinter"]["contracts"]
    return {
        contract.get("containers", ["apps"])[0]: contract["layers"]
        for contract in found
        if contract["type"] == "layers"
    }


def wrapped(layer: str, width: int) -> list[str]:
    """Return the modules of a layer in lines that fit into so many pixels."""
    lines = [""]
    for module in layer.split(" | "):
        longer = f"{lines[-1]} · {module}" if lines[-1] else module
        if len(longer) * SMALL_LETTER > width:
            lines.append(module)
        else:
            lines[-1] = longer
    return lines


def picture() -> str:
    """Return the picture as SVG: the apps from the top down, with the inside of the two large ones."""
    layers = contracts()
    parts, top = [], MARGIN + LINE
    for app in layers["apps"]:
        inside, bottom = modules(layers.get(app, []), top + ROW)
        height = bottom - top
        parts += [
            f'<rect class="app" x="{MARGIN}" y="{top}" width="{APP_WIDTH}" height="{height}" rx="6"/>',
            f'<text class="name" x="{MARGIN + 10}" y="{top + LINE}">{escape(app)}</text>',
            *inside,
        ]
        top += height + GAP
    width = APP_WIDTH + 2 * MARGIN
    rule = "Everything imports only what stands below it; modules on one line do not import each other."
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top + MARGIN}" role="img">',
            f"<title>{rule}</title>",
            f"<style>{STYLE}</style>",
            f'<text class="rule" x="{MARGIN}" y="{MARGIN + 4}">{rule}</text>',
            *parts,
            "</svg>\n",
        ]
    )


def modules(layers: list[str], top: int) -> tuple[list[str], int]:
    """Return the boxes of an app's layers, and where the last one ends."""
    parts = []
    for layer in layers:
        lines = wrapped(layer, APP_WIDTH - 40)
        height = len(lines) * LINE + GAP
        x, width = MARGIN + 10, APP_WIDTH - 20
        parts.append(f'<rect class="layer" x="{x}" y="{top}" width="{width}" height="{height}" rx="4"/>')
        parts += [
            f'<text class="module" x="{x + 10}" y="{top + (number + 1) * LINE - 3}">{escape(line)}</text>'
            for number, line in enumerate(lines)
        ]
        top += height + GAP // 2
    return parts, top + GAP


if __name__ == "__main__":
    PICTURE.write_text(picture())
