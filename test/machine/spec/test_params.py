"""Machines from presets and settings, and what is said about bad ones."""

import tomllib

import pytest
from fa.machine import Machine, MachineError
from fa.machine.spec.formats import BF16, E4M3, E8M0, MxFormat, PlainFormat
from fa.machine.spec.params import PRESETS

TEXT = (PRESETS / "plena-64.toml").read_text()
MX = MxFormat(8, E4M3, E8M0)


def test_presets():
    assert {"plena-64", "plena-64-stock"} <= set(Machine.presets())
    plena = Machine.load("plena-64")
    assert (plena.mlen, plena.vlen, plena.blen, plena.hlen, plena.broadcast) == (64, 64, 4, 16, 4)
    assert plena.vector_act == PlainFormat(BF16)
    assert plena.matrix_weight == plena.matrix_kv == plena.vector_kv == MX
    assert (plena.vector_sram_rows, plena.matrix_tiles) == (1024, 16)
    assert (plena.fp_sram_depth, plena.int_sram_depth) == (512, 32)
    assert (plena.hbm_size, plena.max_loop_instructions) == (1 << 30, 10**9)
    stock = Machine.load("plena-64-stock")
    assert stock.vector_act == MX
    assert (stock.vector_sram_rows, stock.matrix_tiles) == (4194304, 64)
    assert (stock.fp_sram_depth, stock.int_sram_depth) == (1024, 1024)
    assert stock.max_loop_instructions == 100_000
    for machine in (plena, stock):
        machine.require_consistent()


def test_own_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TEXT.replace("value = 512", "value = 256"))
    machine = Machine.load(path)
    assert machine.fp_sram_depth == 256
    assert Machine.from_settings(machine.settings, "again").fp_sram_depth == 256
    assert hash(machine) == hash(Machine.load(path))


def test_latencies_follow_dc_en(make_machine):
    assert make_machine(DC_EN=1).latency["VECTOR_SUM_CYCLES"] == 8
    assert make_machine(DC_EN=0).latency["VECTOR_SUM_CYCLES"] == 20


def test_prefetch_amount_is_raised_to_whole_tiles(make_machine):
    assert make_machine(HBM_M_Prefetch_Amount=100).prefetch_m == 128


@pytest.mark.parametrize(
    ("config", "key", "cure"),
    [
        ({"BLEN": 5}, "CONFIG.BLEN", "must divide MLEN = 64"),
        ({"HLEN": 24}, "CONFIG.HLEN", "must divide VLEN = 64"),
        ({"HBM_SIZE": 100}, "CONFIG.HBM_SIZE", "multiple of 64"),
        ({"MATRIX_SRAM_SIZE": 63}, "CONFIG.MATRIX_SRAM_SIZE", "at least MLEN"),
        ({"FP_SRAM_DEPTH": 2048}, "CONFIG.FP_SRAM_DEPTH", "1024 entries"),
        ({"MLEN": 0}, "CONFIG.MLEN.value", "at least 1"),
        ({"MLEN": "64"}, "CONFIG.MLEN.value", "must be an integer"),
        ({"MLEN": True}, "CONFIG.MLEN.value", "must be an integer"),
    ],
)
def test_bad_values(make_machine, config, key, cure):
    with pytest.raises(MachineError, match=cure) as caught:
        make_machine(**config)
    assert key in str(caught.value)


@pytest.mark.parametrize(
    ("config", "key"),
    [({"VLEN": 128}, "CONFIG.VLEN"), ({"BROADCAST_AMOUNT": 2}, "CONFIG.BROADCAST_AMOUNT")],
)
def test_contradictions_are_for_compilers_to_refuse(make_machine, config, key):
    machine = make_machine(**config)
    with pytest.raises(MachineError, match=key):
        machine.require_consistent()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "[TRANSACTIONAL.CONFIG.BLEN]",
            "[TRANSACTIONAL.CONFIG.BLAN]",
            "CONFIG.BLAN: there is no such key",
        ),
        ('format = "Mx"', 'format = "MX"', "format: is 'MX', must be"),
        ("block = 8", "block = 7", "block"),
        ("exponent = 4", "exponent = 3", "elements of 7 bits"),
        ("sign = true", 'sign = "yes"', "must be true or false"),
        ("dc_lib_en = 8", "dc_lib_on = 8", "VECTOR_SUM_CYCLES.dc_lib_on: there is no such key"),
    ],
)
def test_bad_files(tmp_path, old, new, message):
    assert old in TEXT
    path = tmp_path / "bad.toml"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(MachineError) as caught:
        Machine.load(path)
    assert message in str(caught.value)
    assert "bad.toml" in str(caught.value)


