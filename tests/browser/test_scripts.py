"""The scripts of pages: their types, and how they are joined."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from pipelines.web.page import join_scripts, make_page

HERE = Path(__file__).resolve().parent
PAGES = ("editor", "review")


def test_types_are_right(compiler):
    done = subprocess.run([compiler, "-p", HERE], capture_output=True, text=True)
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize("name", PAGES)
def test_names_of_joined_scripts_do_not_clash(name):
    script = join_scripts(name)
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)
    names = re.findall(r"^(?:async )?(?:function|class|const|let) (\w+)", script, re.M)
    assert [name for name, n in Counter(names).items() if n > 1] == []


def test_data_ends_no_script():
    page = make_page("review", "<b>&", {"name": "</script><script>alert(1)"})
    assert page.count("</script>") == 2
    assert "<title>&lt;b&gt;&amp;</title>" in page
