"""fa-opt: locations, pass flags, output that is whole or absent, never a traceback."""

import io
import sys
from importlib.metadata import version
from pathlib import Path

import fa
import pytest
from fa.tools.fa_opt import main

SMALL = """func.func @f(%i: i32) -> i32 {
  %a = arith.addi %i, %i : i32
  %b = arith.addi %i, %i : i32
  %c = arith.muli %a, %b : i32
  func.return %c : i32
}
"""


@pytest.fixture
def small(tmp_path: Path) -> str:
    path = tmp_path / "small.mlir"
    path.write_text(SMALL)
    return str(path)


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on standard error of a run that must fail, and print nothing else."""
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert output.err.endswith("\n")
    return output.err.rstrip("\n")


def test_prints_without_locations(small: str, capsys: pytest.CaptureFixture[str]):
    assert main([small]) == 0
    assert "loc(" not in capsys.readouterr().out


def test_locations_are_those_of_the_operation_names(small: str, capsys: pytest.CaptureFixture[str]):
    assert main([small, "--print-debuginfo"]) == 0
    text = capsys.readouterr().out
    assert f'%a = arith.addi %i, %i : i32 loc("{small}":2:8)' in text
    assert f'func.return %c : i32 loc("{small}":5:3)' in text


def test_explicit_locations_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "x.mlir"
    path.write_text('func.func private @f() loc("other.py":7:9)\n"x.y"() : () -> () loc(unknown)\n')
    assert main([str(path), "--print-debuginfo", "--allow-unregistered-dialect"]) == 0
    text = capsys.readouterr().out
    assert 'loc("other.py":7:9)' in text
    assert '"x.y"() : () -> () loc(unknown)' in text


def test_pass_flags_run_in_order(small: str, capsys: pytest.CaptureFixture[str]):
    assert main(["--cse", "-p", "dce,canonicalize", small, "--dce", "--time-passes"]) == 0
    output = capsys.readouterr()
    passes = [line.split()[1] for line in output.err.splitlines()]
    assert passes == ["cse", "dce", "canonicalize", "dce"]
    assert output.out.count("arith.addi") == 1


def test_what_is_printed_between_passes_is_not_output(
    small: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["--cse", "--dce", "--print-between-passes", small]) == 0
    output = capsys.readouterr()
    assert output.out.count("builtin.module") == 1
    assert output.err.count("builtin.module") == 1


@pytest.mark.parametrize("name", [[], ["-"]])
def test_standard_input(
    name: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"func.func @f(")))
    assert fails(capsys, *name).startswith("<stdin>:1:14: error: ")


def test_split_input_reports_lines_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "x.mlir"
    path.write_text(SMALL + "// -----\n" + SMALL.replace("%c : i32", "%c : i64"))
    assert fails(capsys, "--split-input-file", str(path)).startswith(f"{path}:12:15: error: ")


GOOD = """func.func @good(%q: tensor<1x1x4x64xbf16>) -> tensor<1x1x4x64xbf16> {
  %o = fa.attention %q, %q, %q : tensor<1x1x4x64xbf16>, tensor<1x1x4x64xbf16>,
      tensor<1x1x4x64xbf16> -> tensor<1x1x4x64xbf16>
  func.return %o : tensor<1x1x4x64xbf16>
}
func.func @more() {"""

ANNOUNCED = """// RUN: nothing
func.func @f(%i: i32) -> i32 {
  // expected-error @below {{Expected 2 operands, but got 1}}
  %a = "arith.addi"(%i) : (i32) -> i32
  func.return %a : i32
}
// -----
func.func @f(
}  // expected-error {{Expected}}
// -----
func.func @f(%i: i32) -> i32 {
  %a = plena.zzzzzz %i : i32  // expected-error {{unknown operation 'plena.zzzzzz'}}
}
// -----
func.func @good() { func.return }
// -----
// expected-error @above {{there is nothing to map}}
func.func @pass() { func.return }
"""


def verify(path: Path, text: str, *passes: str) -> int:
    path.write_text(text)
    return main([str(path), "--split-input-file", "--verify-diagnostics", *passes])


def test_announced_diagnostics(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path, passes = tmp_path / "x.mlir", "--map=qk=tmm"
    text = ANNOUNCED.replace("func.func @good() {", GOOD)
    assert verify(path, text, passes) == 0
    output = capsys.readouterr()
    assert "func.func @good" in output.out
    assert "error" not in output.out + output.err
    assert verify(path, text) == 1
    assert capsys.readouterr() == (
        "",
        f"{path}:{text[: text.index('there is nothing')].count(chr(10)) + 1}:4: error: expected "
        'error "there is nothing to map" was not produced\n',
    )


def test_each_piece_is_checked_whatever_the_others_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path, out = tmp_path / "x.mlir", tmp_path / "out.mlir"
    text = ANNOUNCED.replace("2 operands", "3 operands").replace("'plena.z", "'plena.y")
    assert verify(path, text, "-o", str(out)) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert not out.exists()
    assert output.err.splitlines() == [
        f"{path}:4:8: error: unexpected error: 'arith.addi': Expected 2 operands, but got 1",
        f'{path}:3:6: error: expected error "Expected 3 operands, but got 1" was not produced',
        f"{path}:12:8: error: unexpected error: unknown operation 'plena.zzzzzz': dialect 'plena' "
        "has no such operation",
        f"{path}:12:34: error: expected error \"unknown operation 'plena.yzzzzz'\" was not "
        "produced",
        f'{path}:17:4: error: expected error "there is nothing to map" was not produced',
    ]


def test_without_the_flag_the_first_error_is_the_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "x.mlir"
    path.write_text(ANNOUNCED)
    assert fails(capsys, str(path), "--split-input-file").startswith(f"{path}:4:8: error: ")


def test_output_file(small: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out.mlir"
    assert main([small, "-o", str(out)]) == 0
    assert capsys.readouterr().out == ""
    assert "arith.muli" in out.read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.mlir", "small.mlir"]


def test_a_failure_leaves_the_output_file_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    bad, out = tmp_path / "bad.mlir", tmp_path / "out.mlir"
    bad.write_text(SMALL + "// -----\nfunc.func")
    fails(capsys, "--split-input-file", str(bad), "-o", str(out))
    assert not out.exists()
    out.write_text("before")
    fails(capsys, "--split-input-file", str(bad), "-o", str(out))
    assert out.read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.mlir", "out.mlir"]


def test_output_to_a_folder_that_is_not_there(small: str, capsys: pytest.CaptureFixture[str]):
    assert (
        fails(capsys, small, "-o", "/dev/null/x.mlir")
        == "fa-opt: error: cannot write '/dev/null/x.mlir': Not a directory"
    )


def test_not_utf8(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "x.mlir"
    path.write_bytes("// \u00e9\n// ".encode() + b"\xff")
    assert fails(capsys, str(path)) == f"{path}:2:4: error: byte 0xff is not UTF-8 text"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("{bogus=1}", "pass 'riscv-allocate-registers' has no option 'bogus'; its options are "),
        ("{force-infinite=3}", "option 'force-infinite' takes true or false, not '3'"),
        ("{force-infinite=true force_infinite=true}", "is given twice"),
        ("{force-infinite", "expected options closed by '}'"),
        ('{force-infinite="}', "expected options closed by '}'"),
        ("[x]", "expected ',' or '{options}' before '[x]'"),
    ],
)
def test_bad_options(options: str, message: str, small: str, capsys: pytest.CaptureFixture[str]):
    line = fails(capsys, small, "-p", f"riscv-allocate-registers{options}")
    assert line.startswith("fa-opt: error: pass")
    assert message in line


MUTATIONS = [
    SMALL.replace(old, new, 1)
    for old, new in [
        ("func.func", ""),
        ("@f", ""),
        ("@f", '@"'),
        ("i32", "!i32"),
        ("i32", "tensor<"),
        ("i32", "tensor<?x-1xf32>"),
        ("i32", "i99999999999999999999"),
        ("arith.addi %i, %i : i32", "arith.constant 1 : i1099511627776"),
        ("i32", "vector<0xf32>"),
        ("i32", "!fa.tile<"),
        ("i32", "!fa.tile<0xbf16, vector>"),
        ("i32", "!fa.tile<64x64xi1, nowhere at -1>"),
        ("%a = arith.addi", "%a:0 = arith.addi"),
        ("%a = arith.addi", "%a:x = arith.addi"),
        ("%a = arith.addi", "%a, %z = arith.addi"),
        ("%a = arith.addi", '%a = "arith.addi"'),
        ("%a = arith.addi", '%a = ""'),
        ("%a = arith.addi", "%a = ."),
        ("arith.addi", "arith."),
        ("arith.addi", "fa.attention"),
        ("arith.addi %i, %i : i32", "arith.constant 1e400 : i32"),
        ("arith.addi %i, %i : i32", "arith.constant dense<[1, 2]> : tensor<3xi32>"),
        ("arith.addi %i, %i : i32", "arith.constant #fa.causal<offset = x> : i32"),
        ("arith.addi %i, %i : i32", "arith.constant #nope : i32"),
        ("arith.addi %i, %i : i32", 'arith.constant "\\zz" : i32'),
        ("{\n", "{\n^0:\n"),
        ("{\n", "{\n^bb0(%i: i32):\n"),
        ("{\n", "attributes {a = } {\n"),
        ("}\n", ""),
        ("}\n", "} loc(nowhere)\n"),
        ("}\n", "} loc(fused[\n"),
        ("}\n", "}}\n"),
        ("%c : i32\n", "%c#1 : i32\n"),
        ("%c : i32\n", "%c, %c : i32\n"),
        ("func.return", "cf.br ^bb7"),
    ]
] + ["", "\0", "{", "(" * 3000, "#a", "!a = i32", "func.func @f() {" * 3000, "module {", "{-#", '"']


@pytest.mark.parametrize("number", range(len(MUTATIONS)))
def test_malformed_text_is_one_located_line(
    number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "x.mlir"
    path.write_text(MUTATIONS[number])
    where, _, message = fails(capsys, str(path)).partition(": error: ")
    file, line, column = where.rsplit(":", 2)
    assert file == str(path)
    assert int(line) >= 1
    assert int(column) >= 1
    assert message


@pytest.mark.parametrize("end", range(SMALL.index("{") + 1, len(SMALL) - 2, 3))
def test_truncated_text_is_one_located_line(
    end: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "x.mlir"
    path.write_text(SMALL[:end])
    assert fails(capsys, str(path)).startswith(f"{path}:")


def test_version_stands_in_one_place(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    shown = f"fa-opt version {fa.__version__}, on xdsl version {version('xdsl')}\n"
    assert capsys.readouterr().out == shown
    assert version("fa-compiler") == fa.__version__


@pytest.mark.parametrize("frontend", ["mlir{", "onnx{constant=1}", "nope"])
def test_bad_frontends(frontend: str, small: str, capsys: pytest.CaptureFixture[str]):
    """As xDSL 0.74 has them, names only; whatever it says of others, it is one line."""
    assert fails(capsys, small, "-f", frontend).startswith("fa-opt: error: argument -f/--frontend:")


def test_a_frontend_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "small.onnx"
    path.write_text(SMALL)
    assert main([str(path), "-f", "mlir"]) == 0
    assert "arith.muli" in capsys.readouterr().out
