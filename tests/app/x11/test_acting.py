"""Clicks and keys on a desktop with a window manager and a panel: they reach the window that was shown, or none."""

from __future__ import annotations

import threading

import pytest
from Xlib import X

from deskhand.agent.safety.windows import Area
from deskhand.agent.tool import Tool
from deskhand.agent.tools.host import Asked, HostError, Told
from deskhand.app.host import pointer
from deskhand.app.host.dictation import _Taking
from deskhand.app.host.eyes import Eyes
from deskhand.app.host.pointer import Pointer
from deskhand.app.host.selection import Selection
from deskhand.app.host.sight import Sight
from deskhand.app.host.target import CLICKED_ELSEWHERE, MOVED, TYPED_ELSEWHERE, UNSEEN, Targets
from deskhand.app.host.typist import FocusLostError
from deskhand.app.x11.connection import connected
from deskhand.app.x11.windows import Windows
from deskhand.model.types import ToolCall

STOP = threading.Event()
SCREEN = Area(0, 0, 1280, 800)
LONG = "The quick brown fox jumps over the lazy dog. " * 6


class Hand:
    """Mouse and keyboard, and the question before them."""

    def __init__(self) -> None:
        targets = Targets()
        eyes = Eyes(70)
        eyes._area = SCREEN
        self.pointer = Pointer(lambda: SCREEN, targets=targets)
        self.sight = Sight(eyes, targets=targets)
        self.selection = Selection(
            lambda _: Told({"text": "Guten Tag", "characters": 9}), self.pointer.type_into
        )  # what Qt reads of it in the window's process

    def question(self, name: str, **arguments) -> str:
        """The title that the question about a call shows."""
        scopes = ("clipboard:read", "input") if name.startswith("selection") else ("input",)
        tool = Tool(name, name.partition("_")[0], "", {}, scopes, bundled=True)
        return self.sight.aim(tool, ToolCall("c1", name, arguments), STOP)

    def do(self, name: str, **arguments) -> dict:
        functions = {
            "click": self.pointer.click,
            "scroll": self.pointer.scroll,
            "type_text": self.pointer.type_text,
            "press_keys": self.pointer.press_keys,
            "replace_selection": self.selection.replace,
        }
        return functions[name](Asked(name, arguments, "t", "input", ("input",), STOP, "c1")).value


@pytest.fixture
def hand(desktop, monkeypatch) -> Hand:
    monkeypatch.setattr(pointer, "SHOWN", 0.05)
    return Hand()


def thousandths(x: int, y: int) -> dict[str, int]:
    return {"x": round(x / 1.28), "y": round(y / 0.8)}


@pytest.fixture
def letter(other):
    """A program with a window that has the keyboard, and Deskhand's in front of it and of a panel."""
    program = other()
    program.do("window('letter', 100, 100, 400, 300)")
    program.do("activate(of('letter'))")
    return program


@pytest.fixture
def ours(letter, other):
    made = other("deskhand")
    made.do("activate(window('Deskhand', 600, 200, 500, 300))")
    return made


def test_text_goes_to_the_window_behind_ours_and_the_question_names_it(hand, letter, ours):
    """WINDOW.md 3: 32 of 32 characters went “into tint2”, and the question showed the panel."""
    assert hand.question("input_type", text="Dear Anna").title == "letter"
    assert hand.do("type_text", text="Dear Anna") == {"typed": 9, "of": 9, "into": "letter"}
    letter.settle()
    assert letter.keys("letter") == "Dear Anna"
    assert hand.do("press_keys", keys="x")["in"] == "letter"
    letter.settle()
    assert letter.keys("letter") == "Dear Annax"
    assert ours.said == []


def test_a_click_then_text_reach_the_window_that_was_clicked(hand, letter, other, ours):
    sums = other("sums")
    sums.do("window('sums', 150, 420, 400, 200)")
    ours.do("activate(of('Deskhand'))")
    assert hand.question("input_click", **thousandths(120, 200)).title == "letter"
    assert hand.do("click", **thousandths(120, 200))["in"] == "letter"
    ours.do("activate(of('Deskhand'))")
    sums.do("of('sums').configure(stack_mode=X.Above)")
    assert hand.question("input_type", text="a").title == "letter"
    hand.do("type_text", text="a")
    letter.settle()
    assert (letter.clicks("letter"), letter.keys("letter")) == ([1], "a")


