"""Registration: a known homography is found again, and a strange page refused."""

import itertools
import pickle

import cv2
import numpy as np
import pytest

from pipelines.drawing.piles import draw_layout
from pipelines.pages.alignment import match_patches
from pipelines.pages.prepared import prepare_blank
from pipelines.pages.register import PageRegistrar, RegistrationError, register


def _form(seed, height=1400, width=1000):
    """Draw a form: corner marks that all forms share, headings and boxes."""
    random = np.random.default_rng(seed)
    page = np.full((height, width), 255, dtype=np.uint8)
    for x, y in itertools.product((40, width - 70), (40, height - 70)):
        page[y : y + 30, x : x + 30] = 0
    for y in range(110, height - 110, 75):
        x = int(random.integers(60, 200))
        title = "".join(random.choice(list("ABCDEFGHKLMNPRST 135"), 14))
        cv2.putText(page, title, (x, y + 40), 0, 1.0, 0, 2, cv2.LINE_AA)
        x += int(random.integers(320, 450))
        for column in range(int(random.integers(2, 6))):
            left = x + 50 * column
            cv2.rectangle(page, (left, y), (left + 50, y + 55), 60, 2)
    return page


def _turned(angle, scale=1.0, bend=0.0):
    """Homography of a 1000 x 1400 page turned, scaled and seen at an angle."""
    outline = np.array([(0, 0), (1000, 0), (1000, 1400), (0, 1400)], np.float32)
    turn = cv2.getRotationMatrix2D((500, 700), angle, scale)
    seen = outline @ turn[:, :2].T + turn[:, 2]
    seen += bend * scale * np.array([(90, 60), (-40, 0), (30, -50), (0, 40)])
    seen += 60 - seen.min(axis=0)
    size = tuple(np.ceil(seen.max(axis=0) + 60).astype(int).tolist())
    return cv2.getPerspectiveTransform(outline, seen.astype(np.float32)), size


def _seen(page, matrix, size, desk=255):
    return cv2.warpPerspective(
        page, matrix, size, flags=cv2.INTER_AREA, borderValue=desk
    )


def _corner_error(found, matrix):
    corners = np.array([(0, 0), (1000, 0), (1000, 1400), (0, 1400)], dtype=float)
    truth = cv2.perspectiveTransform(corners[None], matrix)[0]
    return np.linalg.norm(found.project(corners) - truth, axis=1).max()


@pytest.fixture(scope="module")
def blank():
    return prepare_blank(_form(0))


@pytest.mark.parametrize("angle", [0, 8, -8, 90, 180, 270])
def test_a_turned_page_is_registered_to_half_a_pixel(blank, angle):
    matrix, size = _turned(angle)
    found = register(_seen(blank.image, matrix, size), blank)
    assert found.is_good
    assert _corner_error(found, matrix) < 0.5


@pytest.mark.parametrize("scale", [0.7, 1.5, 2.0])
def test_a_page_of_another_resolution_is_registered(blank, scale):
    matrix, size = _turned(2, scale)
    found = register(_seen(blank.image, matrix, size), blank)
    assert found.is_good
    assert _corner_error(found, matrix) < scale


def test_a_photograph_in_poor_light_with_writing_is_registered(blank):
    random = np.random.default_rng(1)
    filled = blank.image.copy()
    for x, y in random.integers(100, 900, (60, 2)).tolist():
        cv2.line(filled, (x, y), (x + 40, y + 30), 40, 4, cv2.LINE_AA)
    matrix, size = _turned(7, 0.9, bend=1.0)
    photo = _seen(filled, matrix, size, desk=110) * np.linspace(0.5, 1, size[0])
    photo = cv2.imdecode(
        cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 0
    )
    found = register(photo, blank)
    assert found.is_good
    assert _corner_error(found, matrix) < 1.0


def test_salt_and_pepper_do_not_hinder(blank):
    page = blank.image.copy()
    speck = np.random.default_rng(2).random(page.shape)
    page[speck < 0.01], page[speck > 0.99] = 0, 255
    found = register(page, blank)
    assert found.is_good
    assert _corner_error(found, np.eye(3)) < 0.5


def test_another_form_with_the_same_corner_marks_is_refused(blank):
    found = register(_form(1), blank)
    assert not found.is_good
    assert "Is it a page of this form?" in found.reason


@pytest.mark.parametrize(
    "seed", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 6))]
)
def test_other_forms_and_halves_of_them_are_refused_photographed_or_not(blank, seed):
    other = _form(seed)
    matrix, size = _turned(5, bend=1.0)
    for page in (other, other[:700], other[700:], _seen(other, matrix, size, 110)):
        assert not register(page, blank).is_good


def test_a_page_of_text_is_refused(blank):
    random = np.random.default_rng(5)
    text = np.full((1400, 1000), 255, dtype=np.uint8)
    for y in range(80, 1360, 40):
        words = "".join(random.choice(list("ABCDEFGHKLMNPRST 135"), 40))
        cv2.putText(text, words, (60, y), 0, 1.0, 0, 2, cv2.LINE_AA)
    assert not register(text, blank).is_good


def _bent(page, depth):
    """Let the lines of a page arch."""
    x, y = np.meshgrid(np.arange(1000, dtype=np.float32), np.arange(1500.0) - 50)
    source = y - depth * np.sin(np.pi * x / 1000)
    return cv2.remap(
        page, x, source.astype(np.float32), cv2.INTER_LINEAR, borderValue=255
    )


@pytest.mark.parametrize("depth", [-42, 42])  # 3 % of the height
def test_print_on_bent_paper_is_found_where_it_is(blank, depth):
    found = register(_bent(blank.image, depth), blank)
    assert found.is_good
    for x, y in itertools.product((150, 500, 800), (200, 700, 1200)):
        [place, *_] = found.near((y, x, 50, 50))
        expected = (x, y + 50 + depth * np.sin(np.pi * x / 1000))
        assert place.project(np.array([[x, y]]))[0] == pytest.approx(expected, abs=5)


