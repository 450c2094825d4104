"""Reading forms: every field comes back under its name, or says why it does not."""

import pickle
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from pipelines import (
    CuttingReader,
    Field,
    FieldReader,
    Form,
    FormReader,
    Sum,
    make_form_reader,
)
from pipelines.drawing import (
    Photograph,
    draw_blank_form,
    draw_comb,
    draw_entries,
    draw_filled_forms,
    draw_scanner,
    draw_string,
    draw_writer,
    entry_value,
    fill_form,
    make_form,
    photograph_page,
    scan_page,
)
from pipelines.forms.deciding import decide
from pipelines.outcomes import FieldReading, ReasonKind
from pipelines.pages.upright import deskew
from pipelines.readers import places
from pipelines.scans.read import read_pages
from pipelines.scoring.table import review_reason

TEXTS = ["40526", "83975", "26048", "79353"]


def _sheet(*fields, height=500, width=620):
    """Draw a page with fields on it, each given as (text, top, left)."""
    page = np.full((height, width), 255, dtype=np.uint8)
    for seed, (text, top, left) in enumerate(fields):
        field = draw_comb(text, writer=draw_writer(1), random_state=seed)
        page[top : top + field.shape[0], left : left + field.shape[1]] = field
    return page


def _read(page, **combs):
    return make_form_reader(Form.from_combs(combs)).read(page)


def _flat(glyphs):
    return glyphs.reshape(len(glyphs), -1) / 255


class Recorder(ClassifierMixin, BaseEstimator):
    """Keeps the glyphs it was fitted on."""

    def fit(self, X, y):
        self.seen_ = X
        return self

    def predict_proba(self, X):
        raise AssertionError("not asked")


@pytest.fixture(scope="module")
def pages():
    return [_sheet((text, 60 + 70 * i, 40 + 60 * i)) for i, text in enumerate(TEXTS)]


@pytest.fixture(scope="module")
def answers():
    return np.array([[text] for text in TEXTS], dtype=object)


def test_only_combs_are_looked_for(pages):
    fields = [Field(name="id", digits=5), Field(name="sum", kind="line")]
    reading = make_form_reader(Form(fields=fields)).read(pages[0])
    assert reading.fields["id"].value == TEXTS[0]
    assert reading.fields["sum"].status == "unlocated"
    assert "only a comb can be looked for" in str(reading.fields["sum"].reason)


@pytest.fixture
def number_form():
    return Form.from_combs({"number": 5})


@pytest.fixture(scope="module")
def exam(tmp_path_factory):
    """The demo's form, its blank page, and two pages filled in but not yet scanned."""
    folder = tmp_path_factory.mktemp("exam")
    blank, fields = draw_blank_form()
    cv2.imwrite(str(folder / "blank.png"), blank)
    filled = []
    # Two plain hands: how well strange ones are read, the stacks below show.
    for seed in (1, 6):
        entries = draw_entries(fields, random_state=seed)
        page = fill_form(blank, fields, entries, draw_writer(seed), random_state=seed)
        values = {name: entry_value(entry) for name, entry in entries.items()}
        filled.append((page, values))
    return make_form(fields, blank=folder / "blank.png"), blank, filled


def _wrongly_accepted(reading, truth):
    return {
        name: (field.value, truth[name])
        for name, field in reading.fields.items()
        if field.is_settled and field.value != truth[name]
    }


def _n_right(reading, truth):
    return sum(field.value == truth[name] for name, field in reading.fields.items())


def test_a_comb_is_read_wherever_it_lies(pages, answers, number_form):
    reader = make_form_reader(number_form)
    assert_array_equal(reader.predict(pages), answers)
    assert reader.score(pages, answers) == 1
    assert reader.score(pages, answers[::-1]) == 0


def test_fields_come_in_the_order_of_the_form():
    page = _sheet(("40526", 60, 40), ("839", 250, 200))
    reading = _read(page, short=3, long=5)
    assert {n: f.value for n, f in reading.fields.items()} == {
        "short": "839",
        "long": "40526",
    }
    assert list(reading.fields) == ["short", "long"]
    assert reading.status == "ok"


