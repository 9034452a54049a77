"""The documentation as a site (``make docs``): these pages, as they are, by Sphinx and MyST."""

from __future__ import annotations

project = "Lifeline"
author = "Lifeline"
html_title = "Lifeline"
extensions = ["myst_parser", "sphinx_copybutton"]
exclude_patterns = ["README.md"]
html_theme = "furo"
html_show_copyright = False
html_show_sphinx = False
# Each heading has the anchor that it has in the repository, so that one link serves both.
myst_heading_anchors = 4
# A diagram stays text where nothing draws it; the repository's page draws it.
suppress_warnings = ["misc.highlighting_failure"]
# What lies outside of docs/ (the template, the schemas, other READMEs) is offered as a file.
nitpicky = True
copybutton_exclude = ".linenos, .gp, .go"
