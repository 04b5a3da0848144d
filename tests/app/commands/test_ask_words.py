"""What a person reads in the terminal before they answer."""

from deskhand.agent.events import ApprovalRequest
from deskhand.app.commands.ask import _asked
from deskhand.model.types import ToolCall


def test_whether_a_change_can_be_undone_is_said_before_it_is_made():
    call = ToolCall("c", "edit_delete", {"path": "/film.mkv"})
    sentence = "This can't be undone: the file has 700 MB, and at most 64 MB are kept."
    lines = list(_asked(ApprovalRequest(call, "edit", "Delete one file.", (), diff="-x", lasting=sentence)))
    assert lines.index("    -x") + 1 == lines.index(f"    {sentence}")
