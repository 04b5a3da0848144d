"""A virtual display and a virtual microphone of our own, for machines that have none: demonstrations and tests.

Both are real: an X server (Xvfb) whose pixels are captured like any other's, and a PulseAudio daemon whose null sink is
recorded through PortAudio like any microphone. Each process is started by us and ended by its own id.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path


class VirtualDeviceError(RuntimeError):
    """A virtual display or microphone could not be started; the message says what to install."""


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def display(width: int = 1280, height: int = 800, depth: int = 24, options: Sequence[str] = ()) -> Generator[str]:
    """Start an X server with one screen and yield its ``DISPLAY``; it ends with the block.

    Args:
        width: in pixels.
        height: in pixels.
        depth: bits of a colour.
        options: further ones of Xvfb.

    Raises:
        VirtualDeviceError: Xvfb is missing or did not start.
    """
    if not shutil.which("Xvfb"):
        raise VirtualDeviceError("Xvfb is not installed. On Debian or Ubuntu: sudo apt-get install xvfb")
    read, write = os.pipe()
    server = subprocess.Popen(
        [
            "Xvfb",
            "-displayfd",
            str(write),
            "-screen",
            "0",
            f"{width}x{height}x{depth}",
            "-nolisten",
            "tcp",
            "-noreset",
            *options,
        ],
        pass_fds=[write],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise VirtualDeviceError(f"Xvfb ended with code {server.wait()} before it was ready")
        yield f":{number}"
    finally:
        _end(server)


@contextmanager
def microphone() -> Generator[dict[str, str]]:
    """Start a PulseAudio daemon whose default source hears what is played into its null sink.

    Yields:
        The environment for programs that should use it: ``PULSE_SERVER`` and its default devices. `play` plays into it.

    Raises:
        VirtualDeviceError: pulseaudio is missing or did not start.
    """
    if not shutil.which("pulseaudio"):
        raise VirtualDeviceError(
            "PulseAudio is not installed. On Debian or Ubuntu: "
            "sudo apt-get install pulseaudio pulseaudio-utils libportaudio2 libasound2-plugins"
        )
    with tempfile.TemporaryDirectory(prefix="deskhand-pulse-") as folder:
        socket = Path(folder, "native")
        environment = {
            **os.environ,
            "HOME": folder,
            "XDG_RUNTIME_DIR": folder,
            "XDG_CONFIG_HOME": folder,
            "PULSE_RUNTIME_PATH": folder,
        }
        # Without a session bus address dbus-using modules would try to start one.
        environment.pop("DBUS_SESSION_BUS_ADDRESS", None)
        daemon = subprocess.Popen(
            [
                "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--log-level=error",
                "--disallow-exit",
                f"--load=module-native-protocol-unix socket={socket} auth-anonymous=1",
                "--load=module-null-sink sink_name=speaker rate=16000 channels=1",
                "--load=module-remap-source source_name=microphone master=speaker.monitor",
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        client = {"PULSE_SERVER": f"unix:{socket}", "PULSE_SOURCE": "microphone", "PULSE_SINK": "speaker"}
        try:
            deadline = time.monotonic() + 60
            while subprocess.run(
                ["pactl", "info"], env={**environment, **client}, capture_output=True, check=False
            ).returncode:
                if daemon.poll() is not None or time.monotonic() > deadline:
                    raise VirtualDeviceError(f"PulseAudio did not start (code {daemon.poll()})")
                time.sleep(0.05)
            subprocess.run(["pactl", "set-default-source", "microphone"], env={**environment, **client}, check=True)
            yield client
        finally:
            _end(daemon)


def play(wave: Path) -> None:
    """Play a WAV file into the default sink of the server that ``PULSE_SERVER`` names, to its end."""
    subprocess.run(["paplay", str(wave)], check=True)


def speak(text: str, wave: Path, voice: str = "en-us", words_per_minute: int = 150) -> Path:
    """Let espeak-ng say ``text`` into a WAV file and return its path.

    Raises:
        VirtualDeviceError: espeak-ng is missing.
    """
    if not shutil.which("espeak-ng"):
        raise VirtualDeviceError("espeak-ng is not installed. On Debian or Ubuntu: sudo apt-get install espeak-ng")
    subprocess.run(["espeak-ng", "-v", voice, "-s", str(words_per_minute), "-w", str(wave), text], check=True)
    return wave