def test_a_click_on_ours_under_an_overlay_is_refused(hand, ours, other):
    """F6: an overlay that clicks pass through hid our window from the check."""
    other("overlay").do("click_through(window('shade', 0, 0, 1280, 800, loose=True))")
    for name in ("click", "scroll"):
        with pytest.raises(HostError, match="one of Deskhand's own windows"):
            hand.do(name, **thousandths(700, 300))
    assert hand.question("input_click", **thousandths(700, 300)).note.startswith("A window of Deskhand's covers")
    with pytest.raises(HostError, match="own windows"):
        hand.do("click", **thousandths(700, 300))
    ours.settle()
    assert ours.said == []


def test_a_click_through_an_overlay_reaches_what_is_below(hand, letter, other):
    other("overlay").do("click_through(window('shade', 0, 0, 1280, 800, loose=True))")
    assert hand.question("input_click", **thousandths(300, 250)).title == "letter"
    assert hand.do("click", **thousandths(300, 250))["in"] == "letter"
    letter.settle()
    assert letter.clicks("letter") == [1]


@pytest.mark.parametrize("how", ["loose=True", "loose=True, depth=0", "loose=False"])
def test_what_comes_up_between_question_and_click_is_not_clicked(hand, letter, other, how):
    """F6: what was shown is what the click checks."""
    assert hand.question("input_click", **thousandths(300, 250)).title == "letter"
    trap = other("trap")
    trap.do(f"window('Pay now', 200, 200, 300, 200, {how})")
    for name in ("click", "scroll"):
        with pytest.raises(HostError, match=CLICKED_ELSEWHERE):
            hand.do(name, **thousandths(300, 250))
    trap.settle()
    letter.settle()
    assert trap.said == []
    assert letter.clicks("letter") == []


def test_a_window_that_moved_since_the_question_is_not_clicked(hand, letter):
    """F6: the place would be another one in the same window."""
    assert hand.question("input_click", **thousandths(300, 250)).title == "letter"
    letter.do("of('letter').configure(x=160, y=140); d.sync()")
    letter.do("while of('letter').translate_coords(root, 0, 0).x > -150: time.sleep(0.02)")
    with pytest.raises(HostError, match=MOVED):
        hand.do("click", **thousandths(300, 250))
    letter.settle()
    assert letter.clicks("letter") == []


def test_what_comes_up_under_a_double_click_gets_no_second_one(hand, letter, monkeypatch):
    monkeypatch.setattr(pointer, "KEY_PAUSE", 2.0)  # until the program has read the first
    letter.do("root.grab_button(1, X.AnyModifier, True, X.ButtonPressMask, X.GrabModeAsync, X.GrabModeAsync, 0, 0)")
    letter.do("NAMES[root.id] = 'any'")
    letter.do("window('menu', 280, 230, 90, 90, loose=True).unmap()")
    letter.do("up = lambda: of('menu').map()")
    failed = []

    def click():
        try:
            hand.do("click", **thousandths(300, 250), double=True)
        except HostError as error:
            failed.append(str(error))

    read = threading.Thread(target=click)
    read.start()
    while not letter.clicks("any"):
        letter.settle()
    letter.do("up()")
    read.join()
    assert failed == ["I clicked once and not twice: another window came up there."]
    assert letter.clicks("any") == [1]


@pytest.mark.parametrize("thief", ["deskhand", "other"])
def test_text_stops_when_another_window_takes_the_keyboard(hand, letter, other, thief):
    """F7: 221 to 248 of 300 keys went into the window that took the focus."""
    taker = other(thief)
    taker.do("window('taker', 600, 200, 300, 300)")
    letter.do("activate(of('letter'))")
    assert hand.question("input_type", text=LONG).title == "letter"
    letter.do(f"other = d.create_resource_object('window', {number('taker')}); at(12, lambda: focus(other))")
    with pytest.raises(
        HostError, match=rf"^I stopped after \d+ of {len(LONG)} characters: another window took"
    ) as stopped:
        hand.do("type_text", text=LONG)
    letter.settle()
    taker.settle()
    typed = int(str(stopped.value).split()[3])
    assert 12 <= typed < len(LONG)
    assert letter.keys("letter") + taker.keys("taker") == LONG[:typed]
    assert len(taker.keys("taker")) <= 1  # what was under way as it changed hands
    letter.do("activate(of('letter'))")
    assert not any(held())


