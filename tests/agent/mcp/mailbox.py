"""A server over stdio, written by hand, with a person's mails: two tools read, two act. What ran stands in its home."""

# ruff: noqa: T201
import json
import os
import sys
from pathlib import Path

TEXT = {"type": "string"}
TOOLS = {
    "list_mails": ({}, "Lists the mails."),
    "read_mail": ({"id": TEXT}, "Reads a mail."),
    "send_mail": ({"to": TEXT, "text": TEXT}, "Sends a mail."),
    "delete_mail": ({"id": TEXT}, "Deletes a mail."),
}
MAILS = json.loads(Path(sys.argv[1]).read_text())
RAN = Path(os.environ["HOME"], "ran.jsonl")


def call(name, given):
    with RAN.open("a") as file:
        file.write(json.dumps([name, given]) + "\n")
    if name == "list_mails":
        return "\n".join(f"{key}: from {mail['from']}" for key, mail in MAILS.items())
    return MAILS[given["id"]]["text"] if name == "read_mail" else "done"


def answer(method, params):
    if method == "initialize":
        about = {"name": "mailbox", "version": "1"}
        return {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": about}
    if method == "tools/list":
        shape = {"type": "object", "additionalProperties": False}
        return {
            "tools": [
                {
                    "name": name,
                    "description": text,
                    "inputSchema": {**shape, "properties": keys, "required": list(keys)},
                    "annotations": {"readOnlyHint": True},
                }
                for name, (keys, text) in TOOLS.items()
            ]
        }
    if method == "tools/call":
        text = call(params["name"], params.get("arguments") or {})
        return {"content": [{"type": "text", "text": text}]}
    return None


for line in sys.stdin:
    said = json.loads(line)
    if "id" in said:
        made = answer(said["method"], said.get("params") or {})
        body = {"error": {"code": -32601, "message": "no"}} if made is None else {"result": made}
        print(json.dumps({"jsonrpc": "2.0", "id": said["id"], **body}), flush=True)
