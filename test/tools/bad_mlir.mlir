// RUN: fa-opt --split-input-file --parsing-diagnostics --verify-diagnostics < %s | filecheck %s --match-full-lines --strict-whitespace

// The message that a user gets for MLIR that is malformed or does not verify. Each piece is wrong in
// one way.

// CHECK:<stdin>:7:1: error: unknown operation 'func.fun': dialect 'func' has no such operation; did you mean 'func.func'?
func.fun @misspelt() {
}

// -----
// CHECK:<stdin>:14:3: error: unknown operation 'nope.op': there is no dialect 'nope'

func.func @unknown_dialect() {
  "nope.op"() : () -> ()
  func.return
}

// -----
// CHECK:<stdin>:22:8: error: 'arith.addi': operand %a is used before it is defined

func.func @order(%i: i32) -> i32 {
  %b = arith.addi %a, %i : i32
  %a = arith.addi %i, %i : i32
  func.return %b : i32
}

// -----
// CHECK:<stdin>:31:15: error: %a is used but not defined

func.func @undefined(%i: i32) -> i32 {
  func.return %a : i32
}

// -----
// CHECK:<stdin>:38:8: error: 'arith.addi': Expected 2 operands, but got 1

func.func @operands(%i: i32) -> i32 {
  %a = "arith.addi"(%i) : (i32) -> i32
  func.return %a : i32
}

// -----
// CHECK:<stdin>:46:3: error: 'func.return' must be the last operation in its parent block

func.func @terminator(%i: i32) -> i32 {
  func.return %i : i32
  %a = arith.addi %i, %i : i32
}

// -----
// CHECK:<stdin>:54:15: error: operand is used with type f32, but has been previously used or defined with type i32

func.func @types(%i: i32) -> f32 {
  func.return %i : f32
}

// -----
// CHECK:<stdin>:60:1: error: expected an operation, found '}'

}
