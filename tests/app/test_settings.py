"""The settings: file, overrides, and a sentence for what does not work."""

from __future__ import annotations

from pathlib import Path

import pytest

from deskhand.app import cli, settings, wiring
from deskhand.model.config import LocalConfig


@pytest.fixture
def file(own_folders: Path) -> Path:
    path = own_folders / "config/deskhand/settings.toml"
    path.parent.mkdir(parents=True)
    return path


def test_without_a_file_the_defaults_hold():
    assert settings.load() == settings.Settings()


def test_the_command_line_overrides_the_file_and_the_file_the_defaults(file: Path):
    file.write_text('engine = "cascade"\nlanguage = "de"\n')
    assert settings.load().engine == "cascade"
    assert settings.load(engine="tiny", bundle=None).engine == "tiny"
    assert settings.load(engine="tiny").language == "de"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("engine = ", "settings.toml"),
        ('engine = "nonsense"', "engine"),
        ('enginee = "cascade"', "enginee"),
        ('text_model = "speech-tiny"', "text-0.5b"),
        ("context_length = 3", "context_length"),
        ("\x00", "settings.toml"),
    ],
)
def test_what_does_not_work_is_named(file: Path, text: str, word: str):
    file.write_text(text)
    with pytest.raises(settings.SettingsError, match=word):
        settings.load()


def test_a_file_that_is_no_text_is_named(file: Path):
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(settings.SettingsError, match="can't be read"):
        settings.load()


def test_every_setting_is_explained():
    described = settings.Settings.__doc__ or ""
    assert all(f"{name}: " in described for name in settings.Settings.model_fields)


def test_the_command_line_sets_any_setting():
    options = cli.parse(["--set", "kv_type=q8_0", "--set", "image_budget=1120", "--engine", "tiny"])
    chosen = settings.load(**options.settings)
    assert (chosen.kv_type, chosen.image_budget, chosen.engine) == ("q8_0", 1120, "tiny")
    config = wiring.engine_config(chosen)
    assert isinstance(config, LocalConfig)
    assert (config.kv_type, config.batch) == ("q8_0", 1152)
    with pytest.raises(SystemExit):
        cli.parse(["--set", "kv_type"])
    with pytest.raises(settings.SettingsError, match=r"kv_type.*does not work"):
        settings.load(**cli.parse(["--set", "kv_type=q3"]).settings)


def test_a_session_is_kept_only_if_that_is_switched_on(own_folders: Path):
    config = wiring.engine_config(settings.load(engine="tiny"))
    assert isinstance(config, LocalConfig)
    assert config.sessions is None
    config = wiring.engine_config(settings.load(engine="tiny", keep_session=True))
    assert isinstance(config, LocalConfig)
    assert config.sessions is not None
    assert config.sessions.is_relative_to(settings.data_folder())


def test_switching_it_off_removes_what_was_kept(own_folders: Path):
    wiring.sessions_folder().mkdir()
    (wiring.sessions_folder() / "one.session").write_bytes(b"private")
    for keep, there in ((True, True), (False, False)):
        chosen = settings.load(engine="tiny", keep_session=keep)
        wiring.build(chosen, wiring.open_history(), lambda notice: None).close()
        assert wiring.sessions_folder().exists() is there


def test_a_change_is_written_and_everything_else_stays(file: Path):
    file.write_text('# mine\nengine = "tiny"\ntrusted_folders = [\n  "/a", # one\n  "/b",\n]\nlanguage = "de" # here\n')
    settings.change(mode="read-only", trusted_folders=['/c "d"', "/ü\x7f"])
    assert file.read_text() == (
        '# mine\nengine = "tiny"\ntrusted_folders = ["/c \\"d\\"", "/ü\\u007F"]\nlanguage = "de" # here\n'
        'mode = "read-only"\n'
    )
    chosen = settings.load()
    assert (chosen.mode, chosen.trusted_folders) == ("read-only", (Path('/c "d"'), Path("/ü\x7f")))
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_what_another_editor_made_of_the_file_stays(file: Path, mark: bytes, tmp_path: Path):
    """Kind B: a mark, other line ends, a link to where the person keeps such files."""
    kept = tmp_path / "dotfiles"
    kept.write_bytes(mark + '# für\u2028mode\r\nlanguage = "de"\r\nmode = "ask"\r\n'.encode())
    file.symlink_to(kept)
    settings.change(mode="read-only", keep_session=True)
    wanted = '# für\u2028mode\r\nlanguage = "de"\r\nmode = "read-only"\r\nkeep_session = true\r\n'
    assert kept.read_bytes() == mark + wanted.encode()
    assert file.is_symlink()
    assert settings.load().mode == "read-only"


def test_the_first_change_makes_the_file(own_folders: Path):
    settings.change(keep_session=True, context_length=1024)
    chosen = settings.load()
    assert (chosen.keep_session, chosen.context_length) == (True, 1024)


@pytest.mark.parametrize("text", ["engine = ", 'mode = "\n', "\x00", "nonsense = 1\n"])
def test_a_file_that_does_not_work_is_left_as_it_is(file: Path, text: str):
    file.write_text(text)
    with pytest.raises(settings.SettingsError, match="can't be changed"):
        settings.change(mode="ask")
    assert file.read_text() == text
    file.write_text("")
    with pytest.raises(settings.SettingsError, match="can't be changed"):
        settings.change(mode="everything")
    assert file.read_text() == ""
