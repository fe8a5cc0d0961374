"""The editor that is made up around a hole knows nothing of what belongs into it."""

from __future__ import annotations

from pathlib import Path

from beastmode.operations.evaluate.editor import KEEP_OFF, editor
from beastmode.operations.evaluate.files import SourceFile
from beastmode.operations.evaluate.holes import Hole, Kind

ROOT = Path("/repo")
PRICES = "class Price:\n    amount = 0\n\n\ndef rounded(price):\n    return round(price.amount, 2)\n"
ORDERS = "from shop.money.prices import Price, rounded\n\n\n" + "\n".join(
    f"def order_{number}(price):\n    total_{number} = rounded(price)\n    return total_{number}\n"
    for number in range(30)
)


def file(path: str, text: str) -> SourceFile:
    return SourceFile(ROOT, path, "python", text)


FILES = [file("shop/orders.py", ORDERS), file("shop/money/prices.py", PRICES)] + [
    file(f"shop/other_{number}.py", f"OTHER = {number}\n" * 20) for number in range(6)
]


def hole_at(number: int) -> Hole:
    start = ORDERS.index(f"total_{number} = ") + len(f"total_{number} = ")
    return Hole("repo/shop/orders.py", Kind.LINE, start, ORDERS.index("\n", start))


def test_the_truth_is_nowhere() -> None:
    """Cursor and document show the file with its hole; together with the truth they are the file."""
    hole = Hole("repo/shop/orders.py", Kind.LINES, ORDERS.index("total_7 ="), ORDERS.index("\n\ndef order_8"))
    made = editor(hole, FILES[0], FILES)
    before, truth, after = hole.cut(ORDERS)
    assert ORDERS.startswith(before)
    assert before.endswith(made.cursor.before)
    assert after.startswith(made.cursor.after)
    document = made.session.document(made.cursor.uri)
    assert document is not None
    assert "\n".join(document.lines) == before + after
    assert not [line for line in truth.split("\n") if any(line.strip() == known.strip() for known in document.lines)]
    assert document.lines[made.cursor.line][: made.cursor.column] == made.cursor.line_before


def test_what_is_imported_is_open_and_was_looked_at() -> None:
    """Four tabs besides the file, the imported one among them, visited at something that is imported."""
    session = editor(hole_at(9), FILES[0], FILES).session
    paths = [Path(each.path).name for each in session.documents]
    assert len(paths) == 5
    assert paths[0] == "orders.py"
    assert "prices.py" in paths
    visited = {Path(each.path).name: each.focus for each in session.visits}
    assert PRICES.split("\n")[visited["prices.py"]].startswith(("class Price", "def rounded"))


def test_edits_keep_off_the_hole() -> None:
    """Something was typed lately in this file and in a tab, but not beside the hole; and it was before now."""
    for number in range(20):
        made = editor(hole_at(number), FILES[0], FILES)
        own = [each for each in made.session.edits if each.uri == made.cursor.uri]
        assert len(own) == 1
        assert len(made.session.edits) == 2
        assert own[0].end <= made.cursor.line - KEEP_OFF or own[0].line > made.cursor.line + KEEP_OFF
        assert all(each.at < made.session.now for each in made.session.edits)


def test_it_is_the_same_every_time() -> None:
    """What a run finds can be found again; another hole has another past."""

    def story(number: int) -> list[tuple[str, int]]:
        session = editor(hole_at(number), FILES[0], FILES).session
        return [(each.path, each.line) for each in (*session.edits, *session.visits)]

    assert story(3) == story(3) != story(4)