def test_the_quad_is_where_the_field_was_drawn():
    [field] = _read(_sheet(("40526", 60, 40)), number=5).fields.values()
    corners = [(56, 76), (56 + 5 * 56, 76), (56 + 5 * 56, 140), (56, 140)]
    assert field.quad == pytest.approx(np.array(corners), abs=4)


def test_two_combs_of_one_size_are_told_apart_by_their_order():
    page = _sheet(("40526", 60, 200), ("83975", 300, 40))
    reading = _read(page, upper=5, lower=5)
    assert [field.value for field in reading.fields.values()] == ["40526", "83975"]


def test_two_combs_beside_each_other_are_read_from_left_to_right():
    page = _sheet(("405", 60, 320), ("839", 62, 20))
    reading = _read(page, first=3, second=3)
    assert [field.value for field in reading.fields.values()] == ["839", "405"]


def test_a_value_is_not_accepted_where_there_are_too_many_combs():
    page = _sheet(("40526", 60, 200), ("83975", 300, 40))
    [field] = _read(page, number=5).fields.values()
    assert field.status == "rejected"
    assert str(field.reason) == "the page has 2 combs of 5 boxes"


def test_a_blank_is_not_settled_where_another_comb_may_be_the_one():
    page = _sheet(("     ", 60, 200), ("83975", 300, 40))
    [field] = _read(page, number=5).fields.values()
    assert (field.value, field.status) == ("", "rejected")
    assert str(field.reason) == "the page has 2 combs of 5 boxes"


def test_too_few_combs_are_not_guessed_at():
    reading = _read(_sheet(("40526", 60, 40)), upper=5, lower=5)
    assert {field.status for field in reading.fields.values()} == {"unlocated"}
    assert str(reading.fields["upper"].reason) == "found 1 of 2 combs of 5 boxes"
    assert reading.status == "review"


@pytest.mark.parametrize("page", ["empty", "text", "dark", "tiny"])
def test_a_page_without_the_comb_is_unlocated(page):
    image = np.full((400, 500), 0 if page == "dark" else 255, dtype=np.uint8)
    if page == "text":
        for y in range(40, 400, 40):
            cv2.putText(image, "lines of print 0123456789", (10, y), 0, 0.9, 0, 2)
    if page == "tiny":
        image = image[:1, :1]
    [field] = _read(image, number=5).fields.values()
    assert (field.value, field.status, field.quad) == ("", "unlocated", None)
    nothing = "found 0 of 1 combs of 5 boxes"
    assert str(field.reason) == ("the page is empty" if page == "empty" else nothing)
    assert field.confidence == 0


def test_a_comb_left_empty_is_blank_and_settled():
    reading = _read(_sheet(("     ", 60, 40)), number=5)
    assert reading.fields["number"].status == "blank"
    assert reading.status == "ok"


@pytest.mark.parametrize(
    "turns", [0, 1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 3))]
)
def test_a_page_lying_any_way_is_read_rightly_or_not_accepted(exam, turns):
    _, _, filled = exam
    form = Form.from_combs({"student_number": 9, "exam_code": 6, "exam_date": 8})
    for page, truth in filled:
        turned = np.ascontiguousarray(np.rot90(page, turns))
        reading = make_form_reader(form).read(turned)
        assert not _wrongly_accepted(reading, truth)
        assert turns or _n_right(reading, truth) >= 2


@pytest.mark.parametrize("angle", [-8, 5])
def test_a_page_on_its_head_may_be_skewed_too(angle):
    page = _sheet(("40526", 500, 200), height=2200, width=1700)
    for y in (*range(80, 440, 50), *range(700, 2100, 50)):
        cv2.putText(page, "the old bird had his lunch", (60, y), 0, 0.9, 0, 2)
    head = np.ascontiguousarray(page[::-1, ::-1])
    field = _read(deskew(head, angle), number=5).fields["number"]
    assert (field.value, field.status) == ("40526", "accepted")


