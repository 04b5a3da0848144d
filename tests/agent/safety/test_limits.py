"""What a hostile program takes of memory (F4), and where else it gets: as this user, and as one who is not root."""

from __future__ import annotations

import os
import re
import socket

import pytest


def test_the_box_works_for_both(inmate):
    found = inmate.run("open('x', 'w').write('x')\nprint('fine', os.getuid())")
    assert found["said"].startswith("fine"), found
    assert found["stopped"] == ""
    assert inmate.kept() < 1 << 20


ESCAPES = """
def tried(name, act):
    try:
        act()
    except OSError as error:
        print(name, 'refused')
    else:
        print(name, 'DONE')
def child(number, *arguments):
    pid = os.fork()
    if pid == 0:
        os._exit(libc.syscall(number, *arguments) == 0)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        return
    raise OSError
def connected(family, address):
    with socket.socket(family) as each:
        each.settimeout(3)
        each.connect(address)
tried('secret', lambda: open(SECRET).read())
tried('system', lambda: open('/usr/x', 'w'))
tried('kernel', lambda: open('/proc/sys/kernel/core_pattern', 'w'))
tried('loopback', lambda: connected(socket.AF_INET, ('127.0.0.1', PORT)))
tried('abstract', lambda: connected(socket.AF_UNIX, '\\0' + NAME))
tried('virtual', lambda: socket.socket(40, socket.SOCK_STREAM))
tried('ciphers', lambda: socket.socket(38, socket.SOCK_SEQPACKET))
tried('packets', lambda: socket.socket(17, socket.SOCK_RAW))
tried('datagrams', lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
tried('namespace', lambda: child(272 if X86 else 97, 0x10000000))
tried('ptrace', lambda: child(101 if X86 else 117, 0))
tried('signal', lambda: os.kill(OUTSIDE, 0))
"""


def test_both_escape_nowhere(inmate):
    """F3, and what the suite of escapes tries as one user."""
    secret = inmate.folder.parent / "secret"
    secret.write_text("secret")
    secret.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        name = f"deskhand-inmate-{os.getpid()}"
        abstract.bind(f"\0{name}")
        abstract.listen()
        known = {"SECRET": str(secret), "PORT": tcp.getsockname()[1], "NAME": name, "OUTSIDE": os.getpid()}
        found = inmate.run("".join(f"{key} = {value!r}\n" for key, value in known.items()) + ESCAPES)
    assert "DONE" not in found["said"], found
    assert found["said"].count("refused") == ESCAPES.count("\ntried("), found


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
