# SPDX-License-Identifier: MIT OR Apache-2.0
"""Images of tables: both words of many contexts, and the contexts that have changed."""

from array import array

import pytest

from atomik_core import AtomikTable, DeviceTable, Image

Table = AtomikTable | DeviceTable


def test_an_image_has_both_words_and_is_restored(table: Table) -> None:
    table.load(1, 10)
    table.accum(1, 3)
    table.accum(255, 2**64 - 1)
    image = table.image()
    assert isinstance(image, Image)
    assert len(image.references) == len(image.accumulators) == 256
    assert (image.references[1], image.accumulators[1]) == (10, 3)
    assert image.accumulators[255] == 2**64 - 1
    table.load_many(range(256), [7] * 256)
    table.accum(0, 1)
    table.restore(image=image)
    assert table.image() == image
    assert (table.context(1).reference, table.context(1).accumulator) == (10, 3)
    assert table.snapshot() == {1: 9, 255: 2**64 - 1}


def test_parts(table: Table) -> None:
    table.load_many([4, 5, 6], [40, 50, 60])
    table.accum(5, 1)
    image = table.image(start=4, stop=6)
    assert image == (array("Q", [40, 50]), array("Q", [0, 1]))
    assert table.image(254) == (array("Q", [0, 0]), array("Q", [0, 0]))
    table.restore(image, start=254)
    assert table.snapshot() == {4: 40, 5: 51, 6: 60, 254: 40, 255: 51}
    table.restore(([1, 2**64 + 2], range(2)))
    assert (table.read(0), table.read(1), table.context(1).reference) == (1, 3, 2)


def test_what_has_changed_since_the_epoch(table: Table) -> None:
    assert table.changed() == {}
    table.load(1, 10)
    table.accum_many([3, 9, 9, 4], [5, 6, 6, 7])
    assert table.changed() == {3: 5, 4: 7}
    assert list(table.changed(start=4)) == [4]
    assert table.changed(0, stop=4) == {3: 5}
    table.swap(3)
    assert table.changed() == {4: 7}


def test_a_large_table_at_once(table: Table) -> None:
    large: Table = AtomikTable(65536) if isinstance(table, AtomikTable) else DeviceTable(65536)
    large.accum_many(range(65536), range(65536))
    assert large.changed() == {n: n for n in range(1, 65536)}
    image = large.image()
    assert image.accumulators == array("Q", range(65536))
    other = AtomikTable(65536)
    other.restore(image)
    assert other.changed() == large.changed()


def test_what_does_not_fit(table: Table) -> None:
    table.load(0, 7)
    two = array("Q", [1, 1])
    for start in (255, 256, -1):
        with pytest.raises(IndexError, match="outside the table, whose addresses are 0 to 255$"):
            table.restore((two, two), start)
    with pytest.raises(ValueError, match="^references and accumulators must be equally long, and"):
        table.restore((two, two[1:]))
    with pytest.raises(ValueError, match="^the image has no contexts$"):
        table.restore(([], []))
    with pytest.raises(ValueError, match="^there are no addresses from 5 to before 5$"):
        table.image(5, 5)
    with pytest.raises(IndexError, match="^stop must be from 0 to 256"):
        table.changed(0, 257)
    with pytest.raises(TypeError, match="^references must be a buffer, an array or a list"):
        table.restore((1, two))  # type: ignore[arg-type]
    assert table.snapshot() == {0: 7}


def test_other_widths() -> None:
    wide, narrow = AtomikTable(4, 100), AtomikTable(4, 8)
    wide.load(1, 1 << 99)
    wide.accum(1, 1)
    image = wide.image(1, 2)
    assert image == (array("Q", [0, 1 << 35]), array("Q", [1, 0]))
    wide.restore(image, 3)
    assert wide.changed() == {1: 1, 3: 1}
    wide.restore(([1 << 98], [0]))
    assert wide.read(0) == 1 << 98
    with pytest.raises(ValueError, match="2 items of 64 bits for each value"):
        wide.restore((array("Q", [1]), array("Q", [1])))
    narrow.restore(([0x1FF], [0x101]))
    assert (narrow.context(0).reference, narrow.context(0).accumulator) == (0xFF, 1)


def test_watches_see_it(table: Table) -> None:
    image = table.image(1, 3)
    table.set(1, 5)
    with table.watch(0, 4) as watch:
        watch.read()
        table.restore(image, 1)
        told = {change.addr: change.state for change in watch.read(0)}
    assert told[1] == 0
    assert set(told) <= {1, 2}
