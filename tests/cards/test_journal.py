"""Power cut at every byte of a write: the old content or the new one, never neither."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtill.cards.journal import Journal, Worn

pytestmark = pytest.mark.unit
MOST = 30


class PowerCut(Exception):
    """The card left the reader."""


class Cells(list):
    """Memory that loses power after so many writes, or whose cell sticks."""

    def __init__(self, content, *, writes=None, stuck=None):
        super().__init__(content)
        self.writes, self.stuck = writes, stuck

    def __setitem__(self, at, octet):
        if self.writes is not None:
            if self.writes == 0:
                raise PowerCut
            self.writes -= 1
        super().__setitem__(at, self[at] if at == self.stuck else octet)


def blank():
    return [0xFF] * (2 * (MOST + 10))


def test_nothing_was_written_to_a_blank_card():
    assert Journal(blank(), MOST).read() is None
    assert Journal([0] * 80, MOST).read() is None


@given(st.lists(st.binary(max_size=MOST), min_size=1, max_size=8))
def test_the_newest_content_is_read(contents):
    cells = blank()
    for content in contents:
        Journal(cells, MOST).write(content)

    assert Journal(cells, MOST).read() == contents[-1]


@given(st.binary(min_size=1, max_size=MOST), st.binary(min_size=1, max_size=MOST), st.integers(1, 4))
def test_a_cut_at_any_byte_leaves_old_or_new(old, new, times):
    whole = blank()
    for _time in range(times):
        Journal(whole, MOST).write(old)
    for writes in range(len(new) + 11):
        cells = Cells(whole, writes=writes)
        try:
            Journal(cells, MOST).write(new)
            wanted = {new}
        except PowerCut:
            # New too: what was left to write may have lain there already.
            wanted = {old, new}
        assert Journal(list(cells), MOST).read() in wanted
        # Whatever was left, the next write goes through.
        again = list(cells)
        Journal(again, MOST).write(b"later")
        assert Journal(again, MOST).read() == b"later"


@pytest.mark.parametrize("stuck", range(5, 15))
def test_a_worn_cell_keeps_the_old_content(stuck):
    cells = blank()
    Journal(cells, MOST).write(b"old content")
    Journal(cells, MOST).write(b"other content")
    worn = Cells(cells, stuck=stuck)

    with pytest.raises(Worn):
        Journal(worn, MOST).write(bytes(range(100, 113)))
    assert Journal(list(worn), MOST).read() == b"other content"


def test_what_has_no_room_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        Journal([0] * 10, MOST)
    with pytest.raises(ValueError, match="do not fit"):
        Journal(blank(), MOST).write(bytes(MOST + 1))


@given(st.binary(min_size=80, max_size=80))
def test_any_memory_can_be_read_and_written(content):
    cells = list(content)
    Journal(cells, MOST).read()
    Journal(cells, MOST).write(b"x")
