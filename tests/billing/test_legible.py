"""Which letters are set as they are, and what is seen in the place of others. docs/documents.md says the same."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.clients.legible import FONTS, clusters, code_points, legible
from services.billing.clients.pdf import render
from services.billing.rules import END, ISOLATE
from tests.billing.test_pdf import BUYER, an_invoice, text_of

AS_WRITTEN = {
    "markup": "<b>Acme</b> *bold* _it_ #let x = 1 $x^2$ \\u{41} \"q\" 'q' // /* */",
    "latin": "Łódź Þórshöfn Việt Nam Çelik İş Żółć ẞ",
    "marks": "Zoe\u0308 a\u0328\u0301",
    "greek and cyrillic": "Κύπρος Київ Монгол Қазақ",
    "georgian and armenian": "საქართველო Հայաստան",
    "hebrew": 'חברת דוגמה בע"מ',
    "points": "שָׁלוֹם",
    "arabic": "شركة المثال المحدودة",
    "vowels": "مُحَمَّد",
    "persian": "نمونه\u200cها پچ ژگ",
    "urdu and pashto": "اردو کمپنی ہے ټولنه ښه",
    "chinese": "有限公司 繁體中文",
    "japanese": "株式会社サンプル 髙﨑 𠮷野家",
    "korean": "주식회사 예제",
    "devanagari": "हिन्दी कंपनी क्\u200dष",
    "bengali": "বাংলা",
    "punjabi": "ਪੰਜਾਬੀ",
    "gujarati": "ગુજરાતી",
    "odia": "ଓଡ଼ିଆ",
    "tamil": "தமிழ்",
    "telugu": "తెలుగు",
    "kannada": "ಕನ್ನಡ",
    "malayalam": "മലയാളം",
    "sinhala": "සිංහල",
    "thai": "บริษัท ตัวอย่าง",
    "lao": "ລາວ",
    "khmer": "ខ្មែរ",
    "burmese": "မြန်မာ",
    "amharic": "አማርኛ",
    "dhivehi": "ދިވެހި",
    "emoji": "🎉🧿👩\u200d👩\u200d👧🇩🇪👍🏽❤\ufe0f1\ufe0f\u20e3",
    "signs": "€ ₿ ₹ № ™ ½ → ✓",
}


@pytest.mark.parametrize("text", AS_WRITTEN.values(), ids=AS_WRITTEN)
def test_no_letter_is_changed_and_a_document_is_made(text: str) -> None:
    assert legible(text).strip(ISOLATE + END) == text
    assert render({**an_invoice(), "buyer": {**BUYER, "legal_name": text}}).startswith(b"%PDF")


@pytest.mark.parametrize(
    "name", ["latin", "greek and cyrillic", "georgian and armenian", "chinese", "japanese", "korean"]
)
def test_copied_out_of_the_file_it_is_the_same_text(name: str) -> None:
    text = AS_WRITTEN[name]
    shown = text_of(render({**an_invoice(), "buyer": {**BUYER, "legal_name": text, "address": [text]}}))

    assert shown.count(text) == 2


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("line one\nline two\r\n\ttab", "line one line two   tab"),
        ("bell\x07 nul\x00", "bell� nul�"),
        ("A\u202eB\u2066C\u200fD\u00adE\ufeff", "ABCDE"),
        ("𝓐𝓬𝓶𝓮 ﬃ", "Acme ﬃ"),
        ("\ue123 \U0001f1e6\U000f0000", "� \U0001f1e6�"),
        ("ᠮᠣᠩᠭᠣᠯ", "������"),
        ("𪛖", "�"),
        ("\u0e01\u0902", "\u0e01\u25cc\u0902"),
        ("\u2128\u0363", "\u2128�"),
        ("\u2128\u200d\u0e01", "\u2128\u0e01"),
    ],
)
def test_what_is_seen_of_what_cannot_be_set(text: str, seen: str) -> None:
    assert legible(text) == seen


def test_a_text_from_right_to_left_stands_by_itself() -> None:
    assert legible("Acme") == "Acme"
    assert legible("שלום (2026)") == f"{ISOLATE}שלום (2026){END}"


def test_every_font_says_what_it_has() -> None:
    for font in FONTS.glob("*.ttf"):
        assert next(code_points(font.read_bytes()), None) is not None, font.name


def test_a_letter_keeps_its_marks_where_a_long_word_may_break() -> None:
    word = "a\u0328\u0301" * 60
    parts = legible(word).split("\u200b")

    assert "".join(parts) == word
    assert [len(list(clusters(part))) for part in parts] == [12] * 5


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_no_text_keeps_a_document_from_being_made(text: str) -> None:
    shown = legible(text)

    assert not any(unicodedata.category(char) in ("Cc", "Co") for char in shown)
    assert render({**an_invoice(), "buyer": {**BUYER, "legal_name": text}, "notes": [text]}).startswith(b"%PDF")
