"""Which window would get a click, a key, or what takes a selection's place, on a desktop as people have one."""

from __future__ import annotations

import threading
import time

import pytest
from Xlib import X

from deskhand.agent.tools.host import HostError
from deskhand.app.x11 import recipient
from deskhand.app.x11.connection import connected
from deskhand.app.x11.recipient import at, focused, hand_over, writable
from deskhand.app.x11.windows import Windows

STOP = threading.Event()


def test_a_click_goes_through_what_takes_none(other, windows):
    """F6: overlays without an input shape are looked through, as the server does."""
    below, above = other(), other("overlay")
    below.do("window('letter', 100, 100, 400, 300)")
    above.do("click_through(window('shade', 0, 0, 1280, 800, loose=True))")
    found = at(windows, 300, 250)
    assert (found.title, found.ours) == ("letter", False)
    above.do("window('hole', 0, 0, 1280, 800, loose=True).shape_rectangles(0, 2, 0, 0, 0, [(0, 0, 200, 800)])")
    assert at(windows, 150, 250).title == "hole"
    assert at(windows, 300, 250).title == "letter"


def test_a_window_without_pixels_takes_the_click(other, windows):
    below, above = other(), other("guard")
    below.do("window('letter', 100, 100, 400, 300)")
    above.do("window('glass', 0, 0, 1280, 800, loose=True, depth=0)")
    assert at(windows, 300, 250).title == "glass"


@pytest.mark.parametrize("how", ["", "click_through(window('shade', 0, 0, 1280, 800, loose=True))"])
def test_ours_is_found_also_under_what_clicks_pass_through(other, windows, how):
    """F6: a click reached our own window under a click-through overlay."""
    ours, above = other("deskhand"), other("overlay")
    ours.do("window('Allow?', 100, 100, 400, 300)")
    above.do(how)
    assert at(windows, 300, 250).ours


def test_all_windows_of_this_process_are_ours_whatever_they_call_themselves(windows):
    made = windows.root.create_window(
        100, 100, 200, 200, 0, X.CopyFromParent, background_pixel=0, override_redirect=True
    )
    made.set_wm_class("xeyes", "XEyes")
    made.map()
    windows.connection.sync()
    assert at(windows, 150, 150).ours
    made.destroy()
    windows.connection.sync()


def test_a_frame_belongs_to_its_window_and_a_menu_to_its_program(other, windows):
    program = other()
    program.do("window('letter', 100, 100, 400, 300)")
    (letter,) = (each for each in windows.stacked() if windows.title(each) == "letter")
    area = windows.area(letter)
    assert at(windows, area.left + 50, area.top - 8).number == letter.id  # its title bar
    program.do("window('menu', 150, 150, 80, 120, loose=True, title='')")
    menu = at(windows, 160, 160)
    assert (menu.title, menu.number != letter.id) == ("letter", True)
    assert at(windows, 1000, 500).title == "the desktop"


def test_panels_notes_and_hidden_windows_are_no_place_for_text(other, windows):
    """WINDOW.md 3: typing went to the taskbar, which lies above everything."""
    ours, program, rest = other("deskhand"), other(), other("rest")
    program.do("window('letter', 100, 100, 400, 300)")
    rest.do("window('note', 700, 100, 200, 80, kind='NOTIFICATION')")
    rest.do("window('ground', 0, 0, 1280, 800, kind='DESKTOP')")
    rest.do("window('bar', 0, 0, 300, 40, kind='TOOLBAR')")
    rest.do("window('tip', 500, 500, 90, 40, loose=True)")
    rest.do("window('clock', 900, 400, 100, 100, input=0)")
    rest.do("window('film', 900, 100, 200, 150, state='ABOVE')")
    rest.do("message(window('small', 300, 300, 200, 100), 'WM_CHANGE_STATE', 3)")
    rest.do("message(window('away', 300, 300, 200, 100), '_NET_WM_DESKTOP', 1)")
    ours.do("activate(window('Deskhand', 200, 200, 500, 300))")
    while any(windows.title(each) in {"small", "away"} and windows.shown(each) for each in windows.stacked()):
        pass
    assert focused(windows).ours
    found = writable(windows)
    assert found.title == "letter"
    assert [windows.title(each) for each in windows.writable()] == ["letter", "film"]
    hand_over(windows, found, STOP)
    assert focused(windows).title == "letter"


