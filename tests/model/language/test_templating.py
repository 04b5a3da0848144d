"""Foreign chat templates run in a box, within a budget, and end in a sentence."""

from __future__ import annotations

from datetime import datetime

import pytest

from deskhand.model.errors import PromptError
from deskhand.model.language.templating import ChatTemplate, RefusedError


def test_templates_render_as_in_transformers() -> None:
    source = """{%- for m in messages if m.role != 'x' %}
    {%- if loop.index0 == 3 %}{% break %}{% endif %}
{{ loop.index }}/{{ loop.length }} {{ m.role }}{% if not loop.last %},{% endif %}
{%- endfor %}
    {% generation %}
{{ {'b': 'ü"', 'a': [1, none]} | tojson }}
    {% endgeneration %}
{{ [1] | tojson(indent=2) }}"""
    roles = [{"role": role} for role in ("a", "x", "b")]
    assert ChatTemplate(source).render(messages=roles) == '1/2 a,2/2 b{"b": "ü\\"", "a": [1, null]}\n[\n  1\n]'


def test_the_date_is_there() -> None:
    year = ChatTemplate("{{ strftime_now('%Y') }}").render()
    assert year in {str(datetime.now().astimezone().year), str(datetime.now().astimezone().year - 1)}


def test_variables_are_known() -> None:
    template = ChatTemplate("{% set mine = 1 %}{% if tools %}{{ mine }}{% endif %}")
    assert template.uses("tools")
    assert not template.uses("mine")


def test_a_refusal_is_told_in_its_own_words() -> None:
    with pytest.raises(RefusedError, match="refuses the conversation: Roles must alternate"):
        ChatTemplate("{{ raise_exception('Roles must alternate') }}").render()


@pytest.mark.parametrize(
    "source", ["{% if %}", "{{", "{% for x in y %}", "{% endif %}", "{% nonsense %}", "x" * 2_000_000]
)
def test_unreadable_templates(source: str) -> None:
    with pytest.raises(PromptError, match="This model's chat template"):
        ChatTemplate(source)


DEEP = "{% for a in range(9999) %}" * 8 + "x" + "{% endfor %}" * 8
TREE = "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}"
DOUBLE = "{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}"


@pytest.mark.parametrize(
    "source",
    [
        DEEP,
        TREE,
        DOUBLE,
        "{% for a in range(10 ** 12) %}x{% endfor %}",
        "{% for a in [[1]] recursive %}{{ loop([a]) }}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ 'x' * 10 ** 10 }}",
        "{{ 9 ** 99999999 }}",
        "{{ '%9999999999d' % 1 }}",
        "{% for a in range(9999) %}{{ 'x' * 9999 }}{% endfor %}",
        "{{ nothing.at.all }}",
        "{{ 1 / 0 }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ messages.append(1) }}",
        "{% include 'other' %}",
        "{{ 1 + 'a' }}",
        "{{ messages | tojson }}",
    ],
)
def test_templates_that_fail_or_do_not_end(source: str) -> None:
    template = ChatTemplate(source)
    with pytest.raises(PromptError, match="This model's chat template fails: ") as caught:
        template.render(messages=[object()])
    assert str(caught.value).endswith(".")
    assert not str(caught.value).endswith("..")


def test_a_budget_is_for_one_rendering() -> None:
    template = ChatTemplate("{% for a in range(90000) %}{% endfor %}ok")
    assert [template.render() for _ in range(4)] == ["ok"] * 4
