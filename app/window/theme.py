"""Colours, type and spacing: one light and one dark palette that follow the system."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from deskhand.app.window import icons


@dataclass(frozen=True, slots=True)
class Colours:
    """One palette, each ``#rrggbb``. Text colours reach 4.5:1 on their grounds (WCAG 2.2, 1.4.3), a test says so."""

    window: str
    side: str
    surface: str
    raised: str
    border: str
    hover: str
    text: str
    muted: str
    faint: str
    accent: str
    on_accent: str
    tint: str
    good: str
    warn: str
    warn_tint: str
    bad: str
    bad_tint: str
    code: str
    scrim: str = "#66101418"


LIGHT = Colours(
    window="#fbfbfa",
    side="#f2f2f0",
    surface="#ffffff",
    raised="#ffffff",
    border="#e2e2de",
    hover="#e9e9e6",
    text="#1f2226",
    muted="#5f656d",
    faint="#9a9fa6",
    accent="#2f6b5e",
    on_accent="#ffffff",
    tint="#e8f1ee",
    good="#23744f",
    warn="#8a5a00",
    warn_tint="#fdf4e0",
    bad="#b3332a",
    bad_tint="#fcecea",
    code="#f3f3f1",
    scrim="#59141816",
)
DARK = Colours(
    window="#191b1c",
    side="#141617",
    surface="#212425",
    raised="#282b2c",
    border="#35393a",
    hover="#2c3031",
    text="#e8eaea",
    muted="#a3a9ab",
    faint="#6d7476",
    accent="#7cc4b2",
    on_accent="#10201c",
    tint="#24322f",
    good="#7ccba0",
    warn="#e3b567",
    warn_tint="#332b1b",
    bad="#f08f86",
    bad_tint="#3a2322",
    code="#1d2021",
    scrim="#80000000",
)

