"""Settings of the documentation: ``make docs`` builds it into ``docs/_build/html``."""

import shutil
import sys
from importlib.metadata import version as version_of
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))

from generate import write_cards, write_commands  # noqa: E402

project = "lenet-sklearn"
author = "The lenet-sklearn developers"
copyright = "The lenet-sklearn developers"  # noqa: A001
version = release = version_of("lenet-sklearn")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "generated/commands.md", "generated/cards"]

# Pages link to headings of each other, as Markdown has it.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

# What is public is what the packages list in `__all__`.
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = True
autodoc_typehints = "none"  # the docstrings say it in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

# Other projects' objects are not looked up: that would take a network.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(json|numpy|pydantic|sklearn|skorch|torch|torchvision)\..*"),
    ("std:term", "stateless"),  # is in scikit-learn's glossary
]

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "generated/gallery",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"^(?!plot_)",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "abort_on_example_error": True,
    "capture_repr": (),  # of what a cell ends with; what it prints is shown
}

html_theme = "pydata_sphinx_theme"
html_title = "lenet-sklearn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
# Pages that have no others below them need no list of these.
html_sidebars = {
    page: []
    for page in (
        "benchmarks",
        "changes",
        "contributing",
        "install",
        "generated/gallery/plot_how_it_works",
    )
}


def _skip_member(_app, _what, name, *_):
    """Leave out what scikit-learn adds to every estimator to route metadata."""
    routing = name.startswith("set_") and name.endswith("_request")
    return True if routing or name == "get_metadata_routing" else None


def setup(app):
    """Write what the pages include, and connect what the settings cannot say."""
    shutil.rmtree(DOCS / "generated" / "api", ignore_errors=True)  # names may be gone
    write_cards(DOCS / "generated" / "cards")
    write_commands(DOCS / "generated" / "commands.md")
    app.connect("autodoc-skip-member", _skip_member)
