"""Malformed programs in both forms: one located line, exit status 1, and nothing hangs."""

from pathlib import Path

import pytest
from fa.tools import fa_asm, fa_disasm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BAD_MEM = [
    ("0x00200062\n0x00000020\n0xZZ\n", 3, 1, "'0xZZ' is not a hexadecimal word"),
    ("0x00200062 0x", 1, 12, "'0x' is not a hexadecimal word"),
    ("0X00200062\n", 1, 1, "'0X00200062' is not"),
    ("// comment\n", 1, 1, "'//' is not"),
    ("-1\n", 1, 1, "'-1' is not"),
    ("\n  0x100000000\n", 2, 3, "'0x100000000' has more than 32 bits"),
    ("S_ADDI_INT gp1, gp0, 1\n", 1, 1, "'S_ADDI_INT' is not"),
    ("0x0020٣\n", 1, 1, "is not a hexadecimal word"),
]

BAD_ASM = [
    ("S_ADDI_INT gp1, gp0", 1, 1, "S_ADDI_INT needs 3 operands"),
    ("S_ADDI_INT gp1, gp0,", 1, 1, "S_ADDI_INT needs 3 operands"),
    ("S_ADDI_INT", 1, 1, "S_ADDI_INT needs 3 operands"),
    ("S_ADDI_INT gp1 gp0 1", 1, 1, "S_ADDI_INT needs 3 operands"),
    ("\nS_ADI_INT gp1, gp0, 1", 2, 1, "unknown instruction 'S_ADI_INT'; did you mean S_ADDI_INT?"),
    ("s_addi_int gp1, gp0, 1", 1, 1, "did you mean S_ADDI_INT?"),
    ("  S_ADDI_INT gp16, gp0, 1", 1, 14, "there is no register gp16"),
    ("S_ADDI_INT gp1, f0, 1", 1, 17, "src of S_ADDI_INT is one of gp0 to gp15, not 'f0'"),
    ("S_ADDI_INT gp1, gp0, 262144", 1, 22, "value of S_ADDI_INT is 262144, the most is 262143"),
    ("S_ADDI_INT gp1, gp0, -1", 1, 22, "immediates are unsigned"),
    ("S_ADDI_INT gp1, gp0, one", 1, 22, "is a number, not 'one'"),
    ("S_ADDI_INT gp1, gp0, 1, 2", 1, 25, "'2' is one too many"),
    ("C_BREAK\nlabel:", 2, 1, "unknown instruction 'label:'"),
    ("V_SUB_VF gp1, gp1, f1, 0", 1, 1, "V_SUB_VF needs 5 operands"),
    ("C_LOOP_START gp1, 0\nC_LOOP_END gp1", 1, 1, "a loop cannot have a count of 0"),
    ("C_LOOP_START gp1, 4194304\nC_LOOP_END gp1", 1, 19, "the most is 4194303"),
    ("C_LOOP_START gp1, 2", 1, 1, "the loop of gp1 is never closed"),
    ("S_ADDI_INT gp1, gp0, 1\n  C_LOOP_END gp1", 2, 3, "no loop with the counter gp1 is open"),
    (
        "C_LOOP_START gp1, 2\nC_LOOP_START gp2, 2\nC_LOOP_END gp1\nC_LOOP_END gp2",
        3,
        1,
        "closes the loop of gp1 while the loop of gp2 from line 2 is still open",
    ),
    (".word", 1, 1, ".word needs one number"),
    (".word 0x100000000", 1, 7, "more than 32 bits"),
]


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    return output.err.rstrip("\n")


@pytest.mark.parametrize(("text", "line", "column", "message"), BAD_MEM)
@pytest.mark.parametrize("target", ["asm", "mlir"])
def test_bad_mem(
    text: str,
    line: int,
    column: int,
    message: str,
    target: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    path = tmp_path / "p.mem"
    path.write_text(text)
    assert fa_disasm.main([str(path), "-t", target, "-o", str(tmp_path / "out")]) == 1
    found = refusal(capsys)
    assert found.startswith(f"{path}:{line}:{column}: error: ")
    assert message in found
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("text", "line", "column", "message"), BAD_ASM)
def test_bad_asm(
    text: str,
    line: int,
    column: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    path = tmp_path / "p.asm"
    path.write_text(text)
    assert fa_asm.main([str(path), "-o", str(tmp_path / "out")]) == 1
    found = refusal(capsys)
    assert found.startswith(f"{path}:{line}:{column}: error: "), found
    assert message in found
    assert not (tmp_path / "out").exists()


def test_files_that_are_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "p"
    path.write_bytes(b"C_BREAK\nC_\xff")
    for tool in (fa_asm, fa_disasm):
        assert tool.main([str(path)]) == 1
        assert refusal(capsys) == f"{path}:2:3: error: byte 0xff is not UTF-8 text"


def test_compat_is_no_kind_of_ir(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "p.mem").write_text("")
    assert fa_disasm.main([str(tmp_path / "p.mem"), "-t", "mlir", "--compat"]) == 1
    assert "--compat is a kind of assembly" in refusal(capsys)


def test_an_empty_program_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "2.mem").write_text("")
    assert fa_disasm.main([str(tmp_path / "2.mem"), "-t", "mlir"]) == 0
    assert "plena.kernel @_2 {" in capsys.readouterr().out


PIECES = st.sampled_from(
    [
        *("0x", "0x00200062", "C_LOOP_START", "C_LOOP_END", "gp1", "gp2,", "gp99", "f9", ",", "1"),
        *("4194304", "-1", "V_EXP_V", "M_MM", "//", ";", "\n", " ", "\t", ".word", "é", "\0", "0"),
    ]
)


@given(st.lists(PIECES, max_size=30), st.sampled_from(["asm", "asm-compat", "disasm", "mlir"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=2000)
def test_any_text_is_a_program_or_one_located_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pieces: list[str], how: str
):
    path = tmp_path / "p"
    path.write_text(" ".join(pieces), encoding="utf-8", newline="")
    tool = fa_asm if how.startswith("asm") else fa_disasm
    flags = {"asm-compat": ["--compat"], "mlir": ["-t", "mlir"]}.get(how, [])
    status = tool.main([str(path), "-o", str(tmp_path / "o"), *flags])
    output = capsys.readouterr()
    if status == 0:
        assert output.err == ""
        return
    assert status == 1
    assert output.err.count("\n") == 1
    assert output.err.startswith(f"{path}:")
