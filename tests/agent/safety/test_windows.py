from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.safety.windows import Area, strikes, visible

areas = st.builds(Area, st.integers(-5, 12), st.integers(-5, 12), st.integers(0, 8), st.integers(0, 8))


def test_a_click_on_our_window_is_known_to_the_pixel():
    ours = [Area(10, 20, 30, 40)]
    assert all(strikes(x, y, ours) for x, y in [(10, 20), (39, 59), (39.9, 20.0)])
    assert not any(strikes(x, y, ours) for x, y in [(9, 20), (40, 20), (10, 60), (9.9, 20), (10, 19)])
    assert not strikes(0, 0, [])


@given(st.lists(st.tuples(areas, st.booleans()), max_size=6))
def test_what_is_seen_is_what_no_later_window_covers(stack):
    seen = visible(stack)
    for x in range(-5, 20):
        for y in range(-5, 20):
            on_top = next((ours for area, ours in reversed(stack) if area.holds(x, y)), False)
            assert strikes(x, y, seen) == on_top
