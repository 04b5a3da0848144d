"""`deskhand mcp`: the MCP servers that were configured, and whether they work."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deskhand.agent.mcp import box, config
from deskhand.agent.mcp.config import ServerConfig
from deskhand.agent.mcp.errors import ConfigError, LinkError
from deskhand.agent.mcp.provider import not_allowed
from deskhand.app import settings, terminal, wiring

_EPILOG = """examples:
  deskhand mcp add time -- uvx mcp-server-time
  deskhand mcp add files --read ~/Documents -- npx -y @modelcontextprotocol/server-filesystem ~/Documents
  deskhand mcp check files"""


def describe(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `deskhand mcp` to its parser."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="what is configured, what each may touch, and every problem found")
    add = actions.add_parser(
        "add",
        help="configure a server; it is not started, and asks before its first start",
        usage="deskhand mcp add [OPTIONS] NAME (-- PROGRAM ARGUMENT … | --url URL)",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add.add_argument("name", metavar="NAME", help="letters, digits, - and _")
    add.add_argument("--url", default="", help="of a server that is spoken to over HTTP instead")
    add.add_argument(
        "--header", action="append", default=[], metavar="NAME=VALUE", help="sent to it; ${VARIABLE} works"
    )
    add.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="given to it; ${VARIABLE} works")
    add.add_argument("--read", action="append", default=[], metavar="PATH", help="a file or folder that it may read")
    add.add_argument("--write", action="append", default=[], metavar="PATH", help="a folder that it may read and write")
    add.add_argument("--network", action="store_true", help="it may use the network (npx and uvx need it to fetch)")
    add.add_argument("--services", action="store_true", help="likewise, and services of this machine (a database …)")
    add.add_argument(
        "--tool", action="append", default=[], metavar="NAME", help="offer only this tool; may be repeated"
    )
    add.add_argument("--description", default="", metavar="TEXT", help="what it is for; the model decides by it")
    remove = actions.add_parser("remove", help="take a server out of the configuration")
    remove.add_argument("name", metavar="NAME")
    check = actions.add_parser(
        "check", help="start servers in their sandbox and list what they offer; agrees to nothing"
    )
    check.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    reading = actions.add_parser(
        "read-only",
        help="say which tools of a server only read: they run without a question from then on",
        description="Mark only tools that change nothing and send nothing anywhere: they then run without a question, "
        "also after reading what others wrote. Without TOOL it lists the server's tools.",
    )
    reading.add_argument("name", metavar="NAME")
    reading.add_argument("tools", nargs="*", metavar="TOOL", help="the server's own name for it")
    reading.add_argument("--undo", action="store_true", help="let them ask again")
    agree = actions.add_parser("agree", help="start a server in its sandbox, show all it says, and use it if you agree")
    agree.add_argument("name", metavar="NAME")
    agree.add_argument("--yes", action="store_true", help="agree; for scripts that have shown it themselves")
    for each in (listed, add, remove, check, agree, reading):
        each.add_argument("--json", action="store_true")


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part the words of `deskhand mcp` from the command line behind ``--``, which argparse would look into."""
    at = words.index("--") if "--" in words and "mcp" in words else len(words)
    return list(words[:at]), list(words[at + 1 :])


def run(options: argparse.Namespace) -> int:
    """Do what the options say; 1 where something does not work."""
    try:
        match options.action:
            case "add":
                said = _add(options)
            case "remove":
                said = _remove(options.name)
            case "check":
                said = _check(options)
            case "read-only":
                said = _read_only(options)
            case "agree":
                said = _agree(options)
            case _:
                said = _list(options)
    except (ConfigError, settings.SettingsError) as error:
        said = {"problems": [str(error)]}
    if options.json:
        terminal.data(said, indent=2)
    else:
        _print(said)
    return 1 if said.get("problems") and options.action != "list" else 0


def _pairs(texts: list[str], what: str) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if wrong := next((text for text, (name, sign, _) in zip(texts, pairs, strict=True) if not name or not sign), None):
        raise ConfigError(f"{what} needs NAME=VALUE, and “{wrong}” is not that.")
    return {name: value for name, _, value in pairs}


def _real(given: str) -> str:
    """A path as it is kept: where the person's own links lead now, so that nobody can lead them elsewhere later."""
    path = Path(given).expanduser()
    return str(path.resolve()) if path.is_absolute() else given


def _add(options: argparse.Namespace) -> dict[str, Any]:
    access: dict[str, Any] = {
        "read": [_real(path) for path in options.read],
        "write": [_real(path) for path in options.write],
        "network": "machine" if options.services else options.network,
        "description": options.description,
        "tools": options.tool,
    }
    entry: dict[str, Any] = {"url": options.url, "headers": _pairs(options.header, "--header")}
    if options.line or not options.url:
        entry |= {
            "command": next(iter(options.line), ""),
            "args": options.line[1:],
            "env": _pairs(options.env, "--env"),
        }
    entry["deskhand"] = {key: value for key, value in access.items() if value}
    kept = {key: value for key, value in entry.items() if value}
    made = config.checked(options.name, kept, wiring.own_folders())
    replaced = config.put(settings.mcp_file(), options.name, kept)
    return {"replaced" if replaced else "added": options.name, "servers": [_as_json(made)]}


def _remove(name: str) -> dict[str, Any]:
    if not config.put(settings.mcp_file(), name, None):
        return {"problems": [f"There is no MCP server {name} in {settings.mcp_file()}."]}
    return {"removed": name}


