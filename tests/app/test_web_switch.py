"""The window's switch of the skill web is the setting's."""

from deskhand.app import settings, wiring


def test_the_switch_of_the_web_is_its_setting():
    shelf = wiring.shelf()
    shelf.switch("web", on=True)
    assert settings.load().web
    assert "web" in {skill.name for skill in wiring.library().skills}
    shelf.switch("web", on=False)
    assert not settings.load().web
    assert "web" not in {skill.name for skill in wiring.library().skills}
