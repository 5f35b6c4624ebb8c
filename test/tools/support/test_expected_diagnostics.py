"""expected_diagnostics: what a text says of its diagnostics, against those that come."""

import pytest
from fa.diagnostics import CompileError
from fa.tools.support.expected_diagnostics import (
    SEVERITIES,
    Diagnostic,
    check_diagnostics,
    parse_expectations,
)


def wrong(text: str, *came: Diagnostic, offset: int = 0) -> list[str]:
    return [error.text() for error in check_diagnostics(text, "x.mlir", offset, came)]


def error(line: int, message: str = "it is bad, and why") -> Diagnostic:
    return Diagnostic("error", message, f"x.mlir:{line}:5")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("op // expected-error {{is bad}}", 1),
        ("op // expected-error@+0 {{is bad}}", 1),
        ("// expected-error @+1 {{is bad}}\nop", 2),
        ("// expected-error @+2{{is bad}}\n\nop", 3),
        ("op\n\n// expected-error @-2 {{is bad}}", 1),
        ("// expected-error @below {{is bad}}\nop", 2),
        ("// expected-error@below {{is bad}}  \nop", 2),
        ("// expected-error @below {{is bad}}\n// expected-note @-1 {{x}}\nop", 3),
        ("op\n// expected-note @+1 {{x}}\n// expected-error @above {{is bad}}", 1),
    ],
)
def test_places(text: str, line: int):
    note = [] if "note" not in text else [Diagnostic("note", "x", "x.mlir:1:1")]
    if text.startswith("op\n// expected-note"):
        note = [Diagnostic("note", "x", "x.mlir:3:1")]
    assert not wrong(text, error(line), *note)
    assert len(wrong(text, error(line + 1), *note)) == 2
    assert not wrong(text, error(line + 70, "is bad"), *(_later(n, 70) for n in note), offset=70)


def _later(note: Diagnostic, lines: int) -> Diagnostic:
    assert note.location is not None
    _, line, column = note.location.split(":")
    return Diagnostic(note.severity, note.message, f"x.mlir:{int(line) + lines}:{column}")


def test_nothing_expected_and_nothing_came():
    assert not wrong("func.func @f() { }\n// an error is expected nowhere")


def test_what_is_missing_and_what_is_too_much_is_said_where_it_is():
    text = "op\n  // expected-error @above {{is bad}}\n"
    assert wrong(text) == ['x.mlir:2:6: error: expected error "is bad" was not produced']
    assert wrong("op", error(1)) == ["x.mlir:1:5: error: unexpected error: it is bad, and why"]
    assert wrong(text, error(1, "it is fine")) == [
        "x.mlir:1:5: error: unexpected error: it is fine",
        'x.mlir:2:6: error: expected error "is bad" was not produced',
    ]


def test_an_expectation_is_met_once():
    text = "op // expected-error {{is bad}}"
    assert len(wrong(text, error(1), error(1))) == 1
    assert not wrong(f"// expected-error @+1 {{{{and why}}}}\n{text}", error(2), error(2))


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("other", SEVERITIES)
def test_kinds_are_compared(severity: str, other: str):
    came = Diagnostic(other, "is bad", "x.mlir:1:1")
    complaints = wrong(f"op // expected-{severity} {{{{is bad}}}}", came)
    assert (not complaints) == (severity == other)
    if complaints:
        assert complaints == [
            f"x.mlir:1:1: error: unexpected {other}: is bad",
            f'x.mlir:1:7: error: expected {severity} "is bad" was not produced',
        ]


@pytest.mark.parametrize("location", [None, "y.mlir:1:1", "model.onnx", "ax.mlir:1:1", "x.mlir"])
def test_what_is_said_of_no_line_of_the_text(location: str | None):
    came = Diagnostic("error", "is bad", location)
    assert not wrong("// expected-error @unknown {{is bad}}", came)
    assert len(wrong("op // expected-error {{is bad}}", came)) == 2
    assert len(wrong("// expected-error @unknown {{is bad}}", error(1))) == 2


def test_text_is_no_regular_expression_unless_it_is_asked_for():
    assert len(wrong("op // expected-error {{i.}}", error(1))) == 2
    assert not wrong("op // expected-error {{a {b = [1]}}}", error(1, "a {b = [1]} c"))
    assert not wrong("op // expected-error-re {{it {{(is|was)}} bad, and {{w..}}}}", error(1))
    assert len(wrong("op // expected-error-re {{it {{(as|was)}} bad}}", error(1))) == 2
    assert len(wrong("op // expected-error-re {{b.d}}", error(1))) == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("// expected-eror {{is bad}}", "malformed expectation"),
        ("// expected-error is bad", "malformed expectation"),
        ("op // expected-error @here {{is bad}}", "malformed expectation"),
        ("op // expected-error {{is bad}} or not", "malformed expectation"),
        ("// expected-error @-1 {{is bad}}", "outside of the text"),
        ("// expected-error @below {{is bad}}", "outside of the text"),
        ("// expected-error-re {{is {{(}} bad}}", "malformed regular expression"),
    ],
)
def test_what_would_expect_nothing_is_refused(line: str, reason: str):
    with pytest.raises(CompileError, match=rf"^x.mlir:8:[0-9]+: error: .*{reason}"):
        parse_expectations(line, "x.mlir", 7)
    (complaint,) = wrong(line, error(1))
    assert reason in complaint
