"""Made screenshots with known secrets and decoys: forms, terminals, editors, chats, tables, in many looks.

Everything is drawn with Qt's own text, so that the place of every character is known. Secrets are made up from a seed:
none is anybody's.
"""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter

from deskhand.model.types import Image

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

ALNUM = string.ascii_letters + string.digits
URLSAFE = ALNUM + "_-"


@dataclass(frozen=True)
class Mark:
    """Text whose place is known.

    Attributes:
        kind: ``key``, ``token``, ``password``, ``hidden`` (bullets), ``pin``, ``card``, ``account``, ``private key``;
            or, of a decoy, what it is.
        text: as it was drawn.
        boxes: of its characters.
        secret: False for a decoy, which is to stay.
    """

    kind: str
    text: str
    boxes: tuple[Box, ...]
    secret: bool


@dataclass(frozen=True)
class Look:
    """Colours, fonts and size of a screenshot."""

    name: str
    paper: str
    ink: str
    pane: str
    edge: str
    family: str
    mono: str
    pixels: int


LOOKS = (
    Look("light", "#ffffff", "#1f2328", "#f6f8fa", "#d0d7de", "DejaVu Sans", "DejaVu Sans Mono", 14),
    Look("dark", "#1e1f22", "#dfe1e5", "#2b2d30", "#4e5157", "DejaVu Sans", "DejaVu Sans Mono", 13),
    Look("paper", "#fdf6e3", "#586e75", "#eee8d5", "#d3c9a8", "DejaVu Serif", "DejaVu Sans Mono", 16),
    Look("small", "#ffffff", "#333333", "#f2f2f2", "#cccccc", "DejaVu Sans Condensed", "DejaVu Sans Mono", 11),
    Look("night", "#000000", "#33ff66", "#0a0f0a", "#225522", "DejaVu Sans Mono", "DejaVu Sans Mono", 15),
    Look("large", "#20304a", "#f4f7ff", "#2a3d5c", "#7088b0", "DejaVu Sans", "DejaVu Sans Mono", 22),
)