_SHEET = """
QWidget {{ color: {text}; }}
QMainWindow, #page, #transcript, #column {{ background: {window}; }}
#side {{ background: {side}; border-right: 1px solid {border}; }}
QToolTip {{ color: {text}; background: {raised}; border: 1px solid {border}; padding: 5px 8px; }}
QMenu {{ background: {raised}; border: 1px solid {border}; border-radius: 8px; padding: 5px; }}
QMenu::item {{ padding: 6px 22px 6px 12px; border-radius: 5px; }}
QMenu::item:selected {{ background: {hover}; }}
QMenu::item:disabled {{ color: {faint}; }}
QMenu::separator {{ height: 1px; background: {border}; margin: 5px 6px; }}
QLabel[role="muted"] {{ color: {muted}; }}
QLabel[role="small"] {{ color: {muted}; font-size: {small}px; }}
QLabel[role="title"] {{ font-size: {title}px; font-weight: 600; }}
QLabel[role="heading"] {{ font-weight: 600; }}
QLabel[role="hero"] {{ font-size: {hero}px; font-weight: 600; }}
QLabel[role="bad"] {{ color: {bad}; }}
QLabel[role="warn"] {{ color: {warn}; }}

QToolButton, QPushButton {{ border: 1px solid transparent; border-radius: 8px; padding: 6px 10px;
  background: transparent; }}
QToolButton:hover, QPushButton:hover {{ background: {hover}; }}
QToolButton:pressed, QPushButton:pressed, QToolButton:checked, QToolButton[current="true"] {{ background: {border}; }}
QToolButton:focus, QPushButton:focus {{ border: 1px solid {accent}; }}
QToolButton:disabled, QPushButton:disabled {{ color: {faint}; }}
QToolButton[role="icon"] {{ padding: 6px; }}
QToolButton[role="quiet"], QPushButton[role="quiet"] {{ color: {muted}; padding: 3px 7px 3px 1px; font-size: {small}px;
  border-radius: 6px; text-align: left; }}
QPushButton[role="quiet"]:checked {{ background: transparent; }}
QPushButton[role="quiet"]:hover {{ background: {hover}; }}
QPushButton[role="link"] {{ color: {muted}; }}
QPushButton[role="link"]:hover {{ color: {text}; }}
QToolButton::menu-indicator {{ image: none; width: 0; }}
#toggle-sidebar:checked {{ background: transparent; }}
#toggle-sidebar:hover {{ background: {hover}; }}
#screens-button {{ padding: 6px 2px; }}
#go-skills, #go-permissions {{ text-align: left; }}
QPushButton::menu-indicator {{ image: none; width: 0; }}
QPushButton[role="link"]:focus {{ color: {text}; }}
QPushButton[role="plain"] {{ background: {surface}; border: 1px solid {border}; padding: 8px 16px; }}
QPushButton[role="plain"]:hover {{ background: {hover}; }}
QPushButton[role="plain"]:focus {{ border: 2px solid {accent}; padding: 7px 15px; }}
QPushButton[role="small"], QToolButton[role="small"] {{ background: {surface}; border: 1px solid {border};
  padding: 4px 12px; border-radius: 7px; }}
QPushButton[role="small"]:hover, QToolButton[role="small"]:hover {{ background: {hover}; }}
QPushButton[role="small"]:focus, QToolButton[role="small"]:focus {{ border: 2px solid {accent}; padding: 3px 11px; }}
QPushButton[role="primary"] {{ background: {accent}; color: {on_accent}; border: 2px solid {accent}; padding: 7px 16px;
  font-weight: 600; }}
QPushButton[role="primary"]:hover {{ background: {accent}; border-color: {text}; }}
QPushButton[role="primary"]:focus {{ border-color: {text}; }}
QPushButton[role="primary"]:disabled {{ background: {border}; border-color: {border}; color: {faint}; }}
QPushButton[role="suggestion"] {{ background: {surface}; border: 1px solid {border}; border-radius: 10px;
  padding: 11px 14px; text-align: left; }}
QPushButton[role="suggestion"]:hover {{ background: {tint}; border-color: {accent}; }}
QPushButton[role="suggestion"]:focus {{ border-color: {accent}; }}
#send {{ background: {accent}; border-radius: 17px; padding: 0; }}
#send:hover, #send:focus {{ background: {accent}; border: 2px solid {text}; }}
#send:disabled {{ background: {border}; }}
#stop {{ background: {text}; border-radius: 17px; padding: 0; }}
#stop:hover, #stop:focus {{ background: {text}; border: 2px solid {accent}; }}
#talk[recording="true"] {{ background: {bad_tint}; color: {bad}; }}

#completion {{ background: {raised}; border: 1px solid {border}; border-radius: 12px; padding: 5px; }}
#completion::item {{ padding: 0; }}
#completion::item:selected {{ background: {tint}; border-color: {accent}; }}

#composer-card {{ background: {surface}; border: 1px solid {border}; border-radius: 16px; }}
#composer-card[focused="true"] {{ border: 1px solid {accent}; }}
#composer-card[dropping="true"] {{ border: 2px dashed {accent}; background: {tint}; }}
#composer {{ background: transparent; border: none; padding: 0; selection-background-color: {accent};
  selection-color: {on_accent}; }}
QFrame[role="chip"] {{ background: {window}; border: 1px solid {border}; border-radius: 10px; }}
QFrame[role="chip"][warn="true"] {{ background: {warn_tint}; border-color: {warn}; }}
QFrame[role="bubble"] {{ background: {tint}; border-radius: 16px; }}
QFrame[role="card"] {{ background: {surface}; border: 1px solid {border}; border-radius: 12px; }}
QFrame[role="card"][state="waiting"] {{ border-color: {warn}; }}
QFrame[role="card"][state="failed"] {{ border-color: {bad}; }}
QFrame[role="notice"] {{ background: {tint}; border-radius: 10px; }}
QFrame[role="notice"][kind="warn"] {{ background: {warn_tint}; }}
QFrame[role="notice"][kind="error"] {{ background: {bad_tint}; }}
QFrame[role="sheet"] {{ background: {raised}; border: 1px solid {border}; border-radius: 16px; }}
#approval-middle, #approval-page {{ background: transparent; }}
QFrame[role="line"] {{ background: {border}; max-height: 1px; min-height: 1px; border: none; }}
QLabel[role="pill"] {{ color: {muted}; background: {hover}; border-radius: 8px; padding: 2px 9px;
  font-size: {small}px; font-weight: 600; }}
QLabel[role="pill"][state="done"] {{ color: {good}; background: {tint}; }}
QLabel[role="pill"][state="running"] {{ color: {accent}; background: {tint}; }}
QLabel[role="pill"][state="waiting"] {{ color: {warn}; background: {warn_tint}; }}
QLabel[role="pill"][state="failed"] {{ color: {bad}; background: {bad_tint}; }}
QTextBrowser, QPlainTextEdit {{ background: transparent; border: none; selection-background-color: {accent};
  selection-color: {on_accent}; }}
QPlainTextEdit[role="mono"] {{ background: {code}; border: 1px solid {border}; border-radius: 8px; padding: 6px 8px; }}
QPlainTextEdit[role="mono"]:focus {{ border-color: {accent}; }}
QScrollArea {{ border: none; background: transparent; }}
#greeting:focus {{ border: 1px solid {accent}; border-radius: 8px; }}
QScrollArea[dropping="true"] {{ border: 2px dashed {accent}; }}
QLineEdit {{ background: {surface}; border: 1px solid {border}; border-radius: 8px; padding: 8px 10px;
  selection-background-color: {accent}; selection-color: {on_accent}; }}
QLineEdit:focus {{ border: 1px solid {accent}; }}
QRadioButton {{ spacing: 10px; padding: 2px; font-weight: 600; }}
QRadioButton::indicator {{ width: 14px; height: 14px; border-radius: 8px; border: 1px solid {faint};
  background: {surface}; }}
QRadioButton::indicator:checked {{ border: 5px solid {accent}; width: 6px; height: 6px; background: {on_accent}; }}
QRadioButton:focus {{ color: {accent}; }}
QListWidget {{ background: transparent; border: none; outline: none; }}
QListWidget::item {{ padding: 8px 10px; border-radius: 8px; border: 1px solid transparent; color: {text}; }}
QListWidget::item:hover {{ background: {hover}; }}
QListWidget::item:selected {{ background: {hover}; color: {text}; }}
QListWidget::item:selected:active {{ border-color: {border}; }}
QListWidget:focus {{ border: none; }}
QListWidget::item:focus {{ border-color: {accent}; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 2px; }}
QScrollBar::handle:vertical {{ background: {border}; border-radius: 3px; min-height: 36px; }}
QScrollBar::handle:vertical:hover {{ background: {faint}; }}
QScrollBar[idle="true"]::handle {{ background: transparent; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 2px; }}
QScrollBar::handle:horizontal {{ background: {border}; border-radius: 3px; min-width: 36px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
#latest {{ background: {raised}; border: 1px solid {border}; border-radius: 15px; padding: 5px 13px; color: {muted}; }}
#latest:hover {{ color: {text}; border-color: {faint}; }}
QProgressBar {{ background: {border}; border: none; border-radius: 1px; max-height: 2px; min-height: 2px; }}
QProgressBar::chunk {{ background: {accent}; border-radius: 1px; }}
"""

