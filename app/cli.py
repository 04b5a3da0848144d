"""The command line: what the window does, without a window."""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from deskhand.agent.filename import spelled
from deskhand.app.commands import ask, audit, doctor, grants, mcp, models, reset, stop, tasks, undo
from deskhand.app.commands import skills as skill_list


def _assignment(text: str) -> tuple[str, object]:
    """A setting and its value, written as in the settings file; quotes around a word may be left out."""
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise argparse.ArgumentTypeError(f"“{text}” is not NAME=VALUE")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deskhand",
        description="A desktop agent that sees the screen, hears the microphone and acts through skills, on this "
        "machine. Without a command the window opens.",
    )
    parser.add_argument("--engine", help="auto, local, cascade, pocket, tiny or scripted:FILE (default: auto)")
    parser.add_argument("--bundle", type=Path, help="folder or GGUF file of a bundle")
    parser.add_argument(
        "--set",
        dest="chosen",
        type=_assignment,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any setting of settings.toml for this run, such as kv_type=q8_0",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    one = commands.add_parser("ask", help="one turn: a question, a command, pictures, sound")
    one.add_argument("text", metavar="TEXT", help="what you want; may be empty when there is sound or a picture")
    one.add_argument("--image", type=Path, action="append", default=[], metavar="FILE", help="a picture to look at")
    one.add_argument("--audio", type=Path, action="append", default=[], metavar="FILE", help="a recording to listen to")
    one.add_argument("--screen", action="store_true", help="take a screenshot now")
    one.add_argument("--engine", dest="ask_engine", help="auto, local, cascade, pocket, tiny or scripted:FILE")
    one.add_argument("--bundle", dest="ask_bundle", type=Path, metavar="DIR", help="folder or GGUF file of a bundle")
    one.add_argument(
        "--approve",
        default="ask",
        metavar="ask|never|NAME,…",
        help="ask in the terminal (default), deny what would be asked, or allow these tools or skills",
    )
    one.add_argument("--continue", dest="go_on", action="store_true", help="go on with the latest conversation")
    one.add_argument(
        "--tool-choice", choices=["auto", "none", "required"], default="auto", help="whether it may call tools"
    )
    one.add_argument("--max-tokens", type=int, default=1024, metavar="N", help="the longest answer, in tokens")
    one.add_argument("--wait-timers", action="store_true", help="stay until the timers that were set have fired")
    one.add_argument("--json", action="store_true", help="print the turn as one JSON object")

    check = commands.add_parser("doctor", help="what works on this machine and what to do about the rest")
    check.add_argument("--json", action="store_true")

    store = commands.add_parser("models", help="the models on this machine and those that can be fetched")
    actions = store.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what there is, where it comes from, under which licence")
    listing.add_argument("--json", action="store_true")
    get = actions.add_parser("get", help="fetch by name; goes on where it was interrupted")
    get.add_argument("names", nargs="+", metavar="NAME", help="a name of the list; “cascade” is the embedded engine's")
    verify = actions.add_parser("verify", help="check the files against their SHA-256")
    verify.add_argument("names", nargs="*", metavar="NAME", help="default: all that are installed")

    skill_list.add_parser(commands)

    granted = commands.add_parser("grants", help="what runs without asking, and what never runs")
    grant_actions = granted.add_subparsers(dest="action", metavar="ACTION", required=True)
    given = grant_actions.add_parser("list", help="every grant, with its name and when it ends")
    given.add_argument("--json", action="store_true")
    revoke = grant_actions.add_parser("revoke", help="take one back; it also ends what is forbidden")
    revoke.add_argument("grants", nargs="+", metavar="ID", help="a name of the list, or “all”")
    deny = grant_actions.add_parser("deny", help="forbid tools, whatever was granted")
    deny.add_argument("tools", nargs="+", metavar="TOOL", help="the tool's name, as skills list shows it")

    commands.add_parser("stop", help="end what every running Deskhand does, waits for or would do later")
    tasks.describe(commands.add_parser("tasks", help="timers, watches and what is to be done later"))
    undo.add_parser(commands)
    reset.describe(commands.add_parser("reset", help="begin settings or history afresh and keep the old file"))
    log = commands.add_parser("audit", help="the log of what was asked, decided and done")
    log_actions = log.add_subparsers(dest="action", metavar="ACTION", required=True)
    told = log_actions.add_parser("show", help="its lines, the newest last")
    told.add_argument("--last", type=int, default=50, metavar="N", help="so many lines (default: 50; 0: all)")
    told.add_argument("--json", action="store_true")
    checked = log_actions.add_parser("verify", help="whether a line was changed, moved, taken out or cut off")
    checked.add_argument("--json", action="store_true")
    mcp.describe(commands.add_parser("mcp", help="programs of others that bring tools (Model Context Protocol)"))
    return parser


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the arguments; ends the process with code 2 and a usage line when they don't fit."""
    parser = _parser()
    words, line = mcp.split(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(words)
    options.line = line
    if options.command == "ask":
        options.text = spelled(options.text)  # a terminal of another encoding gives bytes that are no text
        options.engine = options.ask_engine or options.engine
        options.bundle = options.ask_bundle or options.bundle
        if options.max_tokens < 1:
            parser.error("--max-tokens must be at least 1")
        if not (options.text.strip() or options.image or options.audio or options.screen):
            parser.error("say something: TEXT may be empty only with --audio, --image or --screen")
    options.settings = {**dict(options.chosen), "engine": options.engine, "bundle": options.bundle}
    return options


def run(options: argparse.Namespace) -> int:
    """Do what the options say and return the exit code."""
    commands = {
        "ask": ask,
        "audit": audit,
        "doctor": doctor,
        "grants": grants,
        "mcp": mcp,
        "models": models,
        "reset": reset,
        "skills": skill_list,
        "tasks": tasks,
        "undo": undo,
    }
    return stop.run() if options.command == "stop" else commands[options.command].run(options)
