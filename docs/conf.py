"""Settings of the website; `make site` copies docs/ and the notebooks together and builds it."""

import os
import re

import latex2mathml.converter
from docutils import nodes
from nbclient.output_widget import OutputWidget

project = "Convolutional networks, built by hand"
author = "The course's authors"
copyright = "texts and pictures CC BY 4.0, code MIT"

extensions = ["myst_nb"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["conf.py"]
html_static_path = ["static"]
html_css_files = ["site.css"]

# Lectures are executed; assignments are read, not solved.
nb_execution_mode = "force"
nb_execution_excludepatterns = ["assignments/*/*"]
nb_execution_timeout = 300
nb_execution_raise_on_error = True
# A still picture stands in for the controls, which need a kernel.
nb_mime_priority_overrides = [
    ("html", "text/html", 0),
    ("html", "application/vnd.jupyter.widget-view+json", None),
]
nb_ipywidgets_js = {}
# Nor is the kernel told about an output area: while such a message is sent, the wake-up for a
# reply on the same socket can be lost, and the build would wait until its time is over.
OutputWidget.sync_state = lambda self: None
nb_render_text_lexer = "none"
html_math_renderer = "mathml"

html_theme = "sphinx_book_theme"
html_title = "Convolutional networks, built by hand"
html_sidebars = {"**": ["search-button-field.html", "sbt-sidebar-nav.html"]}  # the title leads home
html_theme_options = {
    "repository_url": os.environ.get("REPOSITORY", ""),
    "repository_branch": os.environ.get("BRANCH", "main"),
    "path_to_docs": "",
    "use_download_button": True,
    "home_page_in_toc": True,
    "navbar_persistent": [],  # the side bar has a search already
    "show_navbar_depth": 1,
}
if html_theme_options["repository_url"]:
    html_theme_options["launch_buttons"] = {"colab_url": "https://colab.research.google.com"}


def setup(app):
    """Nothing is fetched from elsewhere: browsers draw MathML, and a badge is a link in words."""
    app.add_html_math_renderer("mathml", (_formula, None), (_formula, None))
    app.connect("source-read", _badge)


def _badge(app, document, source):
    source[0] = re.sub(r"\[!\[(Open in Colab)\]\([^)]*\)\]", r"[\1]", source[0])


def _formula(writer, node):
    display = "inline" if node.tagname == "math" else "block"
    formula = latex2mathml.converter.convert(node.astext(), display=display)
    if display == "block":
        # A long one is scrolled by itself, as code is, instead of widening a narrow page.
        formula = f'<div class="formula" tabindex="0">{formula}</div>'
    writer.body.append(formula)
    raise nodes.SkipNode
