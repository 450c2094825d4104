"""Mixed piles: pages are what the pile says, some are missing, some doubled."""

from collections import Counter

import cv2

from pipelines.drawing.piles import FORMS, draw_pile


def test_a_pile_has_pages_of_all_forms_and_of_none(tmp_path):
    pile = draw_pile(tmp_path, n_pages=40, dpi=50, random_state=2)
    forms = Counter(page.form for page in pile.pages.values())
    assert set(forms) == {"", *FORMS}
    assert sorted(pile.pages) == sorted(path.name for path in pile.scans.iterdir())
    assert [form.stem for form in pile.forms] == list(FORMS)


def test_the_same_seed_gives_the_same_pile(tmp_path):
    one, other = (
        draw_pile(tmp_path / name, n_pages=3, dpi=50, random_state=2) for name in "ab"
    )
    assert one.pages == other.pages
    for name in one.pages:
        pages = [cv2.imread(str(pile.scans / name)) for pile in (one, other)]
        assert (pages[0] == pages[1]).all()
