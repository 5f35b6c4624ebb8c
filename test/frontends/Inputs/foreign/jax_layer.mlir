"builtin.module"() <{sym_name = "jit_layer"}> ({
  "func.func"() <{arg_attrs = [{}, {}], function_type = (tensor<1x16x16xf32>, tensor<4x16x16xf32>) -> tensor<1x16x16xf32>, res_attrs = [{jax.result_info = "result"}], sym_name = "main", sym_visibility = "public"}> ({
  ^bb0(%arg4: tensor<1x16x16xf32>, %arg5: tensor<4x16x16xf32>):
    %14 = "stablehlo.slice"(%arg5) <{limit_indices = array<i64: 1, 16, 16>, start_indices = array<i64: 0, 0, 0>, strides = array<i64: 1, 1, 1>}> : (tensor<4x16x16xf32>) -> tensor<1x16x16xf32>
    %15 = "stablehlo.reshape"(%14) : (tensor<1x16x16xf32>) -> tensor<16x16xf32>
    %16 = "stablehlo.dot_general"(%arg4, %15) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]}> : (tensor<1x16x16xf32>, tensor<16x16xf32>) -> tensor<1x16x16xf32>
    %17 = "stablehlo.reshape"(%16) : (tensor<1x16x16xf32>) -> tensor<1x16x2x8xf32>
    %18 = "stablehlo.slice"(%arg5) <{limit_indices = array<i64: 2, 16, 16>, start_indices = array<i64: 1, 0, 0>, strides = array<i64: 1, 1, 1>}> : (tensor<4x16x16xf32>) -> tensor<1x16x16xf32>
    %19 = "stablehlo.reshape"(%18) : (tensor<1x16x16xf32>) -> tensor<16x16xf32>
    %20 = "stablehlo.dot_general"(%arg4, %19) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]}> : (tensor<1x16x16xf32>, tensor<16x16xf32>) -> tensor<1x16x16xf32>
    %21 = "stablehlo.reshape"(%20) : (tensor<1x16x16xf32>) -> tensor<1x16x2x8xf32>
    %22 = "stablehlo.slice"(%arg5) <{limit_indices = array<i64: 3, 16, 16>, start_indices = array<i64: 2, 0, 0>, strides = array<i64: 1, 1, 1>}> : (tensor<4x16x16xf32>) -> tensor<1x16x16xf32>
    %23 = "stablehlo.reshape"(%22) : (tensor<1x16x16xf32>) -> tensor<16x16xf32>
    %24 = "stablehlo.dot_general"(%arg4, %23) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]}> : (tensor<1x16x16xf32>, tensor<16x16xf32>) -> tensor<1x16x16xf32>
    %25 = "stablehlo.reshape"(%24) : (tensor<1x16x16xf32>) -> tensor<1x16x2x8xf32>
    %26 = "stablehlo.reshape"(%17) : (tensor<1x16x2x8xf32>) -> tensor<1x16x2x1x8xf32>
    %27 = "stablehlo.dot_general"(%26, %21) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 2], rhs_batching_dimensions = [0, 2], lhs_contracting_dimensions = [4], rhs_contracting_dimensions = [3]>, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]}> : (tensor<1x16x2x1x8xf32>, tensor<1x16x2x8xf32>) -> tensor<1x2x16x1x16xf32>
    %28 = "stablehlo.constant"() <{value = dense<0.353553385> : tensor<f32>}> : () -> tensor<f32>
    %29 = "stablehlo.broadcast_in_dim"(%28) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<1x2x16x1x16xf32>
    %30 = "stablehlo.multiply"(%27, %29) : (tensor<1x2x16x1x16xf32>, tensor<1x2x16x1x16xf32>) -> tensor<1x2x16x1x16xf32>
    %31 = "stablehlo.constant"() <{value = dense<true> : tensor<i1>}> : () -> tensor<i1>
    %32 = "stablehlo.broadcast_in_dim"(%31) <{broadcast_dimensions = array<i64>}> : (tensor<i1>) -> tensor<1x2x16x16xi1>
    %33 = "stablehlo.constant"() <{value = dense<true> : tensor<i1>}> : () -> tensor<i1>
    %34 = "stablehlo.broadcast_in_dim"(%33) <{broadcast_dimensions = array<i64>}> : (tensor<i1>) -> tensor<16x16xi1>
    %35 = "func.call"(%34) <{callee = @tril}> : (tensor<16x16xi1>) -> tensor<16x16xi1>
    %36 = "stablehlo.broadcast_in_dim"(%35) <{broadcast_dimensions = array<i64: 2, 3>}> : (tensor<16x16xi1>) -> tensor<1x1x16x16xi1>
    %37 = "stablehlo.broadcast_in_dim"(%36) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x1x16x16xi1>) -> tensor<1x2x16x16xi1>
    %38 = "stablehlo.and"(%32, %37) : (tensor<1x2x16x16xi1>, tensor<1x2x16x16xi1>) -> tensor<1x2x16x16xi1>
    %39 = "stablehlo.constant"() <{value = dense<-2.38197633E+38> : tensor<f32>}> : () -> tensor<f32>
    %40 = "func.call"(%38, %30, %39) <{callee = @_where}> : (tensor<1x2x16x16xi1>, tensor<1x2x16x1x16xf32>, tensor<f32>) -> tensor<1x1x2x16x16xf32>
    %41 = "stablehlo.constant"() <{value = dense<0xFF800000> : tensor<f32>}> : () -> tensor<f32>
    %42 = "stablehlo.reduce"(%40, %41) <{dimensions = array<i64: 4>}> ({
    ^bb0(%arg8: tensor<f32>, %arg9: tensor<f32>):
      %64 = "stablehlo.maximum"(%arg8, %arg9) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%64) : (tensor<f32>) -> ()
    }) : (tensor<1x1x2x16x16xf32>, tensor<f32>) -> tensor<1x1x2x16xf32>
    %43 = "stablehlo.constant"() <{value = dense<0xFF800000> : tensor<f32>}> : () -> tensor<f32>
    %44 = "stablehlo.broadcast_in_dim"(%43) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<1x1x2x16xf32>
    %45 = "stablehlo.maximum"(%44, %42) : (tensor<1x1x2x16xf32>, tensor<1x1x2x16xf32>) -> tensor<1x1x2x16xf32>
    %46 = "stablehlo.broadcast_in_dim"(%45) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x1x2x16xf32>) -> tensor<1x1x2x16x1xf32>
    %47 = "stablehlo.broadcast_in_dim"(%46) <{broadcast_dimensions = array<i64: 0, 1, 2, 3, 4>}> : (tensor<1x1x2x16x1xf32>) -> tensor<1x1x2x16x16xf32>
    %48 = "stablehlo.subtract"(%40, %47) : (tensor<1x1x2x16x16xf32>, tensor<1x1x2x16x16xf32>) -> tensor<1x1x2x16x16xf32>
    %49 = "stablehlo.exponential"(%48) : (tensor<1x1x2x16x16xf32>) -> tensor<1x1x2x16x16xf32>
    %50 = "stablehlo.constant"() <{value = dense<0.000000e+00> : tensor<f32>}> : () -> tensor<f32>
    %51 = "stablehlo.reduce"(%49, %50) <{dimensions = array<i64: 4>}> ({
    ^bb0(%arg6: tensor<f32>, %arg7: tensor<f32>):
      %63 = "stablehlo.add"(%arg6, %arg7) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%63) : (tensor<f32>) -> ()
    }) : (tensor<1x1x2x16x16xf32>, tensor<f32>) -> tensor<1x1x2x16xf32>
    %52 = "stablehlo.broadcast_in_dim"(%51) <{broadcast_dimensions = array<i64: 0, 1, 2, 3>}> : (tensor<1x1x2x16xf32>) -> tensor<1x1x2x16x1xf32>
    %53 = "stablehlo.broadcast_in_dim"(%52) <{broadcast_dimensions = array<i64: 0, 1, 2, 3, 4>}> : (tensor<1x1x2x16x1xf32>) -> tensor<1x1x2x16x16xf32>
    %54 = "stablehlo.divide"(%49, %53) : (tensor<1x1x2x16x16xf32>, tensor<1x1x2x16x16xf32>) -> tensor<1x1x2x16x16xf32>
    %55 = "stablehlo.dot_general"(%25, %54) <{dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0, 2], rhs_batching_dimensions = [1, 2], lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [4]>, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]}> : (tensor<1x16x2x8xf32>, tensor<1x1x2x16x16xf32>) -> tensor<1x2x8x1x16xf32>
    %56 = "stablehlo.transpose"(%55) <{permutation = array<i64: 3, 0, 4, 1, 2>}> : (tensor<1x2x8x1x16xf32>) -> tensor<1x1x16x2x8xf32>
    %57 = "stablehlo.transpose"(%56) <{permutation = array<i64: 1, 2, 3, 0, 4>}> : (tensor<1x1x16x2x8xf32>) -> tensor<1x16x2x1x8xf32>
    %58 = "stablehlo.reshape"(%57) : (tensor<1x16x2x1x8xf32>) -> tensor<1x16x2x8xf32>
    %59 = "stablehlo.reshape"(%58) : (tensor<1x16x2x8xf32>) -> tensor<1x16x16xf32>
    %60 = "stablehlo.slice"(%arg5) <{limit_indices = array<i64: 4, 16, 16>, start_indices = array<i64: 3, 0, 0>, strides = array<i64: 1, 1, 1>}> : (tensor<4x16x16xf32>) -> tensor<1x16x16xf32>
    %61 = "stablehlo.reshape"(%60) : (tensor<1x16x16xf32>) -> tensor<16x16xf32>
    %62 = "stablehlo.dot_general"(%59, %61) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [0]>, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]}> : (tensor<1x16x16xf32>, tensor<16x16xf32>) -> tensor<1x16x16xf32>
    "func.return"(%62) : (tensor<1x16x16xf32>) -> ()
  }) : () -> ()
  "func.func"() <{arg_attrs = [{}], function_type = (tensor<16x16xi1>) -> tensor<16x16xi1>, res_attrs = [{}], sym_name = "tril", sym_visibility = "private"}> ({
  ^bb0(%arg3: tensor<16x16xi1>):
    %5 = "stablehlo.iota"() <{iota_dimension = 0 : i64}> : () -> tensor<16x16xi32>
    %6 = "stablehlo.constant"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
    %7 = "stablehlo.broadcast_in_dim"(%6) <{broadcast_dimensions = array<i64>}> : (tensor<i32>) -> tensor<16x16xi32>
    %8 = "stablehlo.add"(%5, %7) : (tensor<16x16xi32>, tensor<16x16xi32>) -> tensor<16x16xi32>
    %9 = "stablehlo.iota"() <{iota_dimension = 1 : i64}> : () -> tensor<16x16xi32>
    %10 = "stablehlo.compare"(%8, %9) <{compare_type = #stablehlo<comparison_type SIGNED>, comparison_direction = #stablehlo<comparison_direction GE>}> : (tensor<16x16xi32>, tensor<16x16xi32>) -> tensor<16x16xi1>
    %11 = "stablehlo.constant"() <{value = dense<false> : tensor<i1>}> : () -> tensor<i1>
    %12 = "stablehlo.broadcast_in_dim"(%11) <{broadcast_dimensions = array<i64>}> : (tensor<i1>) -> tensor<16x16xi1>
    %13 = "stablehlo.select"(%10, %arg3, %12) : (tensor<16x16xi1>, tensor<16x16xi1>, tensor<16x16xi1>) -> tensor<16x16xi1>
    "func.return"(%13) : (tensor<16x16xi1>) -> ()
  }) : () -> ()
  "func.func"() <{arg_attrs = [{}, {}, {}], function_type = (tensor<1x2x16x16xi1>, tensor<1x2x16x1x16xf32>, tensor<f32>) -> tensor<1x1x2x16x16xf32>, res_attrs = [{}], sym_name = "_where", sym_visibility = "private"}> ({
  ^bb0(%arg0: tensor<1x2x16x16xi1>, %arg1: tensor<1x2x16x1x16xf32>, %arg2: tensor<f32>):
    %0 = "stablehlo.broadcast_in_dim"(%arg2) <{broadcast_dimensions = array<i64>}> : (tensor<f32>) -> tensor<1x2x16x16xf32>
    %1 = "stablehlo.broadcast_in_dim"(%arg0) <{broadcast_dimensions = array<i64: 1, 2, 3, 4>}> : (tensor<1x2x16x16xi1>) -> tensor<1x1x2x16x16xi1>
    %2 = "stablehlo.broadcast_in_dim"(%0) <{broadcast_dimensions = array<i64: 1, 2, 3, 4>}> : (tensor<1x2x16x16xf32>) -> tensor<1x1x2x16x16xf32>
    %3 = "stablehlo.transpose"(%arg1) <{permutation = array<i64: 3, 0, 1, 2, 4>}> : (tensor<1x2x16x1x16xf32>) -> tensor<1x1x2x16x16xf32>
    %4 = "stablehlo.select"(%1, %3, %2) : (tensor<1x1x2x16x16xi1>, tensor<1x1x2x16x16xf32>, tensor<1x1x2x16x16xf32>) -> tensor<1x1x2x16x16xf32>
    "func.return"(%4) : (tensor<1x1x2x16x16xf32>) -> ()
  }) : () -> ()
}) {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} : () -> ()
