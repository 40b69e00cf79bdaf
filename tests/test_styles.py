"""The one stylesheet keeps what pages can use, and its addresses lead on."""

import importlib.util
import shutil
from pathlib import Path
from types import SimpleNamespace

import pydata_sphinx_theme
import pytest
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location(
    "styles", ROOT / "book/_ext/styles.py")
styles = importlib.util.module_from_spec(spec)
spec.loader.exec_module(styles)


@pytest.mark.parametrize("css, kept", [
    ("p{color:red}", "p{color:red}"),
    (".a{color:red}.b{color:red}", ".a{color:red}"),
    (".a,.b{color:red}", ".a{color:red}"),
    (".a .b,p.b>i{color:red}", ""),
    ("p:not(.b){color:red}", "p:not(.b){color:red}"),
    ("#b [href='.b']{width:.5em}", "#b [href='.b']{width:.5em}"),
    (".bs-tooltip-auto{top:0}", ".bs-tooltip-auto{top:0}"),
    (".figure-digit-3{fill:red}", ".figure-digit-3{fill:red}"),
    ("@media print{.b{top:0}}", ""),
    ("@media (min-width:9px){.a{top:0}.b{top:0}}",
     "@media (min-width:9px){.a{top:0}}"),
    ("@supports (top:0){@media print{.a{top:0}}}",
     "@supports (top:0){@media print{.a{top:0}}}"),
    ("@font-face{font-family:b}", "@font-face{font-family:b}"),
    ("@keyframes b{to{top:0}}", "@keyframes b{to{top:0}}"),
    (r".a::before{content:'\f126'}", ".a::before{content:'\uf126'}")])
def test_a_rule_stays_if_a_page_has_its_classes(css, kept):
    found = styles.used(css, {"a", "p"})
    assert found.replace('"', "'") == kept


PYGMENTS = """
html[data-theme="light"] .highlight { background: #fefefe; color: #080808 }
html[data-theme="light"] .highlight .k { color: #6730C5 } /* Keyword */
html[data-theme="light"] .highlight .n { color: #080808 } /* Name */
html[data-theme="light"] .highlight .p { color: #080808 } /* Punctuation */
html[data-theme="light"] .highlight .gs { color: #080808; font-weight: bold }
html[data-theme="dark"] .highlight { background: #2b2b2b; color: #F8F8F2 }
html[data-theme="dark"] .highlight .k { color: #DCC6E0 } /* Keyword */
html[data-theme="dark"] .highlight .n { color: #F8F8F2 } /* Name */
html[data-theme="dark"] .highlight .p { color: #ABE338 } /* Punctuation */
html[data-theme="dark"] .highlight .gs { color: #F8F8F2; font-weight: bold }
"""


def test_code_without_a_colour_of_its_own_is_no_element(built):
    assert styles.unpainted(PYGMENTS) == {"n"}
    finish(built)
    for page in ("search.html", "book/index.html"):
        assert '<p class="a">z<span class="k">if</span>' in (
            built / page).read_text()


@pytest.fixture
def built(tmp_path):
    """Return a folder of two pages with the theme's kind of head."""
    files = {
        "_static/styles/theme.css": '/* x */ @import "../basic.css";',
        "_static/styles/big.css": ".a{src:url(../vendor/a.woff2)}.b{top:0}"
                                  ".c{src:url('data:image/svg+xml,x')}",
        "_static/basic.css": "p{src:url(file.png)}",
        "_static/pygments.css": PYGMENTS,
        "_static/x.js": "classList.add('c')",
        "_static/documentation_options.js": "const DOCUMENTATION_OPTIONS={}"}
    for up, page in ("", "search.html"), ("../", "book/index.html"):
        files[page] = f"""<title>T</title>
<link href="{up}_static/styles/theme.css?v=1" rel="stylesheet" />
<link rel="stylesheet" type="text/css" href="{up}_static/styles/big.css" />
<link rel="preload" as="script" href="{up}_static/x.js" />
<link rel="icon" href="{up}_static/icon.png"/>
<script src="{up}_static/documentation_options.js?v=2"></script>
<p class="a"><span class="n">z</span><span class="k">if</span>"""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def finish(outdir):
    styles.finish(SimpleNamespace(
        outdir=outdir, builder=SimpleNamespace(format="html")), None)


def test_pages_load_one_stylesheet_whose_addresses_lead_on(built):
    finish(built)
    css = (built / "_static/pages.css").read_text()
    assert css == ('@charset "UTF-8";'
                   "p{src:url(file.png)}.a{src:url(vendor/a.woff2)}"
                   '.c{src:url("data:image/svg+xml,x")}')
    for up, page in ("", "search.html"), ("../", "book/index.html"):
        text = (built / page).read_text()
        assert text.count("stylesheet") == 1 and "preload" not in text
        assert f'href="{up}_static/pages.css"' in text
        assert f'<link rel="icon" href="{up}_static/icon.png"/>' in text
        assert "<script>const DOCUMENTATION_OPTIONS={}</script>" in text


def test_a_page_with_other_stylesheets_is_named(built):
    page = built / "search.html"
    page.write_text(page.read_text().replace("styles/big.css", "basic.css"))
    with pytest.raises(ValueError, match="other stylesheets than other"):
        finish(built)


def test_a_font_keeps_the_icons_that_the_stylesheet_names(tmp_path):
    theme = next(Path(pydata_sphinx_theme.__file__).parent.rglob(
        "fa-solid-900.ttf"))
    shutil.copy(theme, tmp_path / "a.ttf")
    font = ('@font-face{src:url(a.woff2) format("woff2"),'
            'url(a.ttf) format("truetype")}')
    icons = '.fa-bars:before{content:"\uf0c9"}.fa-sun:before{content:"\uf185"}'
    assert styles.with_few_icons(font + icons, tmp_path) == (
        '@font-face{src:url(a.woff) format("woff")}' + icons)
    whole, few = [TTFont(tmp_path / f"a.{kind}") for kind in ("ttf", "woff")]
    assert set(few.getBestCmap()) == {0xF0C9, 0xF185}
    sun, whole_sun = [font["glyf"][font.getBestCmap()[0xF185]]
                      for font in (few, whole)]
    assert sun == whole_sun
    assert (tmp_path / "a.woff").stat().st_size < 2000
