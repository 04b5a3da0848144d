"""llama-cpp-python's own multimodal handler, answering requests that come as JSON lines; run by `peers.py`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import llama_cpp
import llama_cpp.llama_chat_format as chat_format
import llama_cpp.mtmd_cpp as mtmd


def main() -> None:
    """Load what the first line says, then answer one conversation a line."""
    out = sys.stdout
    sys.stdout = sys.stderr
    setup = json.loads(sys.stdin.readline())
    batch = setup["batch"]
    options = {"n_batch": batch, "n_ubatch": batch, "n_threads": 1, "n_threads_batch": 1, "verbose": True}
    handler = chat_format.Gemma4ChatHandler(clip_model_path=setup["mmproj"], verbose=False)
    model = llama_cpp.Llama(setup["main"], chat_handler=handler, n_ctx=setup["context"], **options)
    model.metadata["tokenizer.chat_template"] = Path(setup["template"]).read_text()
    model.verbose = False
    encoded = 0
    inner = mtmd.mtmd_helper_eval_chunk_single

    def counted(context, llama, chunk, *rest):
        nonlocal encoded
        encoded += 1
        return inner(context, llama, chunk, *rest)

    mtmd.mtmd_helper_eval_chunk_single = counted
    print(json.dumps({"ready": True}), file=out, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        began, wall, before = time.process_time(), time.perf_counter(), encoded
        answer = model.create_chat_completion(
            request["messages"], temperature=0.0, repeat_penalty=1.0, min_p=0.0, max_tokens=request["max_tokens"]
        )
        usage = answer["usage"]
        reply = {
            "text": answer["choices"][0]["message"]["content"],
            "cpu": time.process_time() - began,
            "wall": time.perf_counter() - wall,
            "prompt": usage["prompt_tokens"],
            "evaluated": usage["prompt_tokens"],
            "completion": usage["completion_tokens"],
            "encoded": encoded - before,
        }
        print(json.dumps(reply), file=out, flush=True)


if __name__ == "__main__":
    main()
