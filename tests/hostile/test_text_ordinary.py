"""Ordinary writing, in many languages and notations, reaches the model letter by letter, and is reported as nothing."""

# ruff: noqa: RUF001 - the letters of many scripts look alike
from __future__ import annotations

import pytest

from jobs.agent import prompts
from jobs.agent.context import readable
from jobs.text import clean
from jobs.types import Subject

WRITTEN = {
    "English": "The total is wrong: 3 \u00d7 0.10 \u2260 0.31 \u2014 it\u2019s \u201coff by one\u201d, isn\u2019t it? naïve café",
    "German": "Größe überprüfen – „ja“! Straße, Fußgängerübergänge; 1.000,50 €",
    "French": "L’élève a\u00a0dit\u202f: «\u00a0Ça marche\u202f!\u00a0» Œuvre, 12\u202f000\u00a0€",
    "Spanish": "¿Por qué falla el cálculo? ¡Señor, mañana!",
    "Portuguese": "A função não está correta; coração, avó e avô.",
    "Polish": "Zażółć gęślą jaźń.",
    "Czech": "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "Turkish": "İstanbul’da ışık, ığdır; Iğdır değil.",
    "Vietnamese": "Tổng số bị sai ở dòng thứ ba.",
    "Vietnamese, decomposed": "To\u0302\u0309ng so\u0302\u0301 bi\u0323 sai",
    "Greek": "Το σύνολο είναι λάθος· γιατί;",
    "Russian": "Сумма неверна: ёлка, объём, №\u00a05.",
    "Ukrainian": "Обʼєкт не знайдено: їжак, ґанок.",
    "Armenian": "Գումարը սխալ է։",
    "Georgian": "ჯამი არასწორია.",
    "Arabic": "المجموع خاطئ في 3 أسطر، لماذا؟ مُحَمَّد",
    "Arabic with a mark": "السطر (C++)\u200f خاطئ",
    "Persian": "می\u200cخواهم کتاب\u200cها را ببینم؛ نمی\u200cدانم",
    "Urdu": "کل غلط ہے۔ میں نہیں جانتا",
    "Hebrew": "הסכום שגוי בשורה 3; שָׁלוֹם",
    "Hebrew with marks": "\u200fהקובץ (main.py)\u200f לא נמצא",
    "Hindi": "कुल योग गलत है। क्\u200dष, हिन्\u200cदी",
    "Marathi": "र्\u200dया सुऱ्या वाऱ्यावर",
    "Bengali": "মোট ভুল। র\u200d্যাব",
    "Tamil": "மொத்தம் தவறு. ஸ்ரீ, க்\u200cஷ",
    "Telugu": "మొత్తం తప్పు. సాఫ్ట్\u200cవేర్",
    "Kannada": "ಒಟ್ಟು ತಪ್ಪು. ಸಾಫ್ಟ್\u200cವೇರ್",
    "Malayalam": "ആകെ തെറ്റാണ്. അവന്\u200d, കണ്\u200d",
    "Sinhala": "ශ්\u200dරී ලංකාව, ක්\u200dෂ",
    "Thai": "ยอดรวมไม่ถูกต้องที่บรรทัดสาม น้ำ",
    "Lao": "ຍອດລວມບໍ່ຖືກຕ້ອງ",
    "Khmer": "ភាសា\u200bខ្មែរ សរុប\u200bខុស",
    "Burmese": "စုစုပေါင်း\u200bမှားသည်",
    "Tibetan": "བསྡོམས་འབོར་ནོར་འདུག",
    "Amharic": "ድምሩ ስህተት ነው።",
    "Chinese": "第三行的总数不对，为什么？「引用」：３．１４",
    "Chinese, traditional": "第三行的總數不對——為什麼？",
    "Japanese": "３行目の合計が間違っています。カﾞギ、々、ー",
    "Japanese with variants": "辻\U000e0100さんと葛\U000e0101城市、渡邉\U000e0102",
    "Korean": "세 번째 줄의 합계가 틀렸습니다.",
    "Korean, decomposed": "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "Mongolian": "\u182e\u1823\u1829\u182d\u1823\u182f\u180b",
    "phonetics": "/ˈtoʊ.təl/ [t̪ʰɔ̃ː]",
    "combining accents": "e\u0301 n\u0303 a\u030a Z\u0351\u036b\u0343",
    "mathematics": "∀ε>0 ∃δ>0: |x−a|<δ ⇒ |f(x)−L|<ε; ∑ₙ₌₁^∞ 1/n² = π²/6; ≨\ufe00",
    "families": "👨\u200d👩\u200d👧\u200d👦 👩\u200d❤\ufe0f\u200d💋\u200d👨 🏳\ufe0f\u200d🌈 🏴\u200d☠\ufe0f",
    "work": "👩🏽\u200d💻 🧑\u200d🚀 👨🏿\u200d⚕\ufe0f 🙋🏼\u200d♀\ufe0f",
    "flags": "🇩🇪 🇯🇵 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f 🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
    "keycaps and texts": "1\ufe0f\u20e3 #\ufe0f\u20e3 ☎\ufe0e ©\ufe0f ⚠\ufe0f",
}  # fmt: skip
NOTED = {
    "Python": '```python\ndef f(x: "list[int]") -> None:\n    """Say <b>hi</b>."""\n    return x[0] if x else {"a": 1}  # 100 %\n```',
    "JavaScript": "```js\nconst a = `<p hidden>${b}</p>`; // <!-- x -->\nreturn <T,>(x: T) => x ?? null;\n```",
    "Rust": '```rust\nfn main() { let v: Vec<&\'static str> = vec![]; println!("{v:?}"); }\n```',
    "C++": "```cpp\ntemplate <typename T, int N = 3> struct A { std::map<int, T> m; };\n```",
    "Go": '```go\nif err := f(<-ch); err != nil { fmt.Printf("%v\\n", err) }\n```',
    "Haskell": "```haskell\nmain = mapM_ print $ filter (>0) xs >>= \\x -> [x, x]\n```",
    "SQL": "```sql\nSELECT * FROM t WHERE a <> 'x' AND b LIKE '%y%'; -- comment\n```",
    "shell": '```console\n$ ls -la | grep x && echo "$HOME" > b 2>&1\n```',
    "regular expressions": '`^\\s*(?:<[^>]+>|\\[x\\]\\(y "z"\\))$` and `\\phantom{some words}`',
    "TeX as code": "```latex\n\\documentclass{article} % a comment of some words\n\\phantom{some words} \\tiny small words\n```",
    "diff": "```diff\n--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n-total = 0.31\n+total = 0.3\n```",
    "formulas": "$E = mc^2$, $\\color{red}{x}$, $\\phantom{-}3$, $a_1 + \\text{for all } x$ and $$\n\\int_0^1 x^2\\,dx = \\frac{1}{3}\n$$",
    "aligned formulas": "$$\n\\begin{aligned} x &= 1 \\\\ \\phantom{x} &= 2 \\end{aligned}\n$$",
    "a macro that is used": "$$\n\\newcommand{\\R}{\\mathbb{R}} x \\in \\R\n$$",
    "prices": "It costs $5 and 10 % of that is $0.50, not $0.31.",
    "a block of mathematics": "```math\n\\left( \\sum_{k=1}^n a_k b_k \\right)^2\n```",
    "table": "| a | b | c |\n|:--|:-:|--:|\n| 1 | `x \\| y` | |\n| 2 |\n| 3 | 4 | 5\n",
    "table without edges": "a | b\n--|--\n1 | 2\n3 | \\|\n",
    "quoted table": "> | a | b |\n> |---|---|\n> | 1 | 2 |\n",
    "details": "<details open>\n<summary>Log of <code>make</code></summary>\n\n```\nlines\n```\n\n</details>\n",
    "HTML": '<p align="center"><a name="usage"></a><kbd>Ctrl</kbd>+<kbd>C</kbd><br/><sub>small</sub></p>',
    "HTML table": '<table><tr><td width="50%" colspan="2" valign="top">x</td></tr></table>',
    "list of tasks": "- [ ] open\n- [x] done\n  1. one\n  2. two <!---->\n".replace(" <!---->", ""),
    "footnotes": "True[^1], and more[^note].\n\n[^1]: By experiment.\n[^note]: See [^1] and\n    its second line.\n",
    "links": "See [the docs](https://example.com/a_(b)?q=1&r=%20x), [a file](<my file.md>), [x][1] and <https://e.org>.\n\n[1]: https://e.org\n",
    "generics in prose": "A Map<String, List<T>> or Option<Box<dyn Fn()>>, a<b>c</b>, x <- y, 5 < 7 > 3.",
    "front matter": "---\ntitle: Total\ntags: [a, b]\n---\n\nText\n",
    "diagram": "```mermaid\n%%{init: {'theme': 'dark'}}%%\ngraph TD\nA-->B\n```",
    "stack trace": "Traceback (most recent call last):\n  File \"x.py\", line 3, in <module>\n    f()\nKeyError: 'total'\n",
    "log": "2026-11-21T14:00:00Z [ERROR] com.example.Shop: total=0.31 <nil> at 0x7f3c\n",
    "template": "### Steps\n\n1. open\n2. click\n\n### Expected\n\nno crash &amp; no &lt;b&gt;, 50 &euro;\n",
    "mentions": "@alice @octo/team #12 octo/shop#3 a1b2c3d :tada: me@example.com",
}
TEXTS = {**WRITTEN, **NOTED}


