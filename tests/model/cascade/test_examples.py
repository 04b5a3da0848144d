"""The examples of the prompt never appear in an answer or a call, unless the conversation says the same."""

import pytest

from deskhand.model.cascade.examples import ARGUMENT_MARKS, EXAMPLES, MARKS, ExampleFilter


def shown(text: str, said: str = "", size: int = 1) -> tuple[str, bool]:
    guard = ExampleFilter(said)
    out = "".join(guard.show(text[at : at + size]) for at in range(0, len(text), size))
    return out + guard.rest(), guard.found


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_what_an_example_says_is_not_shown(size: int) -> None:
    leak = 'I copied the text "6 eggs, flour" to the clipboard.'
    assert shown(leak, "Summarise what I copied", size) == ('I copied the text "', True)
    assert shown(leak, "[Result] 6 Eggs, flour and sugar", size) == (leak, False)


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "text", ["About 384,000 kilometres.", "Rice needs water the whole time.", "6 eggs", "water", ""]
)
def test_other_answers_pass_whole(text: str, size: int) -> None:
    assert shown(text, "how?", size) == (text, False)


def test_arguments_of_an_example_are_seen() -> None:
    guard = ExampleFilter("set a timer for 10 minutes")
    assert guard.taints('{"minutes": 10, "label": "rice"}')
    assert not guard.taints('{"minutes": 10, "label": "price list"}')
    assert not ExampleFilter("a timer for the rice").taints('{"minutes": 10, "label": "rice"}')


def test_the_marks_are_the_examples_own() -> None:
    """A changed example without its mark would leak again."""
    told = " ".join(f"{each.said} {each.arguments} {each.answer}" for each in EXAMPLES).casefold()
    assert all(mark in told for mark in (*MARKS, *ARGUMENT_MARKS))
    for example in EXAMPLES:
        if example.arguments != "{}" and not example.answer:
            assert ExampleFilter("").taints(example.arguments), example
