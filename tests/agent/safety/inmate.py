"""Run a hostile program in the box and print how it ended: ``inmate.py CODE FOLDER LIMITS``."""

import json
import sys
import threading
from pathlib import Path

from deskhand.agent.safety import sandbox
from deskhand.agent.tools import boxed

code, folder, limits = sys.argv[1:]
program = boxed.Program(
    [str(sandbox.interpreter()), "-I", "-S", "-c", code],
    Path(folder),
    write=[Path(folder)],
    limits=json.loads(limits),
)
ended = boxed.run(program, cancel=threading.Event(), seconds=60, most=20_000)
said, noise = ended.stdout.decode(), ended.stderr.decode()[-2000:]
sys.stdout.write(json.dumps({"said": said, "noise": noise, "stopped": ended.stopped}))
