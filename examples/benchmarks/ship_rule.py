"""Fit the acceptance rule of the reader of boxes that ships, and put it into its file.

    python examples/benchmarks/ship_rule.py

Pages are drawn as `lenet demo` draws them, a third of them in faint pencil, in light
blue or sent by fax, with seeds that no figure is measured with.
"""

from collections.abc import Iterator

from written import (
    Answer,
    as_fax,
    demo_reader,
    draw_pages,
    light_blue,
    pencil,
    read_pages_of,
)

from lenet_sklearn import AcceptanceRule, attach_rule
from lenet_sklearn.models.files import model_path
from pipelines.outcomes import hangs_on_confidence
from pipelines.readers.comb import SHIPPED

_N_STACKS = 32  # of twelve pages each


def read_stacks() -> Iterator[tuple[int, Answer]]:
    """Read all stacks: the number of the stack and what was read in each field."""
    reader = demo_reader()
    for seed in range(_N_STACKS):
        change = {6: pencil, 7: light_blue}.get(seed % 9)
        pages = draw_pages(5000 + seed, 12, change)
        if seed % 9 == 8:
            pages = ((as_fax(page), truth) for page, truth in pages)
        for answer in read_pages_of(pages, reader):
            yield seed, answer


def main() -> None:
    confidences, right, groups = [], [], []
    for seed, answer in read_stacks():
        if hangs_on_confidence(answer.reading):
            confidences.append(answer.reading.confidence)
            right.append(answer.reading.value == answer.text)
            groups.append(f"{seed} {answer.group}")
    rule = AcceptanceRule(fitted_on="drawn pages").fit(confidences, right, groups)
    attach_rule(model_path(SHIPPED), rule)
    print(rule)


if __name__ == "__main__":
    main()