def _list(options: argparse.Namespace) -> dict[str, Any]:
    found = config.read(settings.mcp_file(), wiring.own_folders())
    remote = settings.load(**options.settings).mcp_remote
    problems = list(found.problems.values())
    problems += [not_allowed(each) for each in found.servers if each.host and not remote]
    return {
        "file": str(settings.mcp_file()),
        "servers": [_as_json(each) for each in found.servers],
        "problems": problems,
    }


def _check(options: argparse.Namespace) -> dict[str, Any]:
    names: list[str] = options.names
    servers = wiring.mcp_servers(settings.load(**options.settings))
    try:
        usable = {each.name: each for each in servers.servers}
        ours = {each.given: each.name for each in servers.servers}
        names = [ours.get(name, name) for name in names]
        problems = list(servers.problems)
        problems += [f"There is no MCP server {name} that may be used." for name in names if name not in usable]
        found: list[dict[str, Any]] = []
        for name in names or usable:
            if name in usable:
                try:
                    found.append({**_as_json(usable[name]), **servers.check(name)})
                except LinkError as error:
                    problems.append(str(error))
        return {"servers": found, "problems": problems}
    finally:
        servers.close()


def _read_only(options: argparse.Namespace) -> dict[str, Any]:
    servers = wiring.mcp_servers(settings.load(**options.settings))
    try:
        found = servers.readers(options.name)
        if options.tools:
            found = servers.mark(options.name, options.tools, reads=not options.undo)
            told = {"did": "acts" if options.undo else "reads", "server": options.name}
            wiring.open_audit().tell("permits", **told, tools=", ".join(options.tools))
        return {"tools": [asdict(each) for each in found]}
    except LinkError as error:
        return {"problems": [str(error)]}
    finally:
        servers.close()


def _agree(options: argparse.Namespace) -> dict[str, Any]:
    """Show all that a server may touch and says of itself and its tools, and keep that the person agreed to it."""
    servers = wiring.mcp_servers(settings.load(**options.settings))
    try:
        usable = {name: each for each in servers.servers for name in (each.given, each.name) if name}
        server = usable.get(options.name)
        if server is None:
            return {"problems": [*servers.problems, f"There is no MCP server {options.name} that may be used."]}
        found = servers.check(server.name)
        _show_whole(server, found)
        if not options.yes and not terminal.attended():
            return {"problems": ["Nobody is here to agree to this, so nothing was done. Agree with --yes."]}
        if not options.yes and terminal.answer(f"Use {server.name} as it is now? [y]es, [N]o: ") not in {"y", "yes"}:
            return {"problems": [f"You did not agree, so {server.name} stays as it was."]}
        servers.agree(server.name, found["agrees"])
    except LinkError as error:
        return {"problems": [str(error)]}
    finally:
        servers.close()
    return {"agreed": server.name, "servers": []}


def _show_whole(server: ServerConfig, found: Mapping[str, Any]) -> None:
    for text in box.touches(server):
        terminal.err.line(text)
    if found.get("instructions"):
        terminal.err.line(f"tells the model: {found['instructions']}")
    for name, whole in found["whole"].items():
        terminal.err.line(f"• {name}")
        for text in whole.split("\n"):
            terminal.err.line(f"    {text}")
    for text in found["changes"]:
        terminal.err.line(f"! {text}")


def _as_json(server: ServerConfig) -> dict[str, Any]:
    return {
        "server": server.name,
        "given": server.given or server.name,
        "enabled": not server.entry.disabled,
        "description": server.entry.access.description,
        "touches": list(box.touches(server)),
    }


def _print(said: Mapping[str, Any]) -> None:
    for key in ("added", "replaced", "removed", "agreed"):
        if key in said:
            terminal.out.line(f"{key.capitalize()}: {said[key]}")
    for server in said.get("servers", []):
        _print_server(server)
    _list_of("{}", map(_reader, said.get("tools", [])))
    for problem in said.get("problems", []):
        terminal.err.line(f"✗ {problem}")
    if "file" in said and not said["servers"] and not said["problems"]:
        terminal.out.line(f"No MCP server is configured in {said['file']}. See: deskhand mcp add --help")


def _print_server(server: Mapping[str, Any]) -> None:
    state = "" if server["enabled"] else " (switched off)"
    about = f": {server['description']}" if server["description"] else ""
    given = f" (in the file: {server['given']})" if server["given"] != server["server"] else ""
    terminal.out.line(f"{server['server']}{given}{state}{about}")
    for line in server["touches"]:
        terminal.out.line(f"    {line}")
    if "protocol" in server:
        terminal.out.line(f"    speaks protocol {server['protocol']}, says it is {server.get('name', '?')}")
    for tool in server.get("tools", []):
        terminal.out.line(f"    • {tool['name']}: {tool['description'][:120]}")
    for line in (*server.get("changes", []), *server.get("left_out", [])):
        terminal.out.line(f"    ! {line}")
    if server.get("changes"):
        terminal.out.line(f"    Use it as it is now with: deskhand mcp agree {server['server']}")


def _list_of(form: str, lines: Iterable[str]) -> None:
    for line in lines:
        terminal.out.line(form.format(line))


def _reader(tool: Mapping[str, Any]) -> str:
    if tool["marked"]:
        return f"{tool['tool']}: runs without a question, as you marked it as read-only"
    return f"{tool['tool']}: asks each time{'; the server says that it only reads' if tool['claims'] else ''}"
