// RUN: fa-opt %s --split-input-file --verify-diagnostics

// What the back end leaves on kernels, written by hand.

// expected-error @below {{unknown attribute plena.unrolled; there are plena.layout, plena.int_mem_used,}}
plena.kernel @misspelt attributes {plena.unrolled = 1 : i64} {}

// -----
// expected-error @below {{'plena.kernel': a kernel has no attribute layout; others than its own begin with a dialect's name, as plena.int_mem_used}}
plena.kernel @prefix attributes {layout = {}} {}

// -----
// expected-error @below {{plena.layout must be a dictionary, got "here"}}
plena.kernel @layout attributes {plena.layout = "here"} {}

// -----
// expected-error @below {{plena.layout: layout version None cannot be read, this is version}}
plena.kernel @layout attributes {plena.layout = {}} {}

// -----
// expected-error @below {{plena.layout: not a JSON value: #fa.causal}}
plena.kernel @layout attributes {plena.layout = {version = #fa.causal}} {}

// -----
// expected-error @below {{plena.layout is an attribute of plena.kernel, not of func.func}}
func.func @layout() attributes {plena.layout = {}} { func.return }

// -----
// expected-error @below {{plena.int_mem_used must be an integer of at least 0, got "x"}}
plena.kernel @used attributes {plena.int_mem_used = "x"} {}

// -----
// expected-error @below {{plena.int_mem_used must be an integer of at least 0, got -1 : i64}}
plena.kernel @used attributes {plena.int_mem_used = -1 : i64} {}

// -----
// expected-error @below {{plena.int_mem_used is an attribute of plena.kernel, not of builtin.module}}
builtin.module attributes {plena.int_mem_used = 1 : i64} {}

// -----
// expected-error @below {{plena.not_cleaned_up must be a string, got 1 : i64}}
plena.kernel @untidy attributes {plena.not_cleaned_up = 1 : i64} {}

// -----
// expected-error @below {{plena.not_cleaned_up is an attribute of plena.kernel, not of func.func}}
func.func @untidy() attributes {plena.not_cleaned_up = "for a reason"} { func.return }

// -----
// expected-error @below {{plena.unrolled_loops must be a list of loops, got {iterations = 2 : i64, instructions = 10 : i64}}}
plena.kernel @unrolled attributes {plena.unrolled_loops = {iterations = 2 : i64, instructions = 10 : i64}} {}

// -----
// expected-error @below {{an entry of plena.unrolled_loops has iterations and instructions, got {iterations = 2 : i64}}}
plena.kernel @unrolled attributes {plena.unrolled_loops = [{iterations = 2 : i64}]} {}

// -----
// expected-error @below {{plena.unrolled_loops: iterations must be an integer of at least 1, got "two"}}
plena.kernel @unrolled attributes {plena.unrolled_loops = [{iterations = "two", instructions = 10 : i64}]} {}

// -----
// expected-error @below {{plena.unrolled_loops is an attribute of plena.kernel, not of func.func}}
func.func @unrolled() attributes {plena.unrolled_loops = []} { func.return }

// -----
plena.kernel @comment {
  // expected-error @below {{plena.comment must be a string, got 1 : i64}}
  %zero = plena.get_register {plena.comment = 1 : i64} : !plena.gp<gp0>
}

// -----
// expected-error @below {{plena.comment is an attribute of plena.*, not of func.func}}
func.func @comment() attributes {plena.comment = "here"} { func.return }