def test_text_stops_when_a_menu_takes_all_keys(hand, letter, other):
    """F7: a grab takes the keyboard and leaves the focus."""
    thief = other("thief")
    thief.do("menu = window('menu', 600, 200, 90, 90, loose=True); menu.unmap()")
    letter.do(
        f"menu = d.create_resource_object('window', {number('menu')}); "
        "at(12, lambda: (menu.map(), d.sync(), menu.grab_keyboard(False, 1, 1, 0)))"
    )
    thief.do("")
    with pytest.raises(HostError, match=r"^I stopped after \d+ of"):
        hand.do("type_text", text=LONG)
    letter.settle()
    assert 12 <= len(letter.keys("letter")) < len(LONG)


def test_a_note_that_comes_up_does_not_stop_it(hand, letter):
    letter.do("at(12, lambda: window('note', 600, 200, 90, 90, loose=True))")
    assert hand.do("type_text", text=LONG)["typed"] == len(LONG)
    letter.settle()
    assert letter.keys("letter") == LONG


def test_who_goes_elsewhere_before_it_begins_gets_no_text(hand, letter, other, ours):
    assert hand.question("input_type", text="secret").title == "letter"
    chat = other("chat")
    chat.do("activate(window('chat', 150, 450, 300, 200))")
    for name, arguments in (("type_text", {"text": "secret"}), ("press_keys", {"keys": "Enter"})):
        with pytest.raises(HostError, match=TYPED_ELSEWHERE):
            hand.do(name, **arguments)
    chat.settle()
    letter.settle()
    assert chat.said == letter.said == []


def test_what_the_question_could_not_show_is_not_done(hand, other):
    ours = other("deskhand")
    ours.do("activate(window('Deskhand', 600, 200, 500, 300))")
    assert "click into the field first" in hand.question("input_type", text="x").note
    program = other()
    program.do("activate(window('letter', 100, 100, 400, 300))")
    with pytest.raises(HostError, match=UNSEEN):
        hand.do("type_text", text="x")
    program.settle()
    assert program.said == []


def test_text_over_a_selection_goes_where_the_question_says(hand, letter, other, ours):
    """WINDOW.md 3: the question named the taskbar though another program got the text."""
    letter.do("of('letter').set_selection_owner(Xatom.PRIMARY, X.CurrentTime)")
    front = other("front")
    front.do("activate(window('sums', 150, 420, 400, 300))")
    hand.selection.read(Asked("read_clipboard", {"place": "selection"}, "t", "input", (), STOP))
    assert hand.question("selection_read").title == "letter"
    assert hand.question("selection_read", copied=True) is None
    assert hand.question("selection_replace", text="Good day").title == "letter"
    assert hand.do("replace_selection", text="Good day")["into"] == "letter"
    letter.settle()
    front.settle()
    assert letter.keys("letter") == "Good day"
    assert front.said == []


class Ears:
    """Hears one phrase."""

    def transcribe(self, _phrase, _cancel):
        return "the first of two phrases"


def dictated(hand) -> _Taking:
    asked = Asked("dictate", {}, "t", "dictation", ("input",), STOP, "c2")
    hand.pointer.bind(asked)
    return _Taking(asked, Ears(), hand.pointer.type_text, 0)


def test_dictation_tells_what_it_typed_before_another_window_took_the_keyboard(hand, letter, other):
    """F7, for text that nobody sees before it is typed."""
    other("thief").do("window('taker', 600, 200, 300, 300)")
    letter.do("activate(of('letter'))")
    letter.do(f"thief = d.create_resource_object('window', {number('taker')}); at(5, lambda: focus(thief))")
    took = dictated(hand)
    with pytest.raises(FocusLostError, match=r"^I stopped after \d+ of 24 characters") as stopped:
        took._take(None)
    assert took.typed == "the first of two phrases"[: stopped.value.typed]


def test_dictation_stays_in_the_window_in_which_it_began(hand, letter, other):
    took = dictated(hand)
    took._take(None)
    chat = other("chat")
    chat.do("activate(window('chat', 150, 450, 300, 200))")
    with pytest.raises(HostError, match=TYPED_ELSEWHERE):
        took._take(None)
    chat.settle()
    letter.settle()
    assert letter.keys("letter") == took.typed == "the first of two phrases"
    assert chat.said == []


def number(title: str) -> int:
    """Of a window, also one that is not shown."""
    with connected() as connection:
        windows = Windows(connection)
        children = windows.root.query_tree().children
        found = [each for each in (*windows.stacked(), *children) if windows._named(each) == title]
        return found[0].id


def held() -> bytes:
    """The keys that the server holds for pressed."""
    with connected() as connection:
        assert connection.screen().root.query_pointer().mask & X.ShiftMask == 0
        return bytes(connection.query_keymap())