def test_a_value_says_that_its_page_may_lie_on_its_head(monkeypatch):
    # These digits are as good the other way up, and the print speaks for that as much
    # as it speaks against it that one page in a hundred lies so.
    monkeypatch.setattr(
        "pipelines.readers.form.upright_log_odds", lambda page, skew: -np.log(99)
    )
    page = _sheet(("60896", 500, 200), height=2200, width=1700)
    field = _read(page, number=5).fields["number"]
    assert field.status == "rejected"
    assert review_reason(field) == "the page may lie on its head"


def test_a_quad_on_a_turned_page_runs_as_the_writing_does(exam):
    _, _, [(page, truth), _] = exam
    reader = make_form_reader(Form.from_combs({"student_number": 9}))
    fields = [
        reader.read(np.ascontiguousarray(np.rot90(page, turns))).fields
        for turns in (0, 1)
    ]
    [upright, turned] = [field["student_number"] for field in fields]
    assert upright.value == turned.value == truth["student_number"]
    expected = np.column_stack(
        [upright.quad[:, 1], page.shape[1] - 1 - upright.quad[:, 0]]
    )
    assert turned.quad == pytest.approx(expected, abs=5)


@pytest.mark.parametrize(
    ("constraint", "reason"),
    [
        ({"maximum": 40525}, "40526 is more than 40525"),
        ({"choices": ("40562",)}, "40526 is not one of the 1 choices"),
        ({"mask": "9####"}, "does not look like 9####"),
        ({"check_digit": "luhn"}, "its last digit is not the luhn check digit"),
    ],
)
def test_a_value_that_breaks_a_constraint_is_invalid(constraint, reason):
    form = Form(fields=[Field(name="number", digits=5, **constraint)])
    reading = make_form_reader(form).read(_sheet(("40526", 60, 40)))
    field = reading.fields["number"]
    assert (field.value, field.status, str(field.reason)) == (
        "40526",
        "invalid",
        reason,
    )
    assert reading.status == "review"


def test_a_blank_field_breaks_no_constraint():
    form = Form(fields=[Field(name="number", digits=5, minimum=1, length=5)])
    reading = make_form_reader(form).read(_sheet(("     ", 60, 40)))
    assert reading.fields["number"].status == "blank"


@pytest.mark.parametrize(("total", "status"), [("64", "accepted"), ("65", "invalid")])
def test_the_fields_of_a_sum_that_is_wrong_are_invalid(total, status):
    fields = [Field(name=n, digits=d) for n, d in (("a", 3), ("b", 4), ("total", 2))]
    form = Form(fields=fields, sums=[Sum(total="total", parts=["a", "b"])])
    page = _sheet((" 24", 40, 40), ("  40", 180, 40), (total, 320, 40))
    reading = make_form_reader(form).read(page)
    assert [f.value for f in reading.fields.values()] == ["24", "40", total]
    assert [f.status for f in reading.fields.values()] == 3 * [status]


@pytest.mark.parametrize("other", ["rejected", "invalid"])
def test_a_wrong_sum_is_explained_by_what_is_uncertain(other):
    fields = [Field(name=n, kind="line", maximum=99) for n in ("a", "b", "total")]
    form = Form(fields=fields, sums=[Sum(total="total", parts=["a", "b"])])
    value = {"rejected": "41", "invalid": "410"}[other]
    readings = {
        "a": FieldReading("24", "accepted", 1.0),
        "b": FieldReading(value, "rejected", 0.4),
        "total": FieldReading("64", "accepted", 1.0),
    }
    checked = decide(form, readings, 0.9)
    assert [f.status for f in checked.values()] == ["accepted", "invalid", "accepted"]


def test_a_part_that_was_not_found_or_may_be_empty_is_no_0_in_a_sum():
    fields = [Field(name=n, digits=3) for n in ("a", "b", "total")]
    form = Form(fields=fields, sums=[Sum(total="total", parts=["a", "b"])])
    known = {"a": FieldReading("24", "accepted", 1.0)}
    known["total"] = FieldReading("64", "accepted", 1.0)
    for status, confidence, expected in (
        ("unlocated", 0.0, "accepted"),
        ("rejected", 0.5, "accepted"),
        ("blank", 0.999, "invalid"),
    ):
        readings = known | {"b": FieldReading("", status, confidence)}
        assert decide(form, readings, 0.9)["total"].status == expected


