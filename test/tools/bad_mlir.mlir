// RUN: fa-opt %s --split-input-file --verify-diagnostics

// The message that a user gets for MLIR that is malformed or does not verify. Each piece is wrong in
// one way.

// expected-error @below {{unknown operation 'func.fun': dialect 'func' has no such operation; did you mean 'func.func'?}}
func.fun @misspelt() {
}

// -----
func.func @unknown_dialect() {
  // expected-error @below {{unknown operation 'nope.op': there is no dialect 'nope'}}
  "nope.op"() : () -> ()
  func.return
}

// -----
func.func @order(%i: i32) -> i32 {
  // expected-error @below {{'arith.addi': operand %a is used before it is defined}}
  %b = arith.addi %a, %i : i32
  %a = arith.addi %i, %i : i32
  func.return %b : i32
}

// -----
func.func @undefined(%i: i32) -> i32 {
  // expected-error @below {{%a is used but not defined}}
  func.return %a : i32
}

// -----
func.func @operands(%i: i32) -> i32 {
  // expected-error @below {{'arith.addi': Expected 2 operands, but got 1}}
  %a = "arith.addi"(%i) : (i32) -> i32
  func.return %a : i32
}

// -----
func.func @terminator(%i: i32) -> i32 {
  // expected-error @below {{'func.return' must be the last operation in its parent block}}
  func.return %i : i32
  %a = arith.addi %i, %i : i32
}

// -----
func.func @types(%i: i32) -> f32 {
  // expected-error @below {{operand is used with type f32, but has been previously used or defined with type i32}}
  func.return %i : f32
}

// -----
// expected-error @below {{expected an operation, found '}'}}
}
