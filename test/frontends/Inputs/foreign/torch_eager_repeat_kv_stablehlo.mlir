"builtin.module"() ({
  "func.func"() <{function_type = (tensor<1x4x16x8xf32>, tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>) -> tensor<1x4x16x8xf32>, sym_name = "main"}> ({
  ^bb0(%arg0: tensor<1x4x16x8xf32>, %arg1: tensor<1x2x16x8xf32>, %arg2: tensor<1x2x16x8xf32>):
    %0 = "stablehlo.constant"() <{value = dense<0> : tensor<16x16xi64>}> : () -> tensor<16x16xi64>
    %1 = "stablehlo.constant"() <{value = dense<0xFF800000> : tensor<f32>}> : () -> tensor<f32>
    %2 = "stablehlo.constant"() <{value = dense<1.000000e+00> : tensor<16x16xf32>}> : () -> tensor<16x16xf32>
    %3 = "stablehlo.constant"() <{value = dense<0.000000e+00> : tensor<16x16xf32>}> : () -> tensor<16x16xf32>
    %4 = "stablehlo.constant"() <{value = dense<0.000000e+00> : tensor<f32>}> : () -> tensor<f32>
    %5 = "arith.constant"() <{value = dense<0.35355339059327379> : tensor<1xf64>}> : () -> tensor<1xf64>
    %6 = "arith.constant"() <{value = dense<0.000000e+00> : tensor<1xf64>}> : () -> tensor<1xf64>
    %7 = "stablehlo.reshape"(%arg1) : (tensor<1x2x16x8xf32>) -> tensor<1x2x1x16x8xf32>
    %8 = "stablehlo.broadcast_in_dim"(%7) <{broadcast_dimensions = array<i64: 0, 1, 2, 3, 4>}> : (tensor<1x2x1x16x8xf32>) -> tensor<1x2x2x16x8xf32>
    %9 = "stablehlo.reshape"(%8) : (tensor<1x2x2x16x8xf32>) -> tensor<1x4x16x8xf32>
    %10 = "stablehlo.reshape"(%arg2) : (tensor<1x2x16x8xf32>) -> tensor<1x2x1x16x8xf32>
    %11 = "stablehlo.broadcast_in_dim"(%10) <{broadcast_dimensions = array<i64: 0, 1, 2, 3, 4>}> : (tensor<1x2x1x16x8xf32>) -> tensor<1x2x2x16x8xf32>
    %12 = "stablehlo.reshape"(%11) : (tensor<1x2x2x16x8xf32>) -> tensor<1x4x16x8xf32>
    %13 = "stablehlo.transpose"(%9) <{permutation = array<i64: 0, 1, 3, 2>}> : (tensor<1x4x16x8xf32>) -> tensor<1x4x8x16xf32>
    %14 = "stablehlo.broadcast_in_dim"(%13) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x4x8x16xf32>) -> tensor<1x4x8x16xf32>
    %15 = "stablehlo.dot_general"(%arg0, %14) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 1], lhs_contracting_dimensions = [3], rhs_contracting_dimensions = [2]>}> : (tensor<1x4x16x8xf32>, tensor<1x4x8x16xf32>) -> tensor<1x4x16x16xf32>
    %16 = "stablehlo.convert"(%5) : (tensor<1xf64>) -> tensor<1xf32>
    %17 = "stablehlo.reshape"(%16) : (tensor<1xf32>) -> tensor<f32>
    %18 = "stablehlo.broadcast_in_dim"(%17) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<1x4x16x16xf32>
    %19 = "stablehlo.multiply"(%15, %18) : (tensor<1x4x16x16xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %20 = "stablehlo.iota"() <{iota_dimension = 1 : i64}> : () -> tensor<16x16xi64>
    %21 = "stablehlo.iota"() <{iota_dimension = 0 : i64}> : () -> tensor<16x16xi64>
    %22 = "stablehlo.add"(%21, %0) : (tensor<16x16xi64>, tensor<16x16xi64>) -> tensor<16x16xi64>
    %23 = "stablehlo.compare"(%20, %22) <{compare_type = #stablehlo<comparison_type SIGNED>, comparison_direction = #stablehlo<comparison_direction LE>}> : (tensor<16x16xi64>, tensor<16x16xi64>) -> tensor<16x16xi1>
    %24 = "stablehlo.broadcast_in_dim"(%23) <{broadcast_dimensions = array<i64: 0, 1>}> : (tensor<16x16xi1>) -> tensor<16x16xi1>
    %25 = "stablehlo.select"(%24, %2, %3) : (tensor<16x16xi1>, tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    %26 = "stablehlo.convert"(%6) : (tensor<1xf64>) -> tensor<1xf64>
    %27 = "stablehlo.reshape"(%26) : (tensor<1xf64>) -> tensor<f64>
    %28 = "stablehlo.convert"(%27) : (tensor<f64>) -> tensor<f32>
    %29 = "stablehlo.broadcast_in_dim"(%28) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<16x16xf32>
    %30 = "stablehlo.compare"(%25, %29) <{compare_type = #stablehlo<comparison_type FLOAT>, comparison_direction = #stablehlo<comparison_direction EQ>}> : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xi1>
    %31 = "stablehlo.reshape"(%30) : (tensor<16x16xi1>) -> tensor<1x1x16x16xi1>
    %32 = "stablehlo.broadcast_in_dim"(%31) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x1x16x16xi1>) -> tensor<1x4x16x16xi1>
    %33 = "stablehlo.broadcast_in_dim"(%1) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<1x4x16x16xf32>
    %34 = "stablehlo.broadcast_in_dim"(%19) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %35 = "stablehlo.select"(%32, %33, %34) : (tensor<1x4x16x16xi1>, tensor<1x4x16x16xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %36 = "stablehlo.reduce"(%35, %1) <{dimensions = array<i64: 3>}> ({
    ^bb0(%arg5: tensor<f32>, %arg6: tensor<f32>):
      %48 = "stablehlo.maximum"(%arg5, %arg6) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%48) : (tensor<f32>) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<f32>) -> tensor<1x4x16xf32>
    %37 = "stablehlo.reshape"(%36) : (tensor<1x4x16xf32>) -> tensor<1x4x16x1xf32>
    %38 = "stablehlo.broadcast_in_dim"(%37) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x4x16x1xf32>) -> tensor<1x4x16x16xf32>
    %39 = "stablehlo.subtract"(%35, %38) : (tensor<1x4x16x16xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %40 = "stablehlo.exponential"(%39) : (tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %41 = "stablehlo.reduce"(%40, %4) <{dimensions = array<i64: 3>}> ({
    ^bb0(%arg3: tensor<f32>, %arg4: tensor<f32>):
      %47 = "stablehlo.add"(%arg3, %arg4) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%47) : (tensor<f32>) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<f32>) -> tensor<1x4x16xf32>
    %42 = "stablehlo.reshape"(%41) : (tensor<1x4x16xf32>) -> tensor<1x4x16x1xf32>
    %43 = "stablehlo.broadcast_in_dim"(%42) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x4x16x1xf32>) -> tensor<1x4x16x16xf32>
    %44 = "stablehlo.divide"(%40, %43) : (tensor<1x4x16x16xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %45 = "stablehlo.broadcast_in_dim"(%12) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x4x16x8xf32>) -> tensor<1x4x16x8xf32>
    %46 = "stablehlo.dot_general"(%44, %45) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 1], rhs_batching_dimensions = [0, 1], lhs_contracting_dimensions = [3], rhs_contracting_dimensions = [2]>}> : (tensor<1x4x16x16xf32>, tensor<1x4x16x8xf32>) -> tensor<1x4x16x8xf32>
    "func.return"(%46) : (tensor<1x4x16x8xf32>) -> ()
  }) : () -> ()
}) : () -> ()