def test_a_box_without_a_digit_between_two_is_never_accepted():
    reading = _read(_sheet(("40 26", 60, 40)), number=5)
    assert reading.fields["number"].value == "40_26"
    assert reading.fields["number"].status == "rejected"


def test_the_threshold_decides_what_is_accepted():
    form, page = Form.from_combs({"number": 5}), _sheet(("40526", 60, 40))
    [strict] = make_form_reader(form, threshold=1).read(page).fields.values()
    [lenient] = make_form_reader(form, threshold=0).read(page).fields.values()
    assert (strict.status, lenient.status) == ("rejected", "accepted")
    assert strict.confidence == lenient.confidence < 1


@pytest.mark.parametrize("seed", [2, 3])
def test_scanned_forms_are_read_on_their_blank_page(exam, seed):
    form, blank, _ = exam
    _, fields = draw_blank_form()
    entries = draw_entries(fields, random_state=seed)
    page = fill_form(blank, fields, entries, draw_writer(seed), random_state=seed)
    truth = {name: entry_value(entry) for name, entry in entries.items()}
    scan = scan_page(page, draw_scanner(seed), random_state=seed)
    reading = make_form_reader(form).read(scan)
    assert not _wrongly_accepted(reading, truth)
    assert _n_right(reading, truth) >= 10  # of 11


@pytest.mark.slow  # eighteen whole pages
def test_stacks_of_scanned_forms_are_read_to_97_percent(tmp_path):
    right = total = 0
    for n_pages, seed in ((12, 0), (6, 11)):
        forms = draw_filled_forms(
            tmp_path / str(seed), n_pages=n_pages, random_state=seed
        )
        reader = make_form_reader(Form.from_file(forms.form))
        for path in forms.scans:
            reading = reader.read(next(read_pages(path)))
            truth = forms.truth[path.name]
            assert not _wrongly_accepted(reading, truth), path.name
            right += _n_right(reading, truth)
            total += len(truth)
    assert right >= 0.97 * total


@pytest.mark.slow
def test_photographed_forms_are_read_to_95_percent(exam):
    form, _, _ = exam
    blank, fields = draw_blank_form()
    reader = make_form_reader(form)
    right = wrong = total = 0
    for seed in range(1, 13):
        entries = draw_entries(fields, random_state=seed)
        page = fill_form(blank, fields, entries, draw_writer(seed), random_state=seed)
        photograph = Photograph(angle=(-3.0, 5.0)[seed % 2])
        reading = reader.read(photograph_page(page, photograph, random_state=seed))
        truth = {name: entry_value(entry) for name, entry in entries.items()}
        wrong += len(_wrongly_accepted(reading, truth))
        right += _n_right(reading, truth)
        total += len(truth)
    assert right >= 0.95 * total
    # From a confidence of 0.9 on, some are: of 132 fields one, a 7 at 0.902, whose bar
    # lies on the frame.
    assert wrong <= 0.01 * total


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_registered_page_may_lie_any_way(exam, turns):
    form, _, [(page, truth), _] = exam
    turned = np.ascontiguousarray(np.rot90(page, turns))
    reading = make_form_reader(form).read(turned)
    assert not _wrongly_accepted(reading, truth)
    assert _n_right(reading, truth) >= 10


def test_a_blank_form_is_blank_everywhere(exam):
    form, blank, _ = exam
    scanner = replace(draw_scanner(5), angle=1.0)
    reading = make_form_reader(form).read(scan_page(blank, scanner, random_state=0))
    assert {field.status for field in reading.fields.values()} == {"blank"}
    assert reading.status == "ok"


