// RUN: fa-opt %s --split-input-file --verify-diagnostics

// What quantize leaves on functions, written by hand.

// expected-error @below {{unknown attribute mx.formats; there are mx.policy}}
func.func @misspelt() attributes {mx.formats = {}} { func.return }

// -----
// expected-error @below {{mx.policy must be a dictionary of options of quantize, got "mxfp8"}}
func.func @policy() attributes {mx.policy = "mxfp8"} { func.return }

// -----
// expected-error @below {{mx.policy: k must be a string, got 8 : i64}}
func.func @policy() attributes {mx.policy = {k = 8 : i64}} { func.return }

// -----
// expected-error @below {{mx.policy: unknown policy 'none'; there are plena, mxfp8, mxfp4-kv, nvfp4-kv, bf16}}
func.func @policy() attributes {mx.policy = {policy = "none"}} { func.return }

// -----
// expected-error @below {{mx.policy: unknown role 'keys'; there are weights, k, v, q, o, p, statistics}}
func.func @policy() attributes {mx.policy = {keys = "mxfp8"}} { func.return }

// -----
// expected-error @below {{mx.policy: unknown number format 'fp9'; }}
func.func @policy() attributes {mx.policy = {policy = "mxfp8", k = "fp9"}} { func.return }

// -----
// expected-error @below {{mx.policy is an attribute of func.func, not of builtin.module}}
builtin.module attributes {mx.policy = {policy = "mxfp8"}} {}