def test_the_window_worked_in_last_comes_before_the_one_in_front(other, windows):
    ours, program = other("deskhand"), other()
    program.do("window('letter', 100, 100, 400, 300)")
    program.do("window('sums', 150, 150, 400, 300)")
    ours.do("activate(window('Deskhand', 200, 200, 500, 300))")
    (letter,) = (each for each in windows.stacked() if windows.title(each) == "letter")
    assert writable(windows).title == "sums"
    assert writable(windows, letter.id).title == "letter"
    assert writable(windows, 12345).title == "sums"


def test_a_window_that_takes_the_keyboard_itself_is_asked_to(other, windows):
    """ICCCM 4.1.7, globally active: the manager does not set the focus, the program does."""
    ours, program = other("deskhand"), other()
    program.do("window('java', 100, 100, 400, 300, input=0, takes=True)")
    ours.do("activate(window('Deskhand', 200, 200, 500, 300))")
    hand_over(windows, writable(windows), STOP)
    assert focused(windows).title == "java"


def test_the_keyboard_is_where_the_server_says(other, windows):
    """Children, the pointer's window, and a helper that can't be seen stand for a window of an application."""
    program = other()
    program.do("window('letter', 100, 100, 400, 300)")
    program.do("activate(of('letter'))")
    for how in (
        "inner = of('letter').create_window(0, 0, 9, 9, 0, 0, X.InputOnly); inner.map(); focus(inner)",
        "focus(window('proxy', -50, -50, 1, 1, loose=True))",
        "root.warp_pointer(300, 250); d.set_input_focus(X.PointerRoot, X.RevertToNone, X.CurrentTime)",
    ):
        program.do(how)
        settled(windows, "letter")


def settled(windows, title, seconds=30):
    """Wait until the window manager, which answers when it has time, has left the keyboard there."""
    end = time.monotonic() + seconds
    while (found := focused(windows)) is None or found.title != title:
        assert time.monotonic() < end, found
        time.sleep(0.02)


def test_where_nobody_can_be_typed_into_a_sentence_says_so(other, windows):
    other("deskhand").do("activate(window('Deskhand', 200, 200, 500, 300))")
    with pytest.raises(HostError, match="click into the field first"):
        writable(windows)


def test_the_selection_is_in_a_window_of_its_owner_and_never_in_the_panel(other, windows):
    """WINDOW.md 3: the question named the taskbar though another program got the text."""
    owner, front = other("owner"), other("front")
    assert recipient.selecting(windows) is None
    owner.do("window('letter', 100, 100, 400, 300)")
    front.do("activate(window('sums', 150, 150, 400, 300))")
    owner.do("root.create_window(0, 0, 1, 1, 0, 0, X.InputOnly).set_selection_owner(Xatom.PRIMARY, X.CurrentTime)")
    assert recipient.selecting(windows).title == "letter"
    owner.do("window('second', 600, 100, 300, 300).set_selection_owner(Xatom.PRIMARY, X.CurrentTime)")
    owner.do("activate(of('letter'))")
    assert recipient.selecting(windows).title == "second"


def test_lists_of_a_window_manager_that_has_ended_are_not_believed(x_display, monkeypatch, other):
    monkeypatch.setenv("DISPLAY", x_display)
    program = other()
    program.do("root.change_property(atom('_NET_CLIENT_LIST_STACKING'), Xatom.WINDOW, 32, [1234])")
    program.do("root.change_property(atom('_NET_SUPPORTING_WM_CHECK'), Xatom.WINDOW, 32, [1234])")
    program.do("window('letter', 100, 100, 400, 300)")
    with connected() as connection:
        found = Windows(connection)
        assert not found.manager
        assert [found.title(each) for each in found.stacked()] == ["letter"]
        program.do("d.set_input_focus(X.NONE, X.RevertToNone, X.CurrentTime)")
        assert focused(found) is None
        assert writable(found).title == "letter"
    # Other tests use this server, too, and while nobody has the focus it gives no key to anybody.
    program.do("d.set_input_focus(X.PointerRoot, X.RevertToPointerRoot, X.CurrentTime)")
    for name in ("_NET_CLIENT_LIST_STACKING", "_NET_SUPPORTING_WM_CHECK"):
        program.do(f"root.delete_property(atom('{name}'))")