def test_a_page_of_another_form_is_unlocated(exam):
    form, _, _ = exam
    random = np.random.default_rng(0)
    other = np.full((2339, 1654), 255, dtype=np.uint8)
    for y in range(150, 2200, 70):
        words = "".join(random.choice(list("ABCDEFGHKLMN 1234"), 40))
        cv2.putText(other, words, (150, y), 0, 1.4, 0, 3, cv2.LINE_AA)
    reading = make_form_reader(form).read(other)
    assert {field.status for field in reading.fields.values()} == {"unlocated"}
    assert all(field.reason for field in reading.fields.values())
    assert {field.value for field in reading.fields.values()} == {""}


def test_lines_and_single_boxes_are_read_at_their_place(exam, tmp_path):
    _, blank, _ = exam
    page = blank.copy()
    # Below the table the sheet is empty but for the signatures.
    boxes = {"line": [1500, 900, 110, 420], "box": [1500, 200, 110, 420]}
    for top, left, height, width in boxes.values():
        blank = cv2.rectangle(blank, (left, top), (left + width, top + height), 0, 2)
    cv2.imwrite(str(tmp_path / "blank.png"), blank)
    page = blank.copy()
    for text, (top, left, _, _) in zip(("2046", "58"), boxes.values(), strict=True):
        string = draw_string(text, height=60, writer=draw_writer(1), random_state=0)
        place = np.s_[top + 25 : top + 25 + len(string), left + 40 :]
        inked = page[place][:, : string.shape[1]]
        np.minimum(inked, string, out=inked)
    fields = [Field(name=kind, kind=kind, box=box) for kind, box in boxes.items()]
    reading = make_form_reader(Form(blank=tmp_path / "blank.png", fields=fields)).read(
        page
    )
    assert {n: f.value for n, f in reading.fields.items()} == {
        "line": "2046",
        "box": "58",
    }


def test_fit_refuses_answers_of_another_shape(pages, number_form):
    reader = FormReader(number_form)
    with pytest.raises(ValueError, match=r"= \(4, 1\)\. Got shape \(4,\)"):
        reader.fit(pages, TEXTS)
    with pytest.raises(ValueError, match=r"= \(4, 1\)\. Got shape \(3, 1\)"):
        reader.fit(pages, [[text] for text in TEXTS[:3]])


def test_fit_refuses_pages_it_finds_nothing_on(number_form):
    empty = np.full((400, 500), 255, dtype=np.uint8)
    with pytest.raises(ValueError, match="found none of its fields"):
        FormReader(number_form).fit([empty], [["40526"]])


def test_fit_adapts_the_reader_of_the_fields(pages, answers, number_form):
    classifier = make_pipeline(FunctionTransformer(_flat), LogisticRegression())
    reader = make_form_reader(number_form, classifier=classifier)
    shifted = [[t.translate(str.maketrans("0123456789", "1234567890"))] for t in TEXTS]
    assert reader.fit(pages, shifted) is reader
    assert reader.score(pages, shifted) == 1
    assert not hasattr(reader.field_reader[-1], "classifier_")


def test_every_fit_goes_by_the_parameters_of_then(pages, answers, number_form):
    reader = make_form_reader(number_form).fit(pages[:1], answers[:1])
    reader.set_params(field_reader__read__threshold=0.25).fit(pages[:1], answers[:1])
    assert reader.field_reader_[-1].threshold == 0.25


def test_steps_are_fitted_too(pages, answers, number_form):
    class Counting(BaseEstimator, TransformerMixin):
        def fit(self, X, y):
            self.n_fields_ = len(X)
            return self

        def transform(self, X):
            check_is_fitted(self)
            return X

    fields = Pipeline([("count", Counting()), ("read", FieldReader())])
    reader = FormReader(number_form, field_reader=fields).fit(pages, answers)
    assert reader.field_reader_[0].n_fields_ == len(pages)
    assert reader.score(pages, answers) == 1


def test_what_the_pages_do_not_teach_stays_as_it_was_given(pages, answers, number_form):
    line_reader = CuttingReader()
    reader = make_form_reader(number_form, line_reader=line_reader)
    reader.fit(pages[:1], answers[:1])
    assert type(reader.field_reader_[-1].line_reader) is CuttingReader