def test_syntax_errors_are_located(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text("[MODE]\nactive = \n")
    with pytest.raises(MachineError, match="not valid TOML") as caught:
        Machine.load(path)
    assert caught.value.line == 2


def test_unknown_names():
    with pytest.raises(MachineError, match="write one of plena-128, plena-64, "):
        Machine.load("plena-65")
    with pytest.raises(MachineError, match="No such file"):
        Machine.load("absent.toml")


def test_only_transactional_tables_count():
    tables = tomllib.loads(TEXT)
    tables["MODE"]["active"] = "analytic"
    tables["ANALYTIC"] = {"CONFIG": {"MLEN": {"value": 2048}}}
    assert Machine.from_settings(tables, "mode").mlen == 64


def with_text(tmp_path, old, new):
    assert old in TEXT
    path = tmp_path / "bad.toml"
    path.write_text(TEXT.replace(old, new, 1))
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[MODE]", "[MODES]", "MODES: there is no such key in a settings file; did you mean MODE?"),
        ('"transactional"', '"transactonal"', "is 'transactonal'; there are transactional and an"),
        ("active =", "activ =", "MODE.activ: there is no such key in a settings file; did you"),
        ("CONFIG.HLEN]", "CONFIG.HLENS]", "CONFIG.HLENS: there is no such key"),
        ("LATENCY.VECTOR_ADD_CYCLES]", "LATENCY.VECTOR_AD_CYCLES]", "VECTOR_AD_CYCLES: there is"),
        ("_TYPE.ELEM]", "_TYPE.ELEMENT]", "ELEMENT: there is no such key in a settings file; did"),
        ("mantissa = 7", "mantisa = 7", "mantisa: there is no such key"),
        ("[TRANSACTIONAL.CONFIG.MLEN]\nvalue", "[TRANSACTIONAL.CONFIG.MLEN]\nvalu", "valu: there"),
        ("value = 512", "value = 7", "CONFIG.HBM_WIDTH: is 7 bits; write a power of two from 8 on"),
        ("value = 512", 'value = "w"', "CONFIG.HBM_WIDTH.value: must be an integer"),
        ("HBM_WIDTH]", "HBM_CHANNELS]", "CONFIG.HBM_CHANNELS: is 512; 1, 2, 4, 8, 16, 32"),
        ("HBM_WIDTH]", "HBM_GEN]", "CONFIG.HBM_GEN: is 512; HBM2 and HBM3 are modelled"),
        ("value = 64", "value = 1979-05-27", "which no setting can be"),
        ("value = 64", "value = inf", "which no setting can be"),
        ("value = 64", "value = 1" + "0" * 40, "which no setting can be"),
        ("value = 64", "value = 1" + "0" * 5000, "not valid TOML"),
        ("value = 64", f"value = {'[' * 20}{']' * 20}", "is nested too deeply"),
        ("value = 64", f"value = {'[' * 99999}", "not valid TOML"),
        ("exponent = 4\nmantissa = 3", "exponent = 9\nmantissa = 6", "exponents of 9 bits; 8 are"),
    ],
)
def test_what_no_machine_has(tmp_path, old, new, message):
    with pytest.raises(MachineError) as caught:
        Machine.load(with_text(tmp_path, old, new))
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "bad.toml"))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"HBM_SIZE": 10**15},
            "HBM_SIZE.value: is 1000000000000000, must be at most 1099511627776",
        ),
        ({"MLEN": 1 << 20}, "MLEN.value: is 1048576, must be at most 8192"),
        ({"VECTOR_SRAM_SIZE": 10**12}, "VECTOR_SRAM_SIZE.value: is 1000000000000, must be at most"),
        ({"VECTOR_SRAM_SIZE": 1 << 27}, "VECTOR_SRAM_SIZE: makes 8589934592 elements with MLEN ="),
        ({"MATRIX_SRAM_SIZE": 1 << 25}, "MATRIX_SRAM_SIZE: makes 2147483648 elements"),
        (
            {"MLEN": 8192, "VLEN": 8192, "MATRIX_SRAM_SIZE": 8192, "BROADCAST_AMOUNT": 8},
            "BROADCAST",
        ),
        ({"HBM_V_Prefetch_Amount": 10**9}, "HBM_V_Prefetch_Amount.value: is 1000000000, must be"),
        ({"MAX_LOOP_INSTRUCTIONS": 1 << 60}, "MAX_LOOP_INSTRUCTIONS.value: is"),
    ],
)
def test_sizes_that_no_host_simulates(make_machine, config, message):
    with pytest.raises(MachineError, match=message):
        make_machine(**config)


def test_the_published_tables_are_known():
    """Keys of the machine's own file that only its other tools read."""
    tables = tomllib.loads(TEXT)
    transactional = tables["TRANSACTIONAL"]
    transactional["CONFIG"] |= {"HBM_GEN": {"value": "HBM2"}, "HBM_CHANNELS": {"value": 8}}
    transactional["PRECISION"]["MATRIX_SEMANTICS"] = {"rule": "x", "bindings": [{"family": "y"}]}
    transactional["PRECISION"]["MX_PHYSICAL_SEMANTICS"] = {"block_size": 8}
    assert Machine.from_settings(tables, "published").hbm_size == Machine.load("plena-64").hbm_size


@pytest.mark.parametrize("settings", [None, [], "x", 3])
def test_settings_that_are_no_table(settings):
    with pytest.raises(MachineError, match="m: the settings are a table"):
        Machine.from_settings(settings, "m")
