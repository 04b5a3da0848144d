"""llama-server (xllamacpp), answering requests that come as JSON lines; run by `peers.py` in a venv of its own."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import xllamacpp


def main() -> None:
    """Load what the first line says, then answer one conversation a line."""
    # llama.cpp's log goes where Python's standard output goes: keep the pipe for the replies alone.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    setup = json.loads(sys.stdin.readline())
    params = xllamacpp.CommonParams()
    params.model.path, params.mmproj.path = setup["main"], setup["mmproj"]
    params.n_ctx, params.n_parallel = setup["context"], 1
    params.n_batch = params.n_ubatch = setup["batch"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.image_min_tokens, params.image_max_tokens = 1, 1120
    params.chat_template, params.use_jinja = Path(setup["template"]).read_text(), True
    params.verbosity = 4
    if setup["drafter"]:
        params.speculative.types = [xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_DRAFT_MTP]
        params.speculative.draft.mparams.path = setup["drafter"]
        params.speculative.draft.cpuparams.n_threads = params.speculative.draft.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    print(json.dumps({"ready": True}), file=out, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        began, wall = time.process_time(), time.perf_counter()
        body = {
            "messages": request["messages"],
            "max_tokens": request["max_tokens"],
            "temperature": 0.0,
            "cache_prompt": True,
            "chat_template_kwargs": {"enable_thinking": False},
        }
        answer = server.handle_chat_completions(body)
        answer = json.loads(answer) if isinstance(answer, str) else answer
        if "choices" not in answer:
            raise RuntimeError(str(answer))
        timings = answer["timings"]
        reply = {
            "text": answer["choices"][0]["message"]["content"],
            "cpu": time.process_time() - began,
            "wall": time.perf_counter() - wall,
            "prompt": timings["prompt_n"] + timings.get("cache_n", 0),
            "evaluated": timings["prompt_n"],
            "completion": timings["predicted_n"],
            "drafted": timings.get("draft_n", 0),
            "accepted": timings.get("draft_n_accepted", 0),
        }
        print(json.dumps(reply), file=out, flush=True)


if __name__ == "__main__":
    main()