def test_what_was_learned_before_stays_where_the_pages_do_not_teach_it(
    pages, answers, number_form
):
    fields = FieldReader()
    fields.line_reader_ = CuttingReader()
    reader = FormReader(number_form, field_reader=fields)
    reader.fit(pages[:1], answers[:1])
    assert type(reader.field_reader_.line_reader) is CuttingReader


def test_what_reads_lines_only_is_no_reader_of_fields(pages, answers, number_form):
    for lines in (CuttingReader(), Pipeline([("read", CuttingReader())])):
        reader = FormReader(number_form, field_reader=lines)
        with pytest.raises(TypeError, match=r"Got CuttingReader\..*line_reader="):
            reader.read(pages[0])
        with pytest.raises(TypeError, match=r"Got CuttingReader\..*line_reader="):
            reader.fit(pages, answers)


@pytest.mark.parametrize("text", [40526, 40526.0, np.nan, None])
def test_answers_that_are_no_strings_are_refused(pages, number_form, text):
    with pytest.raises(TypeError, match=r"Sample 1: FormReader expects strings"):
        FormReader(number_form).fit(pages[:2], [["40526"], [text]])


def test_no_page_has_no_score(number_form):
    with pytest.raises(ValueError, match="at least one page"):
        FormReader(number_form).score([], np.empty((0, 1), dtype=object))


def test_fit_learns_from_fields_at_their_place(exam):
    form, _, filled = exam
    pages = [page for page, _ in filled]
    answers = [[truth[field.name] for field in form.fields] for _, truth in filled]
    reader = make_form_reader(form)
    before = reader.score(pages, answers)
    reader.fit(pages, answers)
    assert reader.field_reader_[-1].n_aligned_ >= 20  # of 22
    assert reader.score(pages, answers) >= before


def test_fit_skips_a_page_it_finds_no_field_on(pages, answers, number_form):
    empty = np.full((400, 500), 255, dtype=np.uint8)
    reader = FormReader(number_form).fit([*pages, empty], [*answers, ["12345"]])
    assert reader.field_reader_[-1].n_aligned_ == 4


def test_a_page_on_its_side_is_no_lesson_in_turned_digits(exam):
    _, _, [(page, truth), _] = exam
    form = Form.from_combs({"student_number": 9})
    head = np.ascontiguousarray(np.rot90(page, 2))
    reader = make_form_reader(form).fit([head], [[truth["student_number"]]])
    assert reader.predict([page])[0, 0] == truth["student_number"]


@pytest.mark.parametrize("turns", [2, 3])
def test_fit_learns_from_a_page_the_right_way_up(exam, turns):
    _, _, [(page, truth), _] = exam
    form = Form.from_combs({"student_number": 9})
    learned = []
    for page_given in (page, np.ascontiguousarray(np.rot90(page, turns))):
        classifier = Recorder()
        reader = make_form_reader(form, classifier=classifier)
        reader.fit([page_given], [[truth["student_number"]]])
        learned.append(reader.field_reader_[-1].classifier_.seen_)
    upright, turned = learned
    assert np.abs(upright.astype(float) - turned).mean() < 0.25 * upright.mean()


def test_a_field_reader_without_steps_will_do(pages, answers, number_form):
    reader = FormReader(number_form, field_reader=FieldReader(digits=5))
    assert reader.score(pages, answers) == 1


def test_a_clone_is_not_fitted_and_reads_as_before(pages, answers, number_form):
    copy = clone(make_form_reader(number_form).fit(pages, answers))
    assert not hasattr(copy, "field_reader_")
    assert copy.score(pages, answers) == 1


@pytest.mark.parametrize("is_fitted", [False, True])
def test_a_pickled_reader_reads_as_before(pages, answers, number_form, is_fitted):
    reader = make_form_reader(number_form)
    if is_fitted:
        reader.fit(pages, answers)
    copy = pickle.loads(pickle.dumps(reader))
    for page in pages:
        first, second = (r.read(page).fields["number"] for r in (reader, copy))
        assert first.value == second.value
        assert first.confidence == second.confidence