_WIDE = {"dejavu sans", "bitstream vera sans", "verdana"}


def stylesheet(colours: Colours, pixels: int) -> str:
    """The whole look as a Qt style sheet; ``pixels`` is the height of running text."""
    values = {name: getattr(colours, name) for name in Colours.__dataclass_fields__}
    sizes = {"small": round(pixels * 0.86), "title": round(pixels * 1.07), "hero": round(pixels * 1.7)}
    return _SHEET.format(**values, **sizes)


def mono(size: float = 0.93) -> QFont:
    """The system's fixed-pitch font at ``size`` times the size of running text."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPixelSize(max(10, round(text_pixels() * size)))
    return font


def text_pixels() -> int:
    """Height of running text in logical pixels: the system's own, a little more where it is small."""
    info = QApplication.font()
    pixels = info.pixelSize() if info.pixelSize() > 0 else round(info.pointSizeF() * 96 / 72)
    return min(max(pixels, 13), 20)


class Theme(QObject):
    """The palette in use; ``changed`` says that icons and painted widgets must be drawn again.

    Args:
        application: gets the style, the font and the style sheet.
        dark: True or False fixes the palette, None follows the system.
    """

    changed = Signal()

    def __init__(self, application: QApplication, dark: bool | None = None) -> None:
        super().__init__(application)
        self._application = application
        self._fixed = dark
        self.colours = LIGHT
        application.setStyle("Fusion")
        self._set_font()
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._apply)
        self._apply()

    @property
    def dark(self) -> bool:
        """Whether the dark palette is in use."""
        if self._fixed is not None:
            return self._fixed
        return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark

    def icon(self, name: str, colour: str = "muted", size: int = 18) -> QIcon:
        """An icon in one of the palette's colours."""
        return icons.icon(name, getattr(self.colours, colour), self.colours.faint, size)

    def _set_font(self) -> None:
        font = self._application.font()
        # DejaVu, the fallback of bare systems, runs wide and heavy: a notch smaller reads like the others.
        font.setPixelSize(
            13 if font.family().lower() in _WIDE | {"sans", "sans serif", "sans-serif"} else text_pixels()
        )
        font.setHintingPreference(QFont.HintingPreference.PreferVerticalHinting)
        self._application.setFont(font)

    def _apply(self) -> None:
        self.colours = DARK if self.dark else LIGHT
        colours = self.colours
        palette = QPalette()
        role = QPalette.ColorRole
        for which, colour in (
            (role.Window, colours.window), (role.Base, colours.surface), (role.AlternateBase, colours.side),
            (role.WindowText, colours.text), (role.Text, colours.text), (role.ButtonText, colours.text),
            (role.Button, colours.surface), (role.ToolTipBase, colours.raised), (role.ToolTipText, colours.text),
            (role.Highlight, colours.accent), (role.HighlightedText, colours.on_accent), (role.Link, colours.accent),
            (role.PlaceholderText, colours.muted), (role.LinkVisited, colours.accent), (role.Accent, colours.accent),
        ):  # fmt: skip
            palette.setColor(which, QColor(colour))
        self._application.setPalette(palette)
        self._application.setStyleSheet(stylesheet(colours, text_pixels()))
        self.changed.emit()
