"""Palettes that can be read, and icons that take their colour."""

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from deskhand.app.window import icons
from deskhand.app.window.theme import DARK, LIGHT, Theme, stylesheet


def luminance(colour):
    def linear(channel):
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    c = QColor(colour)
    return 0.2126 * linear(c.redF()) + 0.7152 * linear(c.greenF()) + 0.0722 * linear(c.blueF())


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_reaches_wcag_aa(colours):
    grounds = (colours.window, colours.side, colours.surface, colours.raised)
    pairs = [(text, ground) for text in (colours.text, colours.muted) for ground in (*grounds, colours.hover)]
    pairs += [
        (text, ground) for text in (colours.good, colours.warn, colours.bad, colours.accent) for ground in grounds
    ]
    pairs += [
        (colours.on_accent, colours.accent), (colours.text, colours.tint), (colours.good, colours.tint),
        (colours.accent, colours.tint), (colours.warn, colours.warn_tint), (colours.bad, colours.bad_tint),
        (colours.text, colours.code), (colours.text, colours.warn_tint), (colours.text, colours.bad_tint),
    ]  # fmt: skip
    assert {pair: round(contrast(*pair), 2) for pair in pairs if contrast(*pair) < 4.5} == {}


def test_icons_take_their_colour():
    for name in icons._PATHS:
        image = icons.pixmap(name, "#ff0000", 24).toImage()
        drawn = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
        solid = [each for each in drawn if each.alpha() == 255]
        assert solid, name
        assert all(each.getRgb()[:3] == (255, 0, 0) for each in solid), name


def test_the_style_sheet_is_filled_in():
    assert "{" + "text" not in stylesheet(LIGHT, 14)
    assert LIGHT.accent in stylesheet(LIGHT, 14)


def test_follows_the_system_unless_told(qapp: QApplication):
    assert Theme(qapp, dark=True).colours is DARK
    assert Theme(qapp, dark=False).colours is LIGHT
    assert Theme(qapp).colours in (LIGHT, DARK)
    Theme(qapp, dark=False)
