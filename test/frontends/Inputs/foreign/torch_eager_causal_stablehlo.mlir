"builtin.module"() ({
  "func.func"() <{function_type = (tensor<1x4x16x8xf32>, tensor<1x4x16x8xf32>, tensor<1x4x16x8xf32>) -> tensor<1x4x16x8xf32>, sym_name = "main"}> ({
  ^bb0(%arg0: tensor<1x4x16x8xf32>, %arg1: tensor<1x4x16x8xf32>, %arg2: tensor<1x4x16x8xf32>):
    %0 = "stablehlo.constant"() <{value = dense<0> : tensor<16x16xi64>}> : () -> tensor<16x16xi64>
    %1 = "stablehlo.constant"() <{value = dense<0xFF800000> : tensor<f32>}> : () -> tensor<f32>
    %2 = "stablehlo.constant"() <{value = dense<1.000000e+00> : tensor<16x16xf32>}> : () -> tensor<16x16xf32>
    %3 = "stablehlo.constant"() <{value = dense<0.000000e+00> : tensor<16x16xf32>}> : () -> tensor<16x16xf32>
    %4 = "stablehlo.constant"() <{value = dense<0.000000e+00> : tensor<f32>}> : () -> tensor<f32>
    %5 = "arith.constant"() <{value = dense<0.35355339059327379> : tensor<1xf64>}> : () -> tensor<1xf64>
    %6 = "arith.constant"() <{value = dense<0.000000e+00> : tensor<1xf64>}> : () -> tensor<1xf64>
    %7 = "stablehlo.transpose"(%arg1) <{permutation = array<i64: 0, 1, 3, 2>}> : (tensor<1x4x16x8xf32>) -> tensor<1x4x8x16xf32>
    %8 = "stablehlo.broadcast_in_dim"(%7) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x4x8x16xf32>) -> tensor<1x4x8x16xf32>
    %9 = "stablehlo.dot_general"(%arg0, %8) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 1], lhs_contracting_dimensions = [3], rhs_contracting_dimensions = [2]>}> : (tensor<1x4x16x8xf32>, tensor<1x4x8x16xf32>) -> tensor<1x4x16x16xf32>
    %10 = "stablehlo.convert"(%5) : (tensor<1xf64>) -> tensor<1xf32>
    %11 = "stablehlo.reshape"(%10) : (tensor<1xf32>) -> tensor<f32>
    %12 = "stablehlo.broadcast_in_dim"(%11) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<1x4x16x16xf32>
    %13 = "stablehlo.multiply"(%9, %12) : (tensor<1x4x16x16xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %14 = "stablehlo.iota"() <{iota_dimension = 1 : i64}> : () -> tensor<16x16xi64>
    %15 = "stablehlo.iota"() <{iota_dimension = 0 : i64}> : () -> tensor<16x16xi64>
    %16 = "stablehlo.add"(%15, %0) : (tensor<16x16xi64>, tensor<16x16xi64>) -> tensor<16x16xi64>
    %17 = "stablehlo.compare"(%14, %16) <{compare_type = #stablehlo<comparison_type SIGNED>, comparison_direction = #stablehlo<comparison_direction LE>}> : (tensor<16x16xi64>, tensor<16x16xi64>) -> tensor<16x16xi1>
    %18 = "stablehlo.broadcast_in_dim"(%17) <{broadcast_dimensions = array<i64: 0, 1>}> : (tensor<16x16xi1>) -> tensor<16x16xi1>
    %19 = "stablehlo.select"(%18, %2, %3) : (tensor<16x16xi1>, tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    %20 = "stablehlo.convert"(%6) : (tensor<1xf64>) -> tensor<1xf64>
    %21 = "stablehlo.reshape"(%20) : (tensor<1xf64>) -> tensor<f64>
    %22 = "stablehlo.convert"(%21) : (tensor<f64>) -> tensor<f32>
    %23 = "stablehlo.broadcast_in_dim"(%22) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<16x16xf32>
    %24 = "stablehlo.compare"(%19, %23) <{compare_type = #stablehlo<comparison_type FLOAT>, comparison_direction = #stablehlo<comparison_direction EQ>}> : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xi1>
    %25 = "stablehlo.reshape"(%24) : (tensor<16x16xi1>) -> tensor<1x1x16x16xi1>
    %26 = "stablehlo.broadcast_in_dim"(%25) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x1x16x16xi1>) -> tensor<1x4x16x16xi1>
    %27 = "stablehlo.broadcast_in_dim"(%1) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<1x4x16x16xf32>
    %28 = "stablehlo.broadcast_in_dim"(%13) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %29 = "stablehlo.select"(%26, %27, %28) : (tensor<1x4x16x16xi1>, tensor<1x4x16x16xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %30 = "stablehlo.reduce"(%29, %1) <{dimensions = array<i64: 3>}> ({
    ^bb0(%arg5: tensor<f32>, %arg6: tensor<f32>):
      %42 = "stablehlo.maximum"(%arg5, %arg6) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%42) : (tensor<f32>) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<f32>) -> tensor<1x4x16xf32>
    %31 = "stablehlo.reshape"(%30) : (tensor<1x4x16xf32>) -> tensor<1x4x16x1xf32>
    %32 = "stablehlo.broadcast_in_dim"(%31) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x4x16x1xf32>) -> tensor<1x4x16x16xf32>
    %33 = "stablehlo.subtract"(%29, %32) : (tensor<1x4x16x16xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %34 = "stablehlo.exponential"(%33) : (tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %35 = "stablehlo.reduce"(%34, %4) <{dimensions = array<i64: 3>}> ({
    ^bb0(%arg3: tensor<f32>, %arg4: tensor<f32>):
      %41 = "stablehlo.add"(%arg3, %arg4) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%41) : (tensor<f32>) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<f32>) -> tensor<1x4x16xf32>
    %36 = "stablehlo.reshape"(%35) : (tensor<1x4x16xf32>) -> tensor<1x4x16x1xf32>
    %37 = "stablehlo.broadcast_in_dim"(%36) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x4x16x1xf32>) -> tensor<1x4x16x16xf32>
    %38 = "stablehlo.divide"(%34, %37) : (tensor<1x4x16x16xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %39 = "stablehlo.broadcast_in_dim"(%arg2) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x4x16x8xf32>) -> tensor<1x4x16x8xf32>
    %40 = "stablehlo.dot_general"(%38, %39) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 1], lhs_contracting_dimensions = [3], rhs_contracting_dimensions = [2]>}> : (tensor<1x4x16x16xf32>, tensor<1x4x16x8xf32>) -> tensor<1x4x16x8xf32>
    "func.return"(%40) : (tensor<1x4x16x8xf32>) -> ()
  }) : () -> ()
}) : () -> ()
