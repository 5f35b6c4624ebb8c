// RUN: fa-opt %s --split-input-file --verify-diagnostics

// What passes leave on modules, functions and attentions, written by hand: with a wrong type, with a
// wrong value, on the wrong operation.

// expected-error @below {{unknown attribute fa.maped; there are fa.machine, fa.optimize_for,}}
func.func @misspelt() attributes {fa.maped} { func.return }

// -----
// expected-error @below {{fa.machine must be the name of a preset or a dictionary {name, settings}, got 64 : i64}}
builtin.module attributes {fa.machine = 64 : i64} {}

// -----
// expected-error @below {{fa.machine must be the name of a preset or a dictionary {name, settings}, got {name = "mine"}}}
builtin.module attributes {fa.machine = {name = "mine"}} {}

// -----
// expected-error @below {{fa.machine must be the name of a preset or a dictionary {name, settings}, got {name = "mine", settings = "none"}}}
builtin.module attributes {fa.machine = {name = "mine", settings = "none"}} {}

// -----
// expected-error @below {{fa.machine: no machine called 'plena-65': write one of plena-128, plena-64,}}
builtin.module attributes {fa.machine = "plena-65"} {}

// -----
// expected-error @below {{fa.machine: mine: }}
builtin.module attributes {fa.machine = {name = "mine", settings = {TRANSACTIONAL = 1 : i64}}} {}

