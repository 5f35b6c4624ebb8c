"builtin.module"() <{sym_name = "jit_dot_product_attention"}> ({
  "func.func"() <{arg_attrs = [{}, {}, {}], function_type = (tensor<16x2x8xf32>, tensor<16x2x8xf32>, tensor<16x2x8xf32>) -> tensor<16x2x8xf32>, res_attrs = [{jax.result_info = "result"}], sym_name = "main", sym_visibility = "public"}> ({
  ^bb0(%arg0: tensor<16x2x8xf32>, %arg1: tensor<16x2x8xf32>, %arg2: tensor<16x2x8xf32>):
    %0 = "stablehlo.broadcast_in_dim"(%arg0) <{broadcast_dimensions = array<i64: 1, 2, 3>}> : (tensor<16x2x8xf32>) -> tensor<1x16x2x8xf32>
    %1 = "stablehlo.broadcast_in_dim"(%arg1) <{broadcast_dimensions = array<i64: 1, 2, 3>}> : (tensor<16x2x8xf32>) -> tensor<1x16x2x8xf32>
    %2 = "stablehlo.broadcast_in_dim"(%arg2) <{broadcast_dimensions = array<i64: 1, 2, 3>}> : (tensor<16x2x8xf32>) -> tensor<1x16x2x8xf32>
    %3 = "stablehlo.reshape"(%0) : (tensor<1x16x2x8xf32>) -> tensor<1x16x2x1x8xf32>
    %4 = "stablehlo.dot_general"(%3, %1) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 2], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [4], rhs_contracting_dimensions = [3]>, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]}> : (tensor<1x16x2x1x8xf32>, tensor<1x16x2x8xf32>) -> tensor<1x2x16x1x16xf32>
    %5 = "stablehlo.constant"() <{value = dense<0.353553385> : tensor<f32>}> : () -> tensor<f32>
    %6 = "stablehlo.broadcast_in_dim"(%5) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<1x2x16x1x16xf32>
    %7 = "stablehlo.multiply"(%4, %6) : (tensor<1x2x16x1x16xf32>, tensor<1x2x16x1x16xf32>) -> tensor<1x2x16x1x16xf32>
    %8 = "stablehlo.constant"() <{value = dense<0xFF800000> : tensor<f32>}> : () -> tensor<f32>
    %9 = "stablehlo.reduce"(%7, %8) <{dimensions = array<i64: 4>}> ({
    ^bb0(%arg5: tensor<f32>, %arg6: tensor<f32>):
      %30 = "stablehlo.maximum"(%arg5, %arg6) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%30) : (tensor<f32>) -> ()
    }) : (tensor<1x2x16x1x16xf32>, tensor<f32>) -> tensor<1x2x16x1xf32>
    %10 = "stablehlo.constant"() <{value = dense<0xFF800000> : tensor<f32>}> : () -> tensor<f32>
    %11 = "stablehlo.broadcast_in_dim"(%10) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<1x2x16x1xf32>
    %12 = "stablehlo.maximum"(%11, %9) : (tensor<1x2x16x1xf32>, tensor<1x2x16x1xf32>) -> tensor<1x2x16x1xf32>
    %13 = "stablehlo.transpose"(%12) <{permutation = array<i64: 3, 0, 1, 2>}> : (tensor<1x2x16x1xf32>) -> tensor<1x1x2x16xf32>
    %14 = "stablehlo.broadcast_in_dim"(%13) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x1x2x16xf32>) -> tensor<1x1x2x16x1xf32>
    %15 = "stablehlo.transpose"(%7) <{permutation = array<i64: 3, 0, 1, 2, 4>}> : (tensor<1x2x16x1x16xf32>) -> tensor<1x1x2x16x16xf32>
    %16 = "stablehlo.broadcast_in_dim"(%14) <{broadcast_dimensions = array<i64: 0, 1, 2, 3, 4>}> : (tensor<1x1x2x16x1xf32>) -> tensor<1x1x2x16x16xf32>
    %17 = "stablehlo.subtract"(%15, %16) : (tensor<1x1x2x16x16xf32>, tensor<1x1x2x16x16xf32>) -> tensor<1x1x2x16x16xf32>
    %18 = "stablehlo.exponential"(%17) : (tensor<1x1x2x16x16xf32>) -> tensor<1x1x2x16x16xf32>
    %19 = "stablehlo.constant"() <{value = dense<0.000000e+00> : tensor<f32>}> : () -> tensor<f32>
    %20 = "stablehlo.reduce"(%18, %19) <{dimensions = array<i64: 4>}> ({
    ^bb0(%arg3: tensor<f32>, %arg4: tensor<f32>):
      %29 = "stablehlo.add"(%arg3, %arg4) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%29) : (tensor<f32>) -> ()
    }) : (tensor<1x1x2x16x16xf32>, tensor<f32>) -> tensor<1x1x2x16xf32>
    %21 = "stablehlo.broadcast_in_dim"(%20) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x1x2x16xf32>) -> tensor<1x1x2x16x1xf32>
    %22 = "stablehlo.broadcast_in_dim"(%21) <{broadcast_dimensions = array<i64: 0, 1, 2, 3, 4>}> : (tensor<1x1x2x16x1xf32>) -> tensor<1x1x2x16x16xf32>
    %23 = "stablehlo.divide"(%18, %22) : (tensor<1x1x2x16x16xf32>, tensor<1x1x2x16x16xf32>) -> tensor<1x1x2x16x16xf32>
    %24 = "stablehlo.dot_general"(%2, %23) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 2], rhs_batching_dimensions = [1, 2], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [4]>, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]}> : (tensor<1x16x2x8xf32>, tensor<1x1x2x16x16xf32>) -> tensor<1x2x8x1x16xf32>
    %25 = "stablehlo.transpose"(%24) <{permutation = array<i64: 3, 0, 4, 1, 2>}> : (tensor<1x2x8x1x16xf32>) -> tensor<1x1x16x2x8xf32>
    %26 = "stablehlo.transpose"(%25) <{permutation = array<i64: 1, 2, 3, 0, 4>}> : (tensor<1x1x16x2x8xf32>) -> tensor<1x16x2x1x8xf32>
    %27 = "stablehlo.reshape"(%26) : (tensor<1x16x2x1x8xf32>) -> tensor<1x16x2x8xf32>
    %28 = "stablehlo.reshape"(%27) : (tensor<1x16x2x8xf32>) -> tensor<16x2x8xf32>
    "func.return"(%28) : (tensor<16x2x8xf32>) -> ()
  }) : () -> ()
}) {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} : () -> ()
