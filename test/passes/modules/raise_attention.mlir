// RUN: fa-opt %s --allow-unregistered-dialect --raise-attention | filecheck %s

// Softmax of scaled scores, spelled out in operations of a dialect that is not known, is one attention; a product alone
// is none, and passes through.

func.func @spelled_out(%q: tensor<1x1x16x8xf32>, %k: tensor<1x1x16x8xf32>, %v: tensor<1x1x16x8xf32>) -> tensor<1x1x16x8xf32> {
  %s = "stablehlo.dot_general"(%q, %k) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 1], lhs_contracting_dimensions = [3], rhs_contracting_dimensions = [3]>}> : (tensor<1x1x16x8xf32>, tensor<1x1x16x8xf32>) -> tensor<1x1x16x16xf32>
  %c = "stablehlo.constant"() <{value = dense<0.25> : tensor<1x1x16x16xf32>}> : () -> tensor<1x1x16x16xf32>
  %scaled = "stablehlo.multiply"(%s, %c) : (tensor<1x1x16x16xf32>, tensor<1x1x16x16xf32>) -> tensor<1x1x16x16xf32>
  %low = "stablehlo.constant"() <{value = dense<0xFF800000> : tensor<f32>}> : () -> tensor<f32>
  %m = "stablehlo.reduce"(%scaled, %low) <{dimensions = array<i64: 3>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %larger = "stablehlo.maximum"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%larger) : (tensor<f32>) -> ()
  }) : (tensor<1x1x16x16xf32>, tensor<f32>) -> tensor<1x1x16xf32>
  %ms = "stablehlo.broadcast_in_dim"(%m) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<1x1x16xf32>) -> tensor<1x1x16x16xf32>
  %less = "stablehlo.subtract"(%scaled, %ms) : (tensor<1x1x16x16xf32>, tensor<1x1x16x16xf32>) -> tensor<1x1x16x16xf32>
  %e = "stablehlo.exponential"(%less) : (tensor<1x1x16x16xf32>) -> tensor<1x1x16x16xf32>
  %zero = "stablehlo.constant"() <{value = dense<0.0> : tensor<f32>}> : () -> tensor<f32>
  %l = "stablehlo.reduce"(%e, %zero) <{dimensions = array<i64: 3>}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %sum = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    "stablehlo.return"(%sum) : (tensor<f32>) -> ()
  }) : (tensor<1x1x16x16xf32>, tensor<f32>) -> tensor<1x1x16xf32>
  %ls = "stablehlo.broadcast_in_dim"(%l) <{broadcast_dimensions = array<i64: 0, 1, 2>}> : (tensor<1x1x16xf32>) -> tensor<1x1x16x16xf32>
  %p = "stablehlo.divide"(%e, %ls) : (tensor<1x1x16x16xf32>, tensor<1x1x16x16xf32>) -> tensor<1x1x16x16xf32>
  %o = "stablehlo.dot_general"(%p, %v) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 1], lhs_contracting_dimensions = [3], rhs_contracting_dimensions = [2]>}> : (tensor<1x1x16x16xf32>, tensor<1x1x16x8xf32>) -> tensor<1x1x16x8xf32>
  func.return %o : tensor<1x1x16x8xf32>
}

func.func @a_product(%q: tensor<1x1x16x8xf32>, %k: tensor<1x1x16x8xf32>) -> tensor<1x1x16x16xf32> {
  %s = "stablehlo.dot_general"(%q, %k) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 1], lhs_contracting_dimensions = [3], rhs_contracting_dimensions = [3]>}> : (tensor<1x1x16x8xf32>, tensor<1x1x16x8xf32>) -> tensor<1x1x16x16xf32>
  func.return %s : tensor<1x1x16x16xf32>
}

// CHECK:      func.func @spelled_out(%[[Q:.*]]: tensor<1x1x16x8xf32>, %[[K:.*]]: tensor<1x1x16x8xf32>, %[[V:.*]]: tensor<1x1x16x8xf32>)
// CHECK-NEXT:   %[[O:.*]] = fa.attention %[[Q]], %[[K]], %[[V]] {scale = 2.500000e-01 : f32}
// CHECK-NEXT:   func.return %[[O]]
// CHECK:      func.func @a_product
// CHECK-NEXT:   %[[S:.*]] = "stablehlo.dot_general"
// CHECK-NEXT:   func.return %[[S]]