@pytest.mark.parametrize("name", TEXTS)
def test_ordinary_text_stays_byte_for_byte(name: str) -> None:
    """What a person wrote is what the model reads, in the request as in a file, and nobody is told of anything removed."""
    text = TEXTS[name]
    cleaned = clean(text)
    assert (cleaned.text, cleaned.removed) == (text, ())
    message = prompts.request_message(
        repository="octo/demo", subject=Subject("issue", 1), title=text, text=text, asked_by="@mona"
    )
    assert text.strip() in message["content"][0]["text"]
    assert readable(text) == text


def test_all_of_it_at_once_is_ordinary_too() -> None:
    """One long issue in fifty languages holds nothing that would be taken for hidden."""
    text = "\n\n".join(WRITTEN.values())
    cleaned = clean(text)
    assert (cleaned.text, cleaned.removed) == (text, ())


@pytest.mark.parametrize("mark", ["\ufeff", "\ufeff# coding: utf-8\n"])
def test_a_mark_of_byte_order_is_left_in_files(mark: str) -> None:
    """An agent that edits a file sees it as it begins; in a request, where it says nothing, it is left out unreported."""
    assert readable(f"{mark}x = 1\n") == f"{mark}x = 1\n"
    assert clean(f"{mark}x = 1\n").removed == ()


def test_soft_hyphens_are_taken_out_and_reported() -> None:
    """They divide words at the end of a line, say nothing, and can divide a word that is looked for."""
    cleaned = clean("Donau\u00addampf\u00adschiff")
    assert (cleaned.text, cleaned.removed) == ("Donaudampfschiff", ("2 soft hyphens",))
