"""What a hostile program takes of the disk (F5): tried as this user, and as one who is not root."""

from __future__ import annotations

import os
import shutil
import textwrap

import pytest

from deskhand.agent.safety import quota

FILL = """
chunk = b'x' * MB
def fill(file, size=60 * MB):
    for _ in range(size // MB):
        os.write(file, chunk)
def new(name, folder=None):
    return os.open(name, os.O_RDWR | os.O_CREAT, 0o600, dir_fd=folder)
"""
DISK = {
    "removed and open": """
        for n in range(12):
            file = new('x')
            os.unlink('x')
            fill(file)
        held()""",
    "never named": """
        for n in range(12):
            fill(os.open('.', os.O_TMPFILE | os.O_RDWR))
        held()""",
    "removed and only mapped": """
        maps = []
        for n in range(12):
            file = new('x')
            fill(file)
            maps.append(mmap.mmap(file, 4096, trackfd=False) if sys.version_info >= (3, 13) else libc.mmap(
                None, 4096, 1, 1, file, 0))
            os.unlink('x')
            os.close(file)
        held()""",
    "on the way between processes": """
        one, other = socket.socketpair()
        for n in range(12):
            file = new('x')
            os.unlink('x')
            fill(file)
            one.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [file]))])
            os.close(file)
        held()""",
    "on the way in a socket on the way": """
        one, other = socket.socketpair()
        for n in range(12):
            file = new('x')
            os.unlink('x')
            fill(file)
            inner, end = socket.socketpair()
            inner.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [file]))])
            one.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [end.fileno()]))])
            os.close(file)
        held()""",
    "held by a process that hides": """
        libc.prctl(4, 0, 0, 0, 0)
        for n in range(12):
            file = new('x')
            os.unlink('x')
            fill(file)
        held()""",
    "held by a program that nobody may read": """
        import shutil
        shutil.copy('/bin/sleep', 'program')
        files = []
        for n in range(4):
            files.append(new('x'))
            os.unlink('x')
            os.set_inheritable(files[-1], True)
        os.chmod('program', 0o111)
        if os.fork() == 0:
            os.execv('program', ['program', '30'])
        time.sleep(0.3)
        for file in files:
            fill(file)
            os.close(file)
        for n in range(4):
            file = new('x')
            os.unlink('x')
            fill(file)
            time.sleep(1)
        held()""",
    "held by a thread whose first one has ended": """
        def rest():
            for n in range(12):
                file = new('x')
                os.unlink('x')
                fill(file)
            held()
        threading.Thread(target=rest).start()
        libc.syscall(60 if X86 else 93, 0)""",
    "deeper than a path reaches": """
        for n in range(40):
            os.mkdir('d' * 200)
            os.chdir('d' * 200)
        for n in range(12):
            fill(new(str(n)))
        held()""",
    "very deep": """
        for n in range(400):
            os.mkdir('d')
            os.chdir('d')
        for n in range(12):
            fill(new(str(n)))
        held()""",
    "in folders that can't be read": """
        for mode in (0o300, 0o000, 0o400, 0o600, 0o100, 0o200):
            os.mkdir(f'd{mode}')
            folder = os.open(f'd{mode}', os.O_RDONLY)
            os.mkdir('in', dir_fd=folder)
            files = [new(str(n), os.open('in', os.O_RDONLY, dir_fd=folder)) for n in range(2)]
            os.chmod('in', mode, dir_fd=folder)
            os.chmod(f'd{mode}', mode)
            for file in files:
                fill(file)
                os.close(file)
        held()""",
    "in a folder that is always made unreadable again": """
        os.mkdir('d')
        folder = os.open('d', os.O_RDONLY)
        def shut():
            while True:
                os.fchmod(folder, 0o300)
        threading.Thread(target=shut, daemon=True).start()
        for n in range(12):
            while True:
                try:
                    fill(new(str(n), folder))
                    break
                except PermissionError:
                    pass
        held()""",
    "claimed and not written": """
        for n in range(12):
            os.posix_fallocate(new(str(n)), 0, 60 * MB)
        held()""",
    "second names": """
        new('x')
        for n in range(30_000):
            os.link('x', str(n))
        held()""",
    "beside the content": """
        for n in range(1000):
            new(str(n))
            for m in range(100):
                os.setxattr(str(n), f'user.{m}', b'x' * 60_000)
        held()""",
    "quickly, and ended": """
        for n in range(5):
            fill(new(str(n)))
        print('ended')""",
}


@pytest.mark.parametrize("attack", DISK)
def test_the_disk_is_not_filled_and_nothing_stays_on_it(inmate, attack):
    """F5."""
    inmate.folder.joinpath("kept").write_text("mine")
    if os.getuid() == 0:
        shutil.chown(inmate.folder / "kept", inmate.folder.stat().st_uid)
    found = inmate.run(FILL + textwrap.dedent(DISK[attack]))
    assert "HELD" not in found["said"], found
    assert inmate.kept() <= quota.BYTES
    if attack == "beside the content":
        assert "Operation not supported" in found["noise"]
    else:
        assert "holds more than" in found["stopped"] or "can't be counted" in found["stopped"], found
        assert [path.name for path in inmate.folder.iterdir()] == ["kept"]
        assert inmate.run("print('fine')")["said"] == "fine\n"
    assert (inmate.folder / "kept").read_text() == "mine"


def test_what_old_files_have_gained_is_cut_off_again(inmate):
    """F5."""
    found = inmate.run(FILL + "for n in range(20):\n    os.write(new(str(n)), b'mine')")
    assert found["stopped"] == "", found
    found = inmate.run(FILL + "for n in range(20):\n    file = new(str(n)); os.lseek(file, 0, 2); fill(file)\nheld()")
    assert "holds more than 256 MB" in found["stopped"]
    assert {path.read_text() for path in inmate.folder.iterdir()} == {"mine"}
