import pytest

from deskhand.app.window import plan


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("I will:\n1. look\n2. write it down", True),
        ("- look\n- write", True),
        ("* look\n\n* write", True),
        ("I will look and then write.", False),
        ("1. look", False),
        ("2024-01-01 was a Monday.\n2024-01-02 too.", False),
        ("", False),
    ],
)
def test_a_list_is_a_plan(text, is_one):
    assert plan.states(text) is is_one


def test_as_many_steps_are_ticked_as_are_done():
    text = "I will:\n1. look\n2. write\n10) tell"
    assert plan.ticked(text, 0) == "**Plan**\n\nI will:\n1. ☐ look\n2. ☐ write\n10) ☐ tell"
    assert plan.ticked(text, 2) == "**Plan**\n\nI will:\n1. ☑ look\n2. ☑ write\n10) ☐ tell"
    assert plan.ticked(text, 9).count("☑") == 3