def test_it_can_be_cross_validated_with_documents_kept_apart(
    pages, answers, number_form
):
    scores = cross_val_score(
        make_form_reader(number_form),
        pages,
        answers,
        groups=[0, 0, 1, 1],
        cv=GroupKFold(2),
    )
    assert_array_equal(scores, [1, 1])


@pytest.mark.slow  # reads pages again and again
def test_the_parts_can_be_searched_from_the_outside(pages, answers, number_form):
    grid = {
        "field_reader__read__threshold": [0.5, 0.9],
        "field_reader__flatten__kernel_size": [None, 31],
    }
    search = GridSearchCV(
        make_form_reader(number_form), grid, cv=2, error_score="raise"
    )
    search.fit(pages, answers)
    assert set(search.best_params_) == set(grid)
    assert search.best_score_ == 1


@pytest.fixture
def demo_page(tmp_path):
    """A page of the demonstration, and its form."""
    drawn = draw_filled_forms(tmp_path, n_pages=1, random_state=0)
    [page] = read_pages(drawn.scans[0])
    return page, Form.from_file(drawn.form)


def test_a_page_that_is_read_again_is_not_cut_again(demo_page, tmp_path, monkeypatch):
    page, form = demo_page
    expected = make_form_reader(form).predict([page])
    reader = make_form_reader(form, memory=str(tmp_path / "kept"))
    assert_array_equal(reader.predict([page]), expected)
    monkeypatch.setattr(places, "register", None)  # who calls it fails
    again = clone(reader).set_params(field_reader__read__threshold=0.5)
    assert_array_equal(again.predict([page]), expected)


def test_combs_that_were_found_are_not_looked_for_again(pages, tmp_path, monkeypatch):
    form = Form.from_combs({"id": 5})
    reader = make_form_reader(form, memory=str(tmp_path / "kept"))
    expected = reader.predict(pages)
    monkeypatch.setattr(places, "find_combs", None)  # who calls it fails
    assert_array_equal(clone(reader).predict(pages), expected)


def test_what_was_cut_is_not_kept_for_another_blank_page(demo_page, tmp_path):
    page, form = demo_page
    reader = make_form_reader(form, memory=str(tmp_path / "kept"))
    assert any(reader.predict([page])[0])
    cv2.imwrite(str(form.blank), np.full_like(form.load_blank(), 255))
    with pytest.raises(ValueError, match="print"):
        reader.predict([page])


class Frame:
    """As much of a DataFrame as is asked for."""

    def __init__(self, columns):
        self.named, self.columns = columns, list(columns)

    def __getitem__(self, names):
        return Frame({name: self.named[name] for name in names})

    def __array__(self, dtype=None, copy=None):
        return np.array(list(self.named.values()), dtype=object).T


def test_columns_of_a_frame_are_taken_by_their_names():
    form = Form.from_combs({"a": 3, "b": 4})
    reader = make_form_reader(form)
    page = np.full((500, 500), 255, np.uint8)
    for top, text in ((50, "123"), (250, "4567")):
        comb = draw_comb(text, random_state=3)
        page[top : top + comb.shape[0], 20 : 20 + comb.shape[1]] = comb
    assert reader.predict([page]).tolist() == [["123", "4567"]]
    frame = Frame({"other": ["x"], "b": ["4567"], "a": ["123"]})
    assert reader.score([page], frame) == 1
    for lacking in (Frame({"a": ["123"]}), Frame({0: ["123"], 1: ["4567"]})):
        with pytest.raises(ValueError, match="expects one column for each field"):
            reader.score([page], lacking)
        with pytest.raises(ValueError, match="expects one column for each field"):
            reader.fit([page], lacking)


@pytest.fixture(scope="module")
def blank_form(tmp_path_factory):
    """A form with a blank page, and that page."""
    folder = tmp_path_factory.mktemp("blank")
    page, fields = draw_blank_form(dpi=150)
    cv2.imwrite(str(folder / "blank.png"), page)
    make_form(fields, blank=folder / "blank.png").to_file(folder / "form.json")
    return Form.from_file(folder / "form.json"), page