def test_a_block_that_has_moved_is_found_where_it_is(blank):
    page = blank.image.copy()
    page[900:1250] = 255
    page[940:1290, :] = blank.image[900:1250]
    found = register(page, blank)
    assert found.is_good
    for x, y, down in ((300, 300, 0), (300, 1050, 40)):
        places = [
            near.project(np.array([[x, y]]))[0] for near in found.near((y, x, 50, 50))
        ]
        assert places[0] == pytest.approx((x, y + down), abs=3)


def test_combs_that_have_moved_are_not_taken_for_their_own_boxes():
    # By a little more than two boxes, so that most lines fall on lines of the blank.
    drawn = draw_layout("Claim", 21, {"claim": 6, "amount": 5, "travel": 4})
    top, bottom, aside = drawn.fields[0].box[0] - 40, drawn.fields[-1].box[0] + 90, 118
    page = drawn.page.copy()
    block = page[top:bottom, 160:1200].copy()
    page[top:bottom, 160:1200] = 255
    page[top:bottom, 160 + aside : 1200 + aside] = block
    found = register(page, prepare_blank(drawn.page))
    for field in drawn.fields:
        y, x, *_ = field.box
        [place, *_] = found.near(field.box)
        assert place.project(np.array([[x, y]]))[0] == pytest.approx(
            (x + aside, y), abs=3
        )


def test_print_that_is_written_over_is_found():
    blank = np.full((500, 700), 255, dtype=np.uint8)
    for x in range(60, 600, 60):
        cv2.rectangle(blank, (x, 200), (x + 60, 280), 0, 2)
    centres = np.array([(x, y) for x in range(120, 541, 60) for y in (200, 280)])
    page = blank.copy()
    for x in range(60, 600, 60):  # a broad 11 in each box
        cv2.line(page, (x + 14, 210), (x + 14, 270), 0, 17)
        cv2.line(page, (x + 46, 210), (x + 46, 270), 0, 17)
    places = {"half": 16, "search": 5}
    _, found = match_patches(blank, page, centres, **places)
    assert found.all()
    _, as_it_is = match_patches(blank, page, centres, least=1.0, **places)
    assert not as_it_is.any()


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (60, 3000), (1400, 1000)])
def test_an_empty_sheet_is_refused(blank, shape, level):
    assert not register(np.full(shape, level, np.uint8), blank).is_good


def test_noise_and_a_mirrored_page_are_refused(blank):
    noise = np.random.default_rng(3).integers(0, 256, (1400, 1000), dtype=np.uint8)
    assert not register(noise, blank).is_good
    assert not register(np.ascontiguousarray(blank.image[:, ::-1]), blank).is_good


@pytest.mark.parametrize("rows", [slice(0, 600), slice(700, None)])
def test_half_a_page_is_judged_by_what_is_in_the_picture(blank, rows):
    found = register(blank.image[rows], blank)
    assert found.is_good
    assert found.project([[0, 0]])[0] == pytest.approx((0, -rows.start), abs=1)


def test_a_strip_of_a_page_is_refused(blank):
    assert not register(blank.image[:200], blank).is_good


def test_a_prepared_blank_survives_pickling(blank):
    again = pickle.loads(pickle.dumps(blank))
    assert register(blank.image, again).quality == register(blank.image, blank).quality


def test_a_blank_without_print_is_refused():
    with pytest.raises(ValueError, match="print all over it"):
        prepare_blank(np.full((1400, 1000), 255, dtype=np.uint8))


def test_page_registrar_brings_a_page_into_the_frame_of_the_blank(blank):
    matrix, size = _turned(180)
    registrar = PageRegistrar(blank=blank.image)
    [page] = registrar.fit_transform([_seen(blank.image, matrix, size)])
    assert page.shape == blank.image.shape
    assert np.mean(cv2.absdiff(page, blank.image) < 64) > 0.98


def test_page_registrar_names_the_page_that_is_strange(blank):
    registrar = PageRegistrar(blank=blank.image).fit([])
    with pytest.raises(RegistrationError, match="Sample 1: PageRegistrar: "):
        registrar.transform([blank.image, np.full((90, 90), 255, np.uint8)])


def test_a_page_without_print_is_refused_however_little_is_asked(blank):
    empty = np.full((1400, 1000), 255, np.uint8)
    found = register(empty, blank, min_quality=0)
    assert not found.is_good
    assert "some is needed" in found.reason
    with pytest.raises(RegistrationError, match="Sample 0: PageRegistrar: 0% of"):
        PageRegistrar(blank=blank.image, min_quality=0).fit_transform([empty])


def test_page_registrar_asks_for_its_blank():
    with pytest.raises(ValueError, match="Got blank=None"):
        PageRegistrar().fit([])


@pytest.mark.slow  # five vast pages
def test_forms_of_one_series_are_told_apart(scans):
    forms = {path.stem: path for path in scans.glob("cdigital/blank/*.png")}
    blank = prepare_blank(cv2.imread(str(forms["c.hasil_dpr_s08_v2"]), 0))
    for name, path in forms.items():
        found = register(cv2.imread(str(path), 0), blank)
        assert found.is_good == (name == "c.hasil_dpr_s08_v2")


def test_a_photographed_form_is_registered_onto_its_blank(scans):
    blank = cv2.imread(str(scans / "cdigital/blank/c.hasil_pwp_3.png"), 0)
    photo = cv2.imread(str(scans / "cdigital/pwp_sample_01.jpg"), 0)
    assert register(photo, prepare_blank(blank)).quality > 0.85
