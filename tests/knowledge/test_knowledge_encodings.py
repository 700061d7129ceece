"""Text, CSV and web pages in the encodings of older programs."""

import pytest

from steadyhand.errors import DocumentUnreadable
from steadyhand.knowledge.readers._decode import decoded
from steadyhand.knowledge.reading.formats import read_document

_SENTENCES = {
    "cp1252": "Der Vertrag läuft für drei Jahre; “gültig” ab Unterschrift – 100 €.",
    "cp850": "Der Vertrag läuft für drei Jahre. Größe und Preis stehen in der Übersicht.",
    "mac_roman": "L’accord a été signé à Genève, où il reste déposé.",
    "cp1254": "Sözleşmenin süresi imza tarihinden itibaren üç yıldır.",
    "cp1250": "Umowa obowiązuje przez trzy lata, chyba że została wcześniej rozwiązana.",
    "iso8859_2": "Smlouva platí tři roky ode dne podpisu, není-li dříve zrušena.",
    "cp1257": "Sutartis galioja trejus metus nuo pasirašymo dienos, ją galima pratęsti raštu.",
    "cp1251": "Срок действия договора составляет три года.",
    "koi8_r": "Срок действия договора составляет три года.",
    "cp1253": "Η σύμβαση ισχύει για τρία χρόνια από την υπογραφή.",
    "cp1255": "תוקף ההסכם הוא שלוש שנים מיום החתימה",
    "cp1256": "مدة العقد ثلاث سنوات من تاريخ التوقيع",
    "cp874": "สัญญานี้มีอายุสามปีนับจากวันที่ลงนาม",
    "cp932": "契約の期間は署名の日から三年間とします。",
    "euc_jp": "契約の期間は署名の日から三年間とします。",
    "iso2022_jp": "契約の期間は署名の日から三年間とします。",
    "gb18030": "合同的有效期为三年，自双方签字之日起计算。",
    "big5": "本合約的有效期為三年，自雙方簽字之日起計算。",
    "cp949": "계약 기간은 서명일로부터 삼 년이며 연장할 수 있다.",
    "utf-16-le": "Yearly report: naïve totals, 12 %.\n",
    "utf-16-be": "契約の期間は三年です。\n",
}


@pytest.mark.parametrize("encoding", _SENTENCES)
def test_the_encoding_of_a_sentence_is_seen(encoding: str) -> None:
    assert decoded(_SENTENCES[encoding].encode(encoding), "a.txt") == _SENTENCES[encoding]


def test_quotation_marks_alone_are_those_of_windows() -> None:
    text = "It’s “quoted” … twice – for 5 €, at 20 °C."
    assert decoded(text.encode("cp1252"), "a.txt") == text


@pytest.mark.parametrize(
    ("label", "encoding"),
    [
        ("shift_jis", "cp932"),
        ("x-sjis", "cp932"),
        ("gb2312", "gb18030"),
        ("latin1", "cp1252"),
        ("ISO-8859-9", "cp1254"),
    ],
)
def test_what_a_page_declares_goes_before_what_it_looks_like(label: str, encoding: str) -> None:
    text = {"cp932": "髙島屋①", "gb18030": "朱镕基", "cp1252": "5 €", "cp1254": "ş"}[encoding]
    page = f'<meta charset="{label}"><p>{text}</p>'.encode(encoding)
    assert read_document(page, "a.html").text == text


@pytest.mark.parametrize("label", ["rot13", "punycode", "base64", "unicode_escape", "no-such", "\N{BULLET}"])
def test_a_label_that_is_no_encoding_of_text_is_not_believed(label: str) -> None:
    assert decoded("Größe Übersicht".encode("cp1252"), "a.html", declared=label) == "Größe Übersicht"


def test_a_broken_byte_spoils_nothing_but_itself() -> None:
    text = "Übergrößen für Änderungen"
    assert decoded(text.encode() + b" \xfc", "a.txt") == f"{text} \N{REPLACEMENT CHARACTER}"
    assert decoded(f"{text} ü".encode()[:-1], "a.txt") == f"{text} \N{REPLACEMENT CHARACTER}"


def test_stray_nul_bytes_are_left_out_and_binary_data_is_refused() -> None:
    assert decoded(b"words " * 500 + b"\0 and more", "a.txt").endswith("words  and more")
    for binary in (b"abc\0def" * 100, bytes(range(256)) * 8, b"\1\0\2\0" * 100):
        with pytest.raises(DocumentUnreadable, match="binary data"):
            decoded(binary, "a.txt")


def test_a_table_in_utf_16_without_a_mark_is_read() -> None:
    content = "Name;Größe\nÄrmel;12\nSaum;14\n".encode("utf-16-le")
    assert read_document(content, "a.csv").text == "Name | Größe\nÄrmel | 12\nSaum | 14"


def test_the_sample_begins_where_a_long_line_stops_being_ascii() -> None:
    text = "x" * 100_000 + " Sözleşmenin süresi imza tarihinden itibaren üç yıldır."
    assert decoded(text.encode("cp1254"), "a.txt") == text
