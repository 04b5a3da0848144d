"""The filter, run by a small machine of our own for both kinds of processors; test_escapes runs it in the kernel."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.safety import seccomp

ALLOW, KILL, ERRNO, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050000, 0x00050001, 0x00050026


def run(program, machine, number, *arguments):
    """Classic BPF as the kernel runs it on ``struct seccomp_data``; returns the action and how many steps it took."""
    six = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQQQQQQQ", number - (1 << 32) * (number >> 31), machine, 0, *six)
    steps = list(struct.iter_unpack("=HBBI", program))
    at = accumulator = taken = 0
    while True:
        code, yes, no, value = steps[at]
        at, taken = at + 1, taken + 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == 0x54:
            accumulator &= value
        elif code == 0x06:
            return value, taken
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            at += yes if holds else no


@pytest.fixture(params=seccomp.MACHINES)
def machine(request):
    program = seccomp.program(request.param)
    return list(seccomp.MACHINES).index(request.param), lambda *call: run(
        program, seccomp.MACHINES[request.param], *call
    )[0]


def test_what_is_denied_is_refused_and_the_rest_allowed(machine):
    row, call = machine
    denied = {numbers[row] for numbers in seccomp.DENIED.values()}
    x86 = {172, 173, 154, 134, 156, 136} if row == 0 else set()
    absent = {numbers[row] for numbers in seccomp.ABSENT.values()} | {435}
    unsupported = {numbers[row] for numbers in seccomp.UNSUPPORTED.values()}
    for number in set(range(500)) - {seccomp.SOCKET[row]}:
        expected = EPERM if number in denied | x86 else ENOSYS if number in absent else ALLOW
        expected = ERRNO | 95 if number in unsupported else expected
        assert call(number) == expected, number


def test_clone_makes_threads_and_processes_but_no_namespaces(machine):
    row, call = machine
    clone = seccomp.CLONE[row]
    assert call(clone, 0x003D0F00) == ALLOW  # a thread of glibc
    assert call(clone, 0x01200011) == ALLOW  # fork
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert call(clone, flag | 17) == EPERM


def test_only_sockets_of_the_internet_can_be_made(machine):
    """F3: the display and the session bus are AF_UNIX, hosts of virtual machines AF_VSOCK, the ciphers AF_ALG."""
    row, call = machine
    made = seccomp.SOCKET[row]
    for family in range(60):
        for kind in (1, 2, 3, 5, 1 | 0o2004000):
            expected = ALLOW if family in {2, 10, 16} else ERRNO | 97
            assert call(made, family, kind, 0) == expected
    for protocol in range(300):
        assert call(made, 2, 1, protocol) == call(made, 10, 1, protocol)
        assert (call(made, 2, 1, protocol) == ALLOW) == (protocol in {0, 1, 6, 17, 58})
        assert (call(made, 16, 3, protocol) == ALLOW) == (protocol == 0)


def test_a_pair_of_sockets_speaks_to_itself_only(machine):
    """F3: one of a pair of datagram sockets could be sent from to any name."""
    row, call = machine
    for kind in range(16):
        expected = ERRNO | 91 if kind in {2, 3} else ALLOW
        assert call(seccomp.SOCKETPAIR[row], 1, kind) == call(seccomp.SOCKETPAIR[row], 1, kind | 0o2004000) == expected


def test_memory_that_no_process_holds_can_not_be_had(machine):
    """F4: shared without a name, huge, or as buffers of sockets."""
    row, call = machine
    mapped = seccomp.MMAP[row]
    for flags, expected in ((0x22, ALLOW), (0x02, ALLOW), (0x01, ALLOW), (0x21, EPERM), (0x23, EPERM), (0x8021, EPERM)):
        assert call(mapped, 0, 4096, 3, flags) == expected
        assert call(mapped, 0, 4096, 3, flags | 0x40000) == EPERM
    for option in range(60):
        assert call(seccomp.SETSOCKOPT[row], 3, 1, option) == (ERRNO if option in {7, 8, 32, 33} else ALLOW)
        assert call(seccomp.SETSOCKOPT[row], 3, 6, option) == ALLOW


def test_no_thread_has_files_of_its_own(machine):
    """F5: what it holds open would not be seen."""
    row, call = machine
    assert call(seccomp.CLONE[row], 0x003D0F00 & ~0x400) == EPERM
    assert call(seccomp.CLONE[row], 0x00004111) == ALLOW  # vfork
    assert [call(seccomp.PRCTL[row], option) for option in (3, 4, 15, 38)] == [ALLOW, ERRNO, ALLOW, ALLOW]
    assert [call(seccomp.CLOSE_RANGE[row], 3, 9, flags) for flags in (0, 2, 4, 6)] == [
        ALLOW,
        ERRNO | 22,
        ALLOW,
        ERRNO | 22,
    ]


def test_nobody_types_into_the_terminal(machine):
    row, call = machine
    ioctl = seccomp.IOCTL[row]
    assert call(ioctl, 0, 0x5413) == ALLOW
    assert call(ioctl, 0, 0x5412) == call(ioctl, 0, 0x541C) == EPERM
    # The kernel takes the lower half of the request only.
    assert call(ioctl, 0, 0xFF_0000_5412) == EPERM


def test_x86_64_has_no_second_numbers():
    program = seccomp.program("x86_64")
    for number in (0x40000000, 0x40000000 + 101, 0xFFFFFFFF):
        assert run(program, seccomp.MACHINES["x86_64"], number)[0] == ENOSYS


def test_another_calling_convention_is_the_end():
    for name, other in (("x86_64", 0x40000003), ("aarch64", 0x40000028)):
        assert run(seccomp.program(name), other, 0)[0] == KILL


@given(
    st.sampled_from(list(seccomp.MACHINES)),
    st.integers(0, 600) | st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 2**64 - 1), min_size=6, max_size=6),
)
def test_every_call_comes_to_an_end(name, number, arguments):
    action, taken = run(seccomp.program(name), seccomp.MACHINES[name], number, *arguments)
    assert action == ALLOW or action & ~0xFF == ERRNO
    assert taken < 300


def test_the_filter_can_be_read_by_children_and_is_nobodys_to_change():
    import subprocess

    read = subprocess.run(["cat", seccomp.path()], capture_output=True, check=True).stdout
    assert read in {seccomp.program(name) for name in seccomp.MACHINES}
