// RUN: fa-opt %s --allow-unregistered-dialect --raise-attention | filecheck %s
// RUN: xdsl-opt %s --allow-unregistered-dialect -p fa-raise-attention,fa-outline-attention,fa-to-plena | filecheck %s --check-prefix=LOWERED
// RUN: fa-opt %s --allow-unregistered-dialect --raise-attention 2>&1 >/dev/null | filecheck %s --check-prefix=REMARK

// Heads last but one, as models have them; a layer of its own in front and behind, which stays.

// CHECK-LABEL: func.func @layer(
// CHECK-NEXT:    [[X:%.*]] = "other.project"
// CHECK-NEXT:    [[Q:%.*]] = fa.transpose [[X]] {permutation = array<i64: 0, 2, 1, 3>}
// CHECK-NEXT:    [[K:%.*]] = fa.transpose
// CHECK-NEXT:    [[V:%.*]] = fa.transpose
// CHECK-NEXT:    [[O:%.*]] = fa.attention [[Q]], [[K]], [[V]] {scale = 5.000000e-01 : f32}
// CHECK-NEXT:    "other.project"([[O]])

// LOWERED: "other.project"
// LOWERED: [[O:%.*]] = fa.launch @layer_attention
// LOWERED: "other.project"([[O]])
// LOWERED: plena.kernel @layer_attention
// LOWERED: "tosa.exp"

// CHECK-LABEL: func.func @dynamic(
// CHECK: "tosa.exp"
// REMARK: raise_attention.mlir:[[#]]:{{[0-9]+}}: remark: raise-attention: not an attention: extents are known at run time only; fa.attention has static ones [missed]

func.func @layer(%x: tensor<1x16x2x16xf32>, %k: tensor<1x16x2x16xf32>, %v: tensor<1x16x2x16xf32>) -> tensor<1x2x16x16xf32> {
  %q = "other.project"(%x) : (tensor<1x16x2x16xf32>) -> tensor<1x16x2x16xf32>
  %half = "stablehlo.constant"() <{value = dense<0.5> : tensor<1x2x16x16xf32>}> : () -> tensor<1x2x16x16xf32>
  %s = "stablehlo.dot_general"(%q, %k) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 2], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [3], rhs_contracting_dimensions = [3]>}> : (tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32>) -> tensor<1x2x16x16xf32>
  %t = "stablehlo.multiply"(%s, %half) : (tensor<1x2x16x16xf32>, tensor<1x2x16x16xf32>) -> tensor<1x2x16x16xf32>
  %e = "stablehlo.exponential"(%t) : (tensor<1x2x16x16xf32>) -> tensor<1x2x16x16xf32>
  %zero = "stablehlo.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
  %l = "stablehlo.reduce"(%e, %zero) <{dimensions = array<i64: 3>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %sum = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%sum) : (tensor<f32>) -> ()
  }) : (tensor<1x2x16x16xf32>, tensor<f32>) -> tensor<1x2x16xf32>
  %ls = "stablehlo.broadcast_in_dim"(%l) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<1x2x16xf32>) -> tensor<1x2x16x16xf32>
  %p = "stablehlo.divide"(%e, %ls) : (tensor<1x2x16x16xf32>, tensor<1x2x16x16xf32>) -> tensor<1x2x16x16xf32>
  %o = "stablehlo.dot_general"(%p, %v) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [3], rhs_contracting_dimensions = [1]>}> : (tensor<1x2x16x16xf32>, tensor<1x16x2x16xf32>) -> tensor<1x2x16x16xf32>
  %r = "other.project"(%o) : (tensor<1x2x16x16xf32>) -> tensor<1x2x16x16xf32>
  func.return %r : tensor<1x2x16x16xf32>
}

func.func @dynamic(%s: tensor<1x?x16xf32>, %v: tensor<1x16x8xf32>) -> tensor<1x?x16xf32> {
  %e = "tosa.exp"(%s) : (tensor<1x?x16xf32>) -> tensor<1x?x16xf32>
  func.return %e : tensor<1x?x16xf32>
}