class Canvas:
    """A picture that remembers where its secrets and decoys stand."""

    def __init__(self, look: Look, random_numbers: random.Random) -> None:
        self.look, self.random = look, random_numbers
        self.unit = look.pixels
        self.width, self.height = 76 * look.pixels, 44 * look.pixels
        self.marks: list[Mark] = []
        self._image = QImage(self.width, self.height, QImage.Format.Format_RGB888)
        self._image.fill(QColor(look.paper))
        self._painter = QPainter(self._image)
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def pane(self, left: float, top: float, right: float, bottom: float) -> None:
        """A field or a window, in units of the font's size."""
        self._painter.setPen(QColor(self.look.edge))
        self._painter.setBrush(QColor(self.look.pane))
        unit = self.unit
        self._painter.drawRoundedRect(
            QRectF(left * unit, top * unit, (right - left) * unit, (bottom - top) * unit), 4, 4
        )

    def write(
        self, x: float, y: float, *pieces: str | tuple[str, str, bool], mono: bool = False, size: float = 1
    ) -> None:
        """Pieces of text one behind the other; those with a kind are remembered, secret or not.

        Args:
            x: left, in units.
            y: baseline, in units.
            pieces: text, or text with its kind and whether it is a secret.
            mono: in the fixed font.
            size: of the font, relative.
        """
        font = QFont(self.look.mono if mono else self.look.family)
        font.setPixelSize(round(self.unit * size))
        metrics = QFontMetricsF(font, self._image)
        self._painter.setFont(font)
        self._painter.setPen(QColor(self.look.ink))
        left, base = x * self.unit, y * self.unit
        for piece in pieces:
            text = piece if isinstance(piece, str) else piece[0]
            self._painter.drawText(round(left), round(base), text)
            ends = [left + metrics.horizontalAdvance(text[:count]) for count in range(len(text) + 1)]
            if not isinstance(piece, str):
                top, bottom = base - metrics.capHeight(), base
                boxes = [(ends[at], top, ends[at + 1], bottom) for at, each in enumerate(text) if not each.isspace()]
                self.marks.append(Mark(piece[1], text, tuple(boxes), piece[2]))
            left = ends[-1]

    def image(self) -> Image:
        """What was drawn."""
        self._painter.end()
        row, stride = self.width * 3, self._image.bytesPerLine()
        raw = bytes(self._image.constBits())
        return Image(b"".join(raw[y * stride : y * stride + row] for y in range(self.height)), self.width, self.height)

    # Secrets --------------------------------------------------------------------------------------------------------

    def some(self, letters: str, count: int) -> str:
        """Random characters."""
        return "".join(self.random.choices(letters, k=count))

    def hex(self, count: int) -> str:
        """Digits of a digest."""
        return self.some("0123456789abcdef", count)

    def uuid(self) -> str:
        """An identifier that is no secret."""
        return f"{self.hex(8)}-{self.hex(4)}-4{self.hex(3)}-9{self.hex(3)}-{self.hex(12)}"

    def aws(self) -> str:
        """An access key of AWS."""
        return "AKIA" + self.some(string.ascii_uppercase + "234567", 16)

    def key(self) -> str:
        """A service's key of a published form."""
        return self.random.choice((
            self.aws,
            lambda: "AIza" + self.some(URLSAFE, 35),
            lambda: "ghp_" + self.some(ALNUM, 36),
            lambda: "sk_live_" + self.some(ALNUM, 24),
            lambda: "sk-proj-" + self.some(ALNUM, 40),
            lambda: "glpat-" + self.some(ALNUM, 20),
            lambda: "hf_" + self.some(string.ascii_letters, 34),
            lambda: "xoxb-" + self.some(string.digits, 12) + "-" + self.some(ALNUM, 24),
        ))()  # fmt: skip

    def token(self) -> str:
        """A JSON web token, or another bearer's."""
        return "eyJ" + self.some(ALNUM, 17) + ".eyJ" + self.some(ALNUM, 21) + "." + self.some(URLSAFE, 27)

    def password(self) -> str:
        """One that a person or a program made up."""
        word = self.random.choice(("Sommer", "korrekt-Pferd", "Tr0ub4dor", "winter", "Hund", "blue.horse", "Qwertz"))
        made = word + self.some(string.digits, 3) + self.random.choice("!?#&$%")
        return self.random.choice((made, self.some(ALNUM + "!#$%&*+?@^", 14)))

    def card(self) -> str:
        """A number with a right check digit, grouped."""
        digits = self.random.choice(("4", "51", "54")).ljust(1)
        digits += self.some(string.digits, 15 - len(digits))
        doubled = [int(each) * 2 for each in digits[::-2]]
        total = sum(value - 9 * (value > 9) for value in doubled) + sum(map(int, digits[-2::-2]))
        digits += str(-total % 10)
        return self.random.choice((" ", " ", "-", "")).join(digits[at : at + 4] for at in range(0, 16, 4))

    def account(self) -> str:
        """An IBAN with right check digits, mostly grouped."""
        country, length = self.random.choice((("DE", 18), ("AT", 16), ("NL", 0), ("FR", 23)))
        body = "ABNA" + self.some(string.digits, 10) if country == "NL" else self.some(string.digits, length)
        number = int("".join(str(int(each, 36)) for each in body + country) + "00")
        iban = f"{country}{98 - number % 97:02d}{body}"
        return self.random.choice((iban, " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))))

    def private_key(self, lines: int = 6) -> list[str]:
        """The lines of a PEM file."""
        body = base64.b64encode(self.random.randbytes(48 * lines - 30)).decode()
        name = self.random.choice(("RSA ", "", "OPENSSH ", "EC "))
        inside = [body[at : at + 64] for at in range(0, len(body), 64)]
        return [f"-----BEGIN {name}PRIVATE KEY-----", *inside, f"-----END {name}PRIVATE KEY-----"]


def _secret(text: str, kind: str) -> tuple[str, str, bool]:
    return text, kind, True


def _decoy(text: str, kind: str) -> tuple[str, str, bool]:
    return text, kind, False


def terminal(c: Canvas) -> None:
    """Commands that carry keys."""
    c.pane(1, 1, 75, 43)
    for row, pieces in enumerate((
        ("$ git log --oneline -3",),
        (_decoy(c.hex(40), "commit"), " Mend the build"),
        ("$ export OPENAI_API_KEY=", _secret("sk-proj-" + c.some(ALNUM, 40), "key")),
        ("$ git clone https://ada:", _secret(c.some(ALNUM, 12), "password"), "@git.example.org/house.git"),
        ("Cloning into 'house'... done.",),
        ("$ curl -H 'Authorization: Bearer ", _secret(c.some(ALNUM, 30), "token"), "' https://api.example.org"),
        ('{"id": "', _decoy(c.uuid(), "uuid"), '"}'),
        ("$ aws configure set aws_access_key_id ", _secret(c.aws(), "key")),
        ("$ mysql -u root --password=", _secret(c.password(), "password"), " shop"),
        ("Welcome to the monitor. Type help; for help.",),
        ("$ echo ", _secret(c.key(), "key"), " > key.txt"),
    )):  # fmt: skip
        c.write(2, 3 + row * 2, *pieces, mono=True, size=0.95)


def environment(c: Canvas) -> None:
    """A file of settings in an editor with line numbers."""
    c.write(2, 2, ".env - house - Editor")
    c.pane(1, 3, 75, 43)
    rows = (
        ("# settings of the house",),
        ("DEBUG=", _decoy("false", "setting")),
        ("DATABASE_URL=postgres://app:", _secret(c.some(ALNUM, 14), "password"), "@db.internal:5432/app"),
        ("DB_PASSWORD=", _secret(c.password(), "password")),
        ("STRIPE_KEY=", _secret("sk_live_" + c.some(ALNUM, 24), "key")),
        ("BUILD=", _decoy(c.hex(12), "build")),
        ("GITHUB_TOKEN=", _secret("ghp_" + c.some(ALNUM, 36), "key")),
        ('API_KEY: "', _secret(c.hex(32), "password"), '"'),
        ("SECRET_TOKEN=", _decoy("<your token>", "placeholder")),
        ("PORT=", _decoy("8080", "setting"), "   # MAX_TOKENS of the model below"),
        ("SESSION=", _secret(c.token(), "token")),
        ("client_secret = '", _secret(c.some(ALNUM, 28), "password"), "'"),
    )
    for row, pieces in enumerate(rows):
        c.write(2, 5 + row * 1.8, f"{row + 1:3}", mono=True, size=0.9)
        c.write(5.5, 5 + row * 1.8, *pieces, mono=True, size=0.9)


def login(c: Canvas) -> None:
    """A form with the labels above the fields; one field shows what it holds."""
    c.pane(18, 4, 58, 40)
    c.write(20, 8, "Sign in to Example", size=1.5)
    fields = (
        ("Email or username", _decoy("ada.lovelace", "user name")),
        ("Password", _secret(c.password(), "password")),
        ("Repeat password", _secret("●" * c.random.randint(8, 14), "hidden")),
        ("PIN", _secret(c.some(string.digits, 4), "pin")),
    )
    for row, (name, value) in enumerate(fields):
        top = 10 + row * 6
        c.write(20, top + 1, name, size=0.9)
        c.pane(20, top + 1.8, 56, top + 4.4)
        c.write(21, top + 3.5, value)
    c.write(20, 36, _decoy("Forgot password?", "link"))
    c.write(40, 36, _decoy("Create account", "link"))
    c.write(20, 38.5, "By signing in you accept the terms of service.", size=0.8)


def settings_page(c: Canvas) -> None:
    """Labels in a column on the left, values in one on the right."""
    c.write(3, 4, "Einstellungen", size=1.6)
    rows = (
        ("Name", _decoy("Ada Lovelace", "name")),
        ("Benutzername", _decoy("ada1815", "user name")),
        ("Passwort", _secret(c.password(), "password")),
        ("WLAN-Passwort:", _secret(c.password(), "password")),
        ("PIN", _secret(c.some(string.digits, 6), "pin")),
        ("Altes Kennwort", _secret("•" * c.random.randint(8, 12), "hidden")),
        ("IBAN", _secret(c.account(), "account")),
        ("Kundennummer", _decoy(c.some(string.digits, 8), "number")),
        ("Passwort geändert", _decoy("12.03.2026", "date")),
        ("API-Token", _secret(c.key(), "key")),
    )
    for row, (name, value) in enumerate(rows):
        y = 9 + row * 3.2
        c.write(3, y, name)
        c.pane(26, y - 1.7, 73, y + 0.9)
        c.write(27, y, value)


def checkout(c: Canvas) -> None:
    """Paying with a card."""
    c.write(4, 4, "Checkout", size=1.6)
    c.write(4, 6.5, "Order ", _decoy(c.some(string.digits, 10), "order"), " from 24 November 2026")
    c.pane(4, 8, 44, 34)
    c.write(6, 11, "Card number", size=0.9)
    c.pane(6, 12, 42, 15)
    c.write(7, 14, _secret(c.card(), "card"))
    c.write(6, 18, "Expires", size=0.9)
    c.write(26, 18, "CVC", size=0.9)
    c.pane(6, 19, 22, 22)
    c.pane(26, 19, 42, 22)
    c.write(7, 21, _decoy("12 / 28", "date"))
    c.write(27, 21, _secret(c.some(string.digits, 3), "pin"))
    c.write(6, 26, "Saved: ", _secret(c.card(), "card"))
    c.write(6, 30, "Direct debit: ", _secret(c.account(), "account"))
    c.write(48, 11, "Teapot, blue")
    c.write(66, 11, _decoy("39.90 €", "amount"))
    c.write(48, 14, "Tracking ", _decoy("1Z" + c.some(string.digits, 8), "tracking"))
    c.write(48, 17, "EAN ", _decoy("400638133393" + c.some("0245679", 1), "article"))
    c.write(48, 20, "Hotline ", _decoy("+49 30 901820 118", "phone"))


def statement(c: Canvas) -> None:
    """A bank's table: the account numbers are to go, dates and amounts to stay."""
    c.write(3, 3.5, "Transactions in November", size=1.4)
    for x, name in ((3, "Date"), (12, "To"), (28, "IBAN"), (55, "Reference"), (68, "Amount")):
        c.write(x, 7, name, size=0.9)
    for row in range(6):
        y = 10 + row * 3.4
        c.pane(2, y - 2, 75, y + 1.2)
        c.write(3, y, _decoy(f"{c.random.randint(10, 28)}.11.2026", "date"))
        c.write(12, y, c.random.choice(("Stadtwerke", "Bookshop", "B. Okafor", "Rent", "Music school")))
        c.write(28, y, _secret(c.account(), "account"))
        c.write(55, y, _decoy(c.some(string.digits, 8), "reference"))
        c.write(68, y, _decoy(f"-{c.random.randint(10, 900)},{c.some(string.digits, 2)} €", "amount"))
    c.write(3, 34, "Card ", _secret(c.card(), "card"), " is blocked since 3 November.")


def chat(c: Canvas) -> None:
    """Messages; a long token is wrapped within its bubble."""
    c.write(3, 3, "Team chat", size=1.3)
    c.pane(3, 5, 60, 11)
    c.write(4.5, 7.2, "Hi! The wifi password is ", _secret(c.password(), "password"), " in the office,")
    c.write(4.5, 9.4, "see you at ten. The door code hangs at the wall.")
    token = c.token()
    key = "github_pat_" + c.some(ALNUM, 60)
    c.pane(16, 13, 73, 24)
    c.write(17.5, 15.2, "And this is the token for the staging server:")
    for row, at in enumerate(range(0, len(token), 38)):
        c.write(17.5, 17.4 + row * 1.7, _secret(token[at : at + 38], "token"), mono=True)
    c.pane(3, 26, 60, 34)
    c.write(4.5, 28.2, "The key, in two lines:")
    for row, at in enumerate(range(0, len(key), 44)):
        c.write(4.5, 30.4 + row * 1.7, _secret(key[at : at + 44], "key"), mono=True)
    c.pane(16, 36, 73, 41)
    c.write(17.5, 38.2, _decoy("I forgot my password again, can you reset it?", "sentence"))


def private_key(c: Canvas) -> None:
    """A PEM file in a terminal, and a certificate, which is no secret."""
    c.pane(1, 1, 75, 43)
    c.write(2, 3, "$ cat id_rsa", mono=True)
    y = 5.0
    for line in c.private_key(c.random.randint(3, 7)):
        c.write(2, y, line if line.startswith("-") else _secret(line, "private key"), mono=True)
        y += 1.8
    c.write(2, y + 0.5, "$ cat id_rsa.pub", mono=True)
    c.write(2, y + 2.3, _decoy("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA" + c.some(ALNUM, 20), "public key"), mono=True)
    c.write(2, y + 4.1, "$ cat door.crt", mono=True)
    c.write(2, y + 5.9, _decoy("-----BEGIN CERTIFICATE-----", "certificate"), mono=True)
    c.write(2, y + 7.7, _decoy(c.some(ALNUM + "+/", 60), "certificate"), mono=True)
    c.write(2, y + 9.5, _decoy("-----END CERTIFICATE-----", "certificate"), mono=True)


def documentation(c: Canvas) -> None:
    """Much that looks like a secret, and nothing that is one."""
    c.write(3, 4, _decoy("Password policy", "heading"), size=1.5)
    for row, pieces in enumerate((
        (_decoy("A password is required. Passwords have at least twelve characters.", "sentence"),),
        ("Set ", _decoy("API_KEY=<your key>", "placeholder"), " before you begin, or leave it empty."),
        ("The request is number ", _decoy(c.uuid(), "uuid")),
        ("Commit ", _decoy(c.hex(40), "commit")),
        ("sha256:", _decoy(c.hex(48), "digest")),
        ("ISBN ", _decoy("978-3-16-148410-0", "isbn"), ", and the phone number ", _decoy("+44 20 7946 0958", "phone")),
        ("Version ", _decoy("2026.11.24-rc1", "version"), " of ", _decoy("risk-assessment-of-the-year.pdf", "file")),
        ("Visit ", _decoy("https://example.org/reset/password/help", "address"), " for more."),
        ("The token limit is ", _decoy("128000", "number"), " and the pin number is on page ", _decoy("12", "number")),
        ("Meeting ", _decoy("2026-11-24 10:00", "date"), " in room ", _decoy("B-1204", "room")),
    )):  # fmt: skip
        c.write(3, 8 + row * 3, *pieces)


def mail(c: Canvas) -> None:
    """A letter that says too much."""
    c.write(3, 4, "Re: access for the new colleague", size=1.3)
    c.write(3, 7, "From: ", _decoy("bea@example.org", "address"), "   To: ", _decoy("ada@example.org", "address"))
    for row, pieces in enumerate((
        ("Hello Ada,",),
        ("your login is ", _decoy("ada.l", "user name"), ", password: ", _secret(c.password(), "password")),
        ("For the map use the key ", _secret("AIza" + c.some(URLSAFE, 35), "key"), "."),
        ("Expenses go to ", _secret(c.account(), "account"), " as before."),
        ("The company's card is ", _secret(c.card(), "card"), ", valid until 11/27."),
        ("Invoice ", _decoy(c.some(string.digits, 9), "invoice"), " is paid."),
        ("Slack: ", _secret("xoxb-" + c.some(string.digits, 12) + "-" + c.some(ALNUM, 24), "key")),
        ("Pass phrase for the archive: ", _secret(c.password(), "password")),
        ("Yours, Bea",),
    )):  # fmt: skip
        c.write(3, 11 + row * 3, *pieces)


SCENES: tuple[Callable[[Canvas], None], ...] = (
    terminal, environment, login, settings_page, checkout, statement, chat, private_key, documentation, mail,
)  # fmt: skip


@dataclass(frozen=True)
class Screen:
    """One screenshot with what is known of it."""

    name: str
    image: Image
    marks: tuple[Mark, ...] = field(repr=False)


def screen(scene: Callable[[Canvas], None], look: Look, seed: int = 0) -> Screen:
    """Draw one; the same three give the same picture wherever the fonts are the same."""
    canvas = Canvas(look, random.Random(f"{scene.__name__} {look.name} {seed}"))
    scene(canvas)
    return Screen(f"{scene.__name__}-{look.name}", canvas.image(), tuple(canvas.marks))


def every(seed: int = 0) -> list[Screen]:
    """Each scene in each look: sixty."""
    return [screen(scene, look, seed) for scene in SCENES for look in LOOKS]