// -----
// expected-error @below {{fa.machine: not a JSON value: #fa.causal}}
builtin.module attributes {fa.machine = {name = "mine", settings = {TRANSACTIONAL = #fa.causal}}} {}

// -----
// expected-error @below {{fa.machine is an attribute of builtin.module, not of func.func}}
func.func @machine() attributes {fa.machine = "plena-64"} { func.return }

// -----
// expected-error @below {{fa.optimize_for must be one of "emulator", "analytic", "rtl", "bytes", got 1 : i64}}
builtin.module attributes {fa.optimize_for = 1 : i64} {}

// -----
// expected-error @below {{fa.optimize_for must be one of "emulator", "analytic", "rtl", "bytes", got "speed"}}
builtin.module attributes {fa.optimize_for = "speed"} {}

// -----
// expected-error @below {{fa.optimize_for is an attribute of builtin.module, not of func.func}}
func.func @target() attributes {fa.optimize_for = "bytes"} { func.return }

// -----
// expected-error @below {{fa.problem must be a list of attentions, got {}}}
builtin.module attributes {fa.problem = {}} {}

// -----
// expected-error @below {{an entry of fa.problem must be a dictionary, got 1 : i64}}
builtin.module attributes {fa.problem = [1]} {}

// -----
// expected-error @below {{fa.problem: q_heads must be an integer of at least 1, got None}}
builtin.module attributes {fa.problem = [{batch = 1 : i64}]} {}

// -----
// expected-error @below {{fa.problem: q_len must be an integer of at least 1, got 0 : i64}}
builtin.module attributes {fa.problem = [{batch = 1 : i64, q_heads = 1 : i64, kv_heads = 1 : i64, q_len = 0 : i64, kv_len = 1 : i64, head_dim = 1 : i64, value_dim = 1 : i64}]} {}

// -----
// expected-error @below {{fa.problem: q_heads must be a multiple of kv_heads, got 3 and 2}}
builtin.module attributes {fa.problem = [{batch = 1 : i64, q_heads = 3 : i64, kv_heads = 2 : i64, q_len = 1 : i64, kv_len = 1 : i64, head_dim = 1 : i64, value_dim = 1 : i64}]} {}

// -----
// expected-error @below {{an entry of fa.problem has no heads; there are batch, q_heads, kv_heads, q_len, kv_len, head_dim, value_dim, mask, seen, rows, keys}}
builtin.module attributes {fa.problem = [{heads = 3 : i64, batch = 1 : i64, q_heads = 1 : i64, kv_heads = 1 : i64, q_len = 1 : i64, kv_len = 1 : i64, head_dim = 1 : i64, value_dim = 1 : i64}]} {}

// -----
// expected-error @below {{fa.problem: rows must be an array of counts, got array<i64: -1>}}
builtin.module attributes {fa.problem = [{batch = 1 : i64, q_heads = 1 : i64, kv_heads = 1 : i64, q_len = 1 : i64, kv_len = 1 : i64, head_dim = 1 : i64, value_dim = 1 : i64, seen = array<i64: 1>, rows = array<i64: -1>, keys = 1 : i64}]} {}

// -----
// expected-error @below {{fa.problem: seen and rows go together, got 2 and 1 numbers}}
builtin.module attributes {fa.problem = [{batch = 1 : i64, q_heads = 1 : i64, kv_heads = 1 : i64, q_len = 1 : i64, kv_len = 1 : i64, head_dim = 1 : i64, value_dim = 1 : i64, seen = array<i64: 1, 2>, rows = array<i64: 1>, keys = 1 : i64}]} {}

// -----
// expected-error @below {{unknown mask "causal"; there are #fa.causal,}}
builtin.module attributes {fa.problem = [{batch = 1 : i64, q_heads = 1 : i64, kv_heads = 1 : i64, q_len = 1 : i64, kv_len = 1 : i64, head_dim = 1 : i64, value_dim = 1 : i64, mask = "causal"}]} {}

// -----
func.func @problem(%x: tensor<1x1x64x64xbf16>) -> tensor<1x1x64x64xbf16> {
  // expected-error @below {{fa.problem is an attribute of }}
  %0 = fa.attention %x, %x, %x {fa.problem = []} : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %0 : tensor<1x1x64x64xbf16>
}

// -----
func.func @grouped(%x: tensor<1x1x64x64xbf16>) -> tensor<1x1x64x64xbf16> {
  // expected-error @below {{fa.grouped_heads must be an integer of at least 1, got "8"}}
  %0 = fa.attention %x, %x, %x {fa.grouped_heads = "8"} : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %0 : tensor<1x1x64x64xbf16>
}

// -----
func.func @grouped(%x: tensor<1x1x64x64xbf16>) -> tensor<1x1x64x64xbf16> {
  // expected-error @below {{fa.grouped_heads must be an integer of at least 1, got 0 : i64}}
  %0 = fa.attention %x, %x, %x {fa.grouped_heads = 0 : i64} : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %0 : tensor<1x1x64x64xbf16>
}

// -----
func.func @grouped() {
  // expected-error @below {{fa.grouped_heads is an attribute of fa.attention, not of fa.scratch}}
  %0 = fa.scratch {fa.grouped_heads = 8 : i64} : !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
// expected-error @below {{fa.mapping must be a dictionary of options of map, got "btmv"}}
func.func @mapping() attributes {fa.mapping = "btmv"} { func.return }

// -----
// expected-error @below {{fa.mapping: there is no option kv; there are qk, pv, sums, unroll_rows}}
func.func @mapping() attributes {fa.mapping = {kv = "btmv"}} { func.return }

// -----
// expected-error @below {{fa.mapping: qk must be one of "tmm", "btmm", "btmv", got "mm"}}
func.func @mapping() attributes {fa.mapping = {qk = "mm"}} { func.return }

// -----
// expected-error @below {{fa.mapping: sums must be one of "reduce", "ones", "columns", got 1 : i64}}
func.func @mapping() attributes {fa.mapping = {sums = 1 : i64}} { func.return }

// -----
// expected-error @below {{fa.mapping: unroll_rows must be an integer of at least 1, got 0 : i64}}
func.func @mapping() attributes {fa.mapping = {unroll_rows = 0 : i64}} { func.return }

// -----
// expected-error @below {{fa.mapping is an attribute of func.func, not of builtin.module}}
builtin.module attributes {fa.mapping = {qk = "tmm"}} {}

// -----
// expected-error @below {{fa.mapped takes no value, got "tmm"}}
func.func @mapped() attributes {fa.mapped = "tmm"} { func.return }

// -----
// expected-error @below {{fa.mapped is an attribute of func.func, not of builtin.module}}
builtin.module attributes {fa.mapped} {}

// -----
// expected-error @below {{fa.unroll_rows must be an integer of at least 1, got "many"}}
func.func @unroll() attributes {fa.unroll_rows = "many"} { func.return }

// -----
// expected-error @below {{fa.unroll_rows must be an integer of at least 1, got 0 : i64}}
func.func @unroll() attributes {fa.unroll_rows = 0 : i64} { func.return }

// -----
func.func @unroll(%x: index) {
  // expected-error @below {{fa.unroll_rows is an attribute of func.func, not of scf.for}}
  scf.for %i = %x to %x step %x {
  } {fa.unroll_rows = 2 : i64}
  func.return
}

// -----
// expected-error @below {{fa.unfused must be a string, got 1 : i64}}
func.func @unfused() attributes {fa.unfused = 1 : i64} { func.return }

// -----
// expected-error @below {{fa.unfused is an attribute of func.func and plena.kernel, not of builtin.module}}
builtin.module attributes {fa.unfused = "for a reason"} {}

// -----
// expected-error @below {{fa.mask_tiles must be a list of counts of tiles, got 1.000000e+00 : f32}}
func.func @tiles() attributes {fa.mask_tiles = 1.0 : f32} { func.return }

// -----
// expected-error @below {{an entry of fa.mask_tiles has where, rows, cols, empty, full, partial, distinct, stored and no others, got {rows = -1 : i64}}}
plena.kernel @tiles attributes {fa.mask_tiles = [{rows = -1 : i64}]} {}

// -----
// expected-error @below {{fa.mask_tiles: where must be a string, got 1 : i64}}
func.func @tiles() attributes {fa.mask_tiles = [{where = 1 : i64, rows = 1 : i64, cols = 1 : i64, empty = 1 : i64, full = 1 : i64, partial = 1 : i64, distinct = 1 : i64, stored = 1 : i64}]} { func.return }

// -----
// expected-error @below {{fa.mask_tiles: full must be an integer of at least 0, got -1 : i64}}
func.func @tiles() attributes {fa.mask_tiles = [{where = "", rows = 1 : i64, cols = 1 : i64, empty = 1 : i64, full = -1 : i64, partial = 1 : i64, distinct = 1 : i64, stored = 1 : i64}]} { func.return }

// -----
// expected-error @below {{fa.mask_tiles is an attribute of func.func and plena.kernel, not of builtin.module}}
builtin.module attributes {fa.mask_tiles = []} {}

// -----
// expected-error @below {{fa.problem: bounded takes no value, got 1 : i64}}
builtin.module attributes {fa.problem = [{batch = 1 : i64, q_heads = 1 : i64, kv_heads = 1 : i64, q_len = 1 : i64, kv_len = 1 : i64, head_dim = 1 : i64, value_dim = 1 : i64, bounded = 1 : i64}]} {}

// -----
// expected-error @below {{fa.promises must be a list of promises, got 1 : i64}}
func.func @promises() attributes {fa.promises = 1 : i64} { func.return }

// -----
// expected-error @below {{fa.promises: a promise is a dictionary, not 1 : i64}}
func.func @promises() attributes {fa.promises = [1]} { func.return }

// -----
// expected-error @below {{fa.promises: a promise has bound, scale, softcap, query, key, value and no others}}
func.func @promises() attributes {fa.promises = [{bound = 1.0 : f64}]} { func.return }

// -----
// expected-error @below {{fa.promises: the bound of a promise is above 0 and at most 80, its softcap at least 0; got 90 and 0}}
func.func @promises() attributes {fa.promises = [{bound = 90.0 : f64, scale = 1.0 : f64, softcap = 0.0 : f64, query = [], key = [], value = ["argument", 2]}]} { func.return }

// -----
// expected-error @below {{fa.promises is an attribute of func.func, not of builtin.module}}
builtin.module attributes {fa.promises = []} {}

// -----
// expected-error @below {{fa.ungrouped is an attribute of func.func and plena.kernel, not of builtin.module}}
builtin.module attributes {fa.ungrouped = "why"} {}

// -----
// expected-error @below {{fa.ungrouped must be a string, got 3 : i64}}
func.func @ungrouped() attributes {fa.ungrouped = 3 : i64} { func.return }

// -----
// expected-error @below {{fa.kernel is an attribute of func.func and plena.kernel, not of builtin.module}}
builtin.module attributes {fa.kernel} {}

// -----
// expected-error @below {{fa.kernel takes no value, got 3 : i64}}
func.func @kernel() attributes {fa.kernel = 3 : i64} { func.return }
