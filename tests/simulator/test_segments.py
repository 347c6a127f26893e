"""Segments, as the air counts them."""

import pytest

from simulator.segments import count_segments


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("é\n" * 80, 1),
        ("ł" * 70, 1),
        ("ł" * 71, 2),
        ("👋" * 35, 1),
        ("👋" * 36, 2),
        ("]" * 153, 3),
        ("👋" * 66, 2),
        ("👋" * 67, 3),
    ],
)
def test_segments_follow_the_alphabet(body: str, segments: int) -> None:
    assert count_segments(body) == segments
