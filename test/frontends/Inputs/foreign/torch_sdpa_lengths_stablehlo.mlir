"builtin.module"() ({
  "func.func"() <{function_type = (tensor<2x2x5x8xf32>, tensor<2x2x16x8xf32>, tensor<2x2x16x8xf32>) -> tensor<2x2x5x8xf32>, sym_name = "main"}> ({
  ^bb0(%arg0: tensor<2x2x5x8xf32>, %arg1: tensor<2x2x16x8xf32>, %arg2: tensor<2x2x16x8xf32>):
    %0 = "stablehlo.constant"() <{value = dense<0xFF800000> : tensor<f32>}> : () -> tensor<f32>
    %1 = "stablehlo.constant"() <{value = dense<0.000000e+00> : tensor<f32>}> : () -> tensor<f32>
    %2 = "arith.constant"() <{value = dense<0.35355339059327373> : tensor<1xf64>}> : () -> tensor<1xf64>
    %3 = "stablehlo.transpose"(%arg1) <{permutation = array<i64: 0, 1, 3, 2>}> : (tensor<2x2x16x8xf32>) -> tensor<2x2x8x16xf32>
    %4 = "stablehlo.reshape"(%3) : (tensor<2x2x8x16xf32>) -> tensor<2x2x8x16xf32>
    %5 = "stablehlo.broadcast_in_dim"(%4) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<2x2x8x16xf32>) -> tensor<2x2x8x16xf32>
    %6 = "stablehlo.dot_general"(%arg0, %5) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 1], lhs_contracting_dimensions = [3], rhs_contracting_dimensions = [2]>}> : (tensor<2x2x5x8xf32>, tensor<2x2x8x16xf32>) -> tensor<2x2x5x16xf32>
    %7 = "stablehlo.reshape"(%6) : (tensor<2x2x5x16xf32>) -> tensor<2x2x5x16xf32>
    %8 = "stablehlo.convert"(%2) : (tensor<1xf64>) -> tensor<1xf32>
    %9 = "stablehlo.reshape"(%8) : (tensor<1xf32>) -> tensor<f32>
    %10 = "stablehlo.broadcast_in_dim"(%9) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<2x2x5x16xf32>
    %11 = "stablehlo.multiply"(%7, %10) : (tensor<2x2x5x16xf32>, tensor<2x2x5x16xf32>) -> tensor<2x2x5x16xf32>
    %12 = "stablehlo.reduce"(%11, %0) <{dimensions = array<i64: 3>}> ({
    ^bb0(%arg5: tensor<f32>, %arg6: tensor<f32>):
      %24 = "stablehlo.maximum"(%arg5, %arg6) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%24) : (tensor<f32>) -> ()
    }) : (tensor<2x2x5x16xf32>, tensor<f32>) -> tensor<2x2x5xf32>
    %13 = "stablehlo.reshape"(%12) : (tensor<2x2x5xf32>) -> tensor<2x2x5x1xf32>
    %14 = "stablehlo.broadcast_in_dim"(%13) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<2x2x5x1xf32>) -> tensor<2x2x5x16xf32>
    %15 = "stablehlo.subtract"(%11, %14) : (tensor<2x2x5x16xf32>, tensor<2x2x5x16xf32>) -> tensor<2x2x5x16xf32>
    %16 = "stablehlo.exponential"(%15) : (tensor<2x2x5x16xf32>) -> tensor<2x2x5x16xf32>
    %17 = "stablehlo.reduce"(%16, %1) <{dimensions = array<i64: 3>}> ({
    ^bb0(%arg3: tensor<f32>, %arg4: tensor<f32>):
      %23 = "stablehlo.add"(%arg3, %arg4) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%23) : (tensor<f32>) -> ()
    }) : (tensor<2x2x5x16xf32>, tensor<f32>) -> tensor<2x2x5xf32>
    %18 = "stablehlo.reshape"(%17) : (tensor<2x2x5xf32>) -> tensor<2x2x5x1xf32>
    %19 = "stablehlo.broadcast_in_dim"(%18) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<2x2x5x1xf32>) -> tensor<2x2x5x16xf32>
    %20 = "stablehlo.divide"(%16, %19) : (tensor<2x2x5x16xf32>, tensor<2x2x5x16xf32>) -> tensor<2x2x5x16xf32>
    %21 = "stablehlo.broadcast_in_dim"(%arg2) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<2x2x16x8xf32>) -> tensor<2x2x16x8xf32>
    %22 = "stablehlo.dot_general"(%20, %21) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 1], lhs_contracting_dimensions = [3], rhs_contracting_dimensions = [2]>}> : (tensor<2x2x5x16xf32>, tensor<2x2x16x8xf32>) -> tensor<2x2x5x8xf32>
    "func.return"(%22) : (tensor<2x2x5x8xf32>) -> ()
  }) : () -> ()
}) : () -> ()
