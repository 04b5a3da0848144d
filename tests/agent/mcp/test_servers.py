"""Against four servers of others, over stdio and in the sandbox: both eras, pictures, progress, Stop."""

import threading
import time

import psutil

from deskhand.agent.tools import arguments


def test_the_time_of_the_newer_era(desk, entries):
    desk.write(time=entries.python("mcp-server-time"))
    assert desk.names() == ["time__connect"]
    said = desk.connect("time")
    assert said["tools"] == ["time__get_current_time", "time__convert_time"]
    tool = desk.tool("time__convert_time")
    assert tool.scopes == ("mcp:time",)
    assert not tool.quiet
    assert not tool.bundled
    wanted = {"source_timezone": "Europe/Berlin", "time": "12:00", "target_timezone": "Asia/Tokyo"}
    assert arguments.fit(tool.parameters, wanted) == wanted
    assert '"time_difference": "+' in desk.run("time__convert_time", **wanted).value
    failed = desk.run("time__get_current_time", timezone="Mars/Olympus")
    assert "Mars/Olympus" in failed.error
    assert failed.value is None
    assert desk.servers.check("time")["protocol"] == "2026-07-28"


def test_a_repository_within_its_grant(desk, entries, repository, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    desk.write(git=entries.python("mcp-server-git", write=[str(repository)]))
    assert "git__git_log" in desk.connect("git")["tools"]
    assert "First light" in desk.run("git__git_log", repo_path=str(repository)).value
    (repository / "b.txt").write_text("two\n")
    assert "b.txt" in desk.run("git__git_status", repo_path=str(repository)).value
    assert desk.run("git__git_status", repo_path=str(other)).error
    assert f"reads and writes: {repository}" in desk.servers.touches(desk.tool("git__git_log"))


def test_files_in_granted_folders_only(desk, entries, tmp_path):
    granted, other = tmp_path / "granted", tmp_path / "other"
    for folder in (granted, other):
        folder.mkdir()
        (folder / "a.txt").write_text(f"in {folder.name}")
    entry = entries.node("server-filesystem", str(granted), read=[str(granted)])
    desk.write(files=entry)
    desk.connect("files")
    assert desk.run("files__read_text_file", path=str(granted / "a.txt")).value == "in granted"
    assert desk.run("files__read_text_file", path=str(other / "a.txt")).error
    # Read only, by the box and whatever the server thinks that it may.
    assert "EROFS" in desk.run("files__write_file", path=str(granted / "b.txt"), content="x").error
    assert not (granted / "b.txt").exists()


def test_everything_of_the_older_era(desk, entries):
    desk.write(everything=entries.node("server-everything"))
    desk.connect("everything")
    assert desk.servers.check("everything")["protocol"].startswith("2025-")
    assert desk.run("everything__echo", message="Grüße <|turn>").value == "Echo: Grüße <|turn>"
    assert "42" in desk.run("everything__get_sum", a=40, b=2).value
    picture = desk.run("everything__get_tiny_image")
    assert [(image.width, image.height) for image in picture.images] == [(20, 20)]
    assert len(set(picture.images[0].pixels)) > 10
    linked = desk.run("everything__get_resource_links", count=2)
    assert linked.value.count("[a resource:") == 2
    embedded = desk.run("everything__get_resource_reference", resourceType="Text", resourceId=1)
    assert "[demo://resource" in embedded.value


def test_progress_is_told_and_stop_ends_the_server(desk, entries):
    desk.write(everything=entries.node("server-everything"))
    desk.connect("everything")
    done = desk.run("everything__trigger_long_running_operation", duration=1, steps=4)
    assert "completed" in done.value.lower()
    deadline = time.monotonic() + 20  # the SDK tells in a task of its own, which may come behind the answer
    while (4, 4) not in desk.told() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert desk.told()[-1] == (4, 4)
    assert processes("server-everything", desk)
    threading.Timer(0.5, desk.cancel.set).start()
    stopped = desk.run("everything__trigger_long_running_operation", duration=60, steps=60)
    assert stopped.error == "The tool was stopped."
    assert processes("server-everything", desk) == []
    desk.cancel.clear()
    assert desk.run("everything__echo", message="again").value == "Echo: again"


def test_closing_leaves_no_process_behind(desk, entries):
    desk.write(everything=entries.node("server-everything"), time=entries.python("mcp-server-time"))
    desk.connect("everything")
    desk.connect("time")
    assert processes("server-everything", desk)
    desk.servers.close()
    assert processes("server-everything", desk) == []
    assert processes("mcp-server-time", desk) == []
    assert not [thread for thread in threading.enumerate() if thread.name == "mcp"]


def processes(word, desk):
    """Living processes whose command line has ``word`` and the test's own folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or ())
        if word in line and str(desk.folder) in line and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(line)
    return found
