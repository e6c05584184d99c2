"""Texts to try: bits of markup thrown together, and ordinary writing."""

from __future__ import annotations

from hypothesis import strategies

_BITS = """<!-- | --> | < | ! | [ | ] | ( | ) | a | word | ` | `` | ``` | ~~~ | > | - | 1. | <div | hidden | </div> | " | ' | title=
[a]: b | [^1] | [^1]: | ![ | ]( | @bob | #12 | GH-3 | &#8203; | &# | 64; | &amp; | lt; | &#47; | /cmd | <? | <![CDATA[ | <pre>
<http://e> | http://x/y/z/pull/3 | 1a2b3c4d5 | <!-- opus67:task=1 --> | <span style=' | display:none | '> | </span> | <img alt=x>
# | === | &shy; | $""".replace("\n", " | ").split(" | ")
_SIGNS = ["\n", "\n\n", " ", "    ", "> ", "- ", "\\", "|", "|-|-|\n", "\u200b", "\ufe0f", "\U0001f600", "\u200d", "\U000e0041",
          "\u0628", "\u200c", "\x1b[0m", "\r\n", "\ufdd0", "\ufdd1", "\ud800", "\u0e01", "\u200f", "\u05e9", "\x00"]  # fmt: skip
mixed = strategies.lists(strategies.sampled_from(_BITS + _SIGNS), max_size=25).map("".join)
any_text = strategies.text(strategies.characters(), max_size=200)
markup = strategies.one_of(mixed, mixed, any_text)

ORDINARY = {
    "English": "The total is wrong: 3 \u00d7 0.10 \u2260 0.31. It's 5 < 7 && 8 > 3, isn't it?",
    "German": "Gr\u00f6\u00dfe \u00fcberpr\u00fcfen \u2013 \u201eja\u201c!",
    "Arabic": "\u0627\u0644\u0645\u062c\u0645\u0648\u0639 \u062e\u0627\u0637\u0626 \u0641\u064a 3 \u0623\u0633\u0637\u0631.",
    "Persian with joiners": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u06a9\u062a\u0627\u0628\u200c\u0647\u0627",
    "Hebrew with marks": "\u05e9\u05dc\u05d5\u05dd (C++)\u200f \u05e2\u05d5\u05dc\u05dd",
    "Hindi with joiners": "\u0915\u094d\u200d\u0937 \u0939\u093f\u0928\u094d\u200c\u0926\u0940",
    "Sinhala": "\u0dc1\u0dca\u200d\u0dbb\u0dd3 \u0dbd\u0d82\u0d9a\u0dcf",
    "Khmer with word ends": "\u1797\u17b6\u179f\u17b6\u200b\u1781\u17d2\u1798\u17c2\u179a",
    "Thai": "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22",
    "Chinese with a variant": "\u4e2d\u6587 \u8fbb\U000e0100 \u3042",
    "Korean": "\ud55c\uad6d\uc5b4",
    "family": "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f3f3\ufe0f\u200d\U0001f308 \u2764\ufe0f\u200d\U0001f525",
    "skin": "\U0001f44d\U0001f3fd \U0001f9d1\U0001f3ff\u200d\U0001f4bb",
    "keycaps": "1\ufe0f\u20e3 #\ufe0f\u20e3",
    "England": "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f won",
    "Markdown": "# Title\n\n- [x] done\n- [ ] open\n\n> quote\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n**bold** _it_ ~~no~~\n",
    "link": "See [the docs](https://example.com/a_(b)) and <https://example.com>.",
    "used definition": "See [the docs][1].\n\n[1]: https://example.com\n",
    "used footnote": "True[^1].\n\n[^1]: By experiment.\n",
    "details": "<details><summary>Log</summary>\n\nlines\n\n</details>\n",
    "code": '```html\n<!-- a comment -->\n<p hidden>x</p>\n![x](y "z")\n```\n\nand `<!-- this -->`.\n',
    "indented code": "Text:\n\n    <!-- shown -->\n    [x]: y\n\nend\n",
    "code in a list": "- item\n\n  ```html\n  <!-- shown -->\n  ```\n",
    "double ticks": "`` `<!-- x -->` `` and ``<b hidden>``",
    "generics": "Map<String, List<T>> and a<b>c</b> and x <- y",
    "template": "### Steps\n\n1. open\n2. click\n\n### Expected\n\nno crash &amp; no &lt;b&gt;\n",
    "shell": '$ ls -la | grep x && echo "a" > b',
    "log": "Log:\n[error]: failed\n[info]: retried",
}  # fmt: skip