def test_an_empty_page_is_said_to_be_empty(blank_form):
    form, page = blank_form
    both = Form.from_combs({"a": 9, "b": 4})
    for asked in (form, both):
        reading = make_form_reader(asked).read(np.full_like(page, 245))
        assert reading.status == "empty"
        kinds = {field.reason.kind for field in reading.fields.values()}
        assert kinds == {ReasonKind.EMPTY_PAGE}
        note = np.full_like(page, 245)
        note[700:760, 500:505] = 90
        assert make_form_reader(asked).read(note).status == "review"
    assert make_form_reader(form).read(page).status == "ok", "its fields are blank"


def test_a_white_on_black_page_is_told_to_be_inverted(blank_form):
    form, page = blank_form
    reading = make_form_reader(form).read(255 - page)
    assert reading.status == "review"
    for field in reading.fields.values():
        assert field.status == "unlocated"
        assert "if it is white on black, invert it" in field.reason.text


def _stacked(rows, top=80, left=60):
    """Rows of boxes below each other that share the lines between them."""
    fields = [draw_comb(row.replace("_", " "), random_state=5) for row in rows]
    step = 64  # the height of a box that draw_comb draws
    page = np.full((top + step * len(rows) + 160, 700), 255, np.uint8)
    for n, field in enumerate(fields):
        place = np.s_[top + n * step : top + n * step + field.shape[0], left:]
        page[place][:, : field.shape[1]] = np.minimum(
            page[place][:, : field.shape[1]], field
        )
    return page


def _read_grid(page, rows, columns):
    form = Form.from_combs({}, {"g": (rows, columns)})
    return make_form_reader(form).read(page).fields


def test_the_rows_of_a_grid_keep_the_places_of_their_digits():
    rows = ["40526", "_7_1_", "83975"]
    fields = _read_grid(_stacked(rows), 3, 5)
    assert {n: field.value for n, field in fields.items()} == {
        "g_1": "40526",
        "g_2": "_7_1_",
        "g_3": "83975",
    }
    assert fields["g_2"].status == "accepted"


def test_an_empty_row_of_a_grid_is_blank():
    fields = _read_grid(_stacked(["40526", "_____", "83975"]), 3, 5)
    assert (fields["g_2"].value, fields["g_2"].status) == ("", "blank")


@pytest.mark.parametrize("n_rows", [2, 4])
def test_a_grid_of_more_or_fewer_rows_is_not_read(n_rows):
    fields = _read_grid(_stacked(["40526", "27318", "83975"]), n_rows, 5)
    assert {field.status for field in fields.values()} == {"unlocated"}
    reason = fields["g_1"].reason
    assert reason.text == (
        f"found no grid of {n_rows} rows of 5 boxes; of such rows below each other: 3"
    )
    assert reason.where.startswith("at (left, top) (")


def test_two_grids_are_both_doubted():
    page = _stacked(["40526", "27318"])
    fields = _read_grid(np.vstack([page, page]), 2, 5)
    assert {field.status for field in fields.values()} == {"rejected"}
    assert str(fields["g_1"].reason) == "the page has 2 grids of 2 rows of 5 boxes"


def test_combs_beside_a_grid_are_read_as_well():
    comb = _sheet(("83975", 20, 60), width=700)
    page = np.vstack([_stacked(["40526", "27318"]), comb])
    form = Form.from_combs({"id": 5}, {"g": (2, 5)})
    fields = make_form_reader(form).read(page).fields
    assert [field.value for field in fields.values()] == ["83975", "40526", "27318"]


def test_what_was_found_is_said_with_its_place():
    page = _sheet(("40526", 60, 200), ("83975", 300, 40))
    [field] = _read(page, number=5).fields.values()
    assert field.reason.where == "at (left, top) (215, 75) (55, 315)"


def test_combs_that_nobody_asked_for_are_shown_in_pictures():
    page = _sheet(("40526", 60, 200), ("839", 300, 40))
    form = Form.from_combs({"number": 5})
    assert make_form_reader(form).read(page).others == ()
    [other] = make_form_reader(form, locate_digits=True).read(page).others
    assert other[0] == pytest.approx([56, 316], abs=4)
