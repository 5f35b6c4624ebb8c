#map = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
#map1 = affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>
#map2 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
#map3 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map4 = affine_map<(d0, d1) -> (d0, d1)>
#map5 = affine_map<(d0, d1, d2, d3) -> (d2, d3)>
#map6 = affine_map<(d0, d1, d2, d3) -> ()>
#map7 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, 0)>
"builtin.module"() ({
  "func.func"() <{function_type = (tensor<1x4x16x8xf32>, tensor<1x4x16x8xf32>, tensor<1x4x16x8xf32>) -> tensor<1x4x16x8xf32>, sym_name = "main"}> ({
  ^bb0(%arg0: tensor<1x4x16x8xf32>, %arg1: tensor<1x4x16x8xf32>, %arg2: tensor<1x4x16x8xf32>):
    %0 = "arith.constant"() <{value = 0 : i64}> : () -> i64
    %1 = "arith.constant"() <{value = 0.000000e+00 : f32}> : () -> f32
    %2 = "arith.constant"() <{value = 0xFF800000 : f32}> : () -> f32
    %3 = "arith.constant"() <{value = dense<0xFF800000> : tensor<f32>}> : () -> tensor<f32>
    %4 = "arith.constant"() <{value = dense<1.000000e+00> : tensor<16x16xf32>}> : () -> tensor<16x16xf32>
    %5 = "arith.constant"() <{value = 0.35355339059327379 : f64}> : () -> f64
    %6 = "arith.constant"() <{value = 0.000000e+00 : f64}> : () -> f64
    %7 = "tensor.empty"() : () -> tensor<1x4x8x16xf32>
    %8 = "linalg.transpose"(%arg1, %7) <{permutation = array<i64: 0, 1, 3, 2>}> ({
    ^bb0(%arg42: f32, %arg43: f32):
      "linalg.yield"(%arg42) : (f32) -> ()
    }) : (tensor<1x4x16x8xf32>, tensor<1x4x8x16xf32>) -> tensor<1x4x8x16xf32>
    %9 = "tensor.collapse_shape"(%arg0) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x4x16x8xf32>) -> tensor<4x16x8xf32>
    %10 = "tensor.collapse_shape"(%8) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x4x8x16xf32>) -> tensor<4x8x16xf32>
    %11 = "tensor.empty"() : () -> tensor<4x16x16xf32>
    %12 = "linalg.fill"(%1, %11) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg40: f32, %arg41: f32):
      "linalg.yield"(%arg40) : (f32) -> ()
    }) : (f32, tensor<4x16x16xf32>) -> tensor<4x16x16xf32>
    %13 = "linalg.batch_matmul"(%9, %10, %12) <{indexing_maps = [#map, #map1, #map2], operandSegmentSizes = array<i32: 2, 1>}> ({
    ^bb0(%arg37: f32, %arg38: f32, %arg39: f32):
      %62 = "arith.mulf"(%arg37, %arg38) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      %63 = "arith.addf"(%arg39, %62) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      "linalg.yield"(%63) : (f32) -> ()
    }) : (tensor<4x16x8xf32>, tensor<4x8x16xf32>, tensor<4x16x16xf32>) -> tensor<4x16x16xf32>
    %14 = "tensor.expand_shape"(%13) <{reassociation = [[0, 1], [2], [3]], static_output_shape = array<i64: 1, 4, 16, 16>}> : (tensor<4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %15 = "tensor.empty"() : () -> tensor<1x4x16x16xf32>
    %16 = "linalg.generic"(%14, %15) <{indexing_maps = [#map3, #map3], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg35: f32, %arg36: f32):
      %60 = "arith.truncf"(%5) : (f64) -> f32
      %61 = "arith.mulf"(%arg35, %60) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      "linalg.yield"(%61) : (f32) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %17 = "tensor.empty"() : () -> tensor<16x16xf32>
    %18 = "linalg.generic"(%4, %17) <{indexing_maps = [#map4, #map4], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg33: f32, %arg34: f32):
      %54 = "linalg.index"() <{dim = 0 : i64}> : () -> index
      %55 = "arith.index_cast"(%54) : (index) -> i64
      %56 = "linalg.index"() <{dim = 1 : i64}> : () -> index
      %57 = "arith.index_cast"(%56) : (index) -> i64
      %58 = "arith.cmpi"(%57, %55) <{predicate = 3 : i64}> : (i64, i64) -> i1
      %59 = "arith.select"(%58, %arg33, %1) : (i1, f32, f32) -> f32
      "linalg.yield"(%59) : (f32) -> ()
    }) : (tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    %19 = "tensor.empty"() : () -> tensor<16x16xi1>
    %20 = "linalg.generic"(%18, %19) <{indexing_maps = [#map4, #map4], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg31: f32, %arg32: i1):
      %52 = "arith.extf"(%arg31) : (f32) -> f64
      %53 = "arith.cmpf"(%52, %6) <{fastmath = #arith.fastmath<none>, predicate = 1 : i64}> : (f64, f64) -> i1
      "linalg.yield"(%53) : (i1) -> ()
    }) : (tensor<16x16xf32>, tensor<16x16xi1>) -> tensor<16x16xi1>
    %21 = "linalg.generic"(%20, %3, %16, %15) <{indexing_maps = [#map5, #map6, #map3, #map3], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 3, 1>}> ({
    ^bb0(%arg27: i1, %arg28: f32, %arg29: f32, %arg30: f32):
      %51 = "arith.select"(%arg27, %arg28, %arg29) : (i1, f32, f32) -> f32
      "linalg.yield"(%51) : (f32) -> ()
    }) : (tensor<16x16xi1>, tensor<f32>, tensor<1x4x16x16xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %22 = "tensor.empty"() : () -> tensor<1x4x16xi64>
    %23 = "linalg.fill"(%0, %22) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg25: i64, %arg26: i64):
      "linalg.yield"(%arg25) : (i64) -> ()
    }) : (i64, tensor<1x4x16xi64>) -> tensor<1x4x16xi64>
    %24 = "tensor.empty"() : () -> tensor<1x4x16xf32>
    %25 = "linalg.fill"(%2, %24) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg23: f32, %arg24: f32):
      "linalg.yield"(%arg23) : (f32) -> ()
    }) : (f32, tensor<1x4x16xf32>) -> tensor<1x4x16xf32>
    %26:2 = "linalg.generic"(%21, %25, %23) <{indexing_maps = [#map3, #map2, #map2], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], operandSegmentSizes = array<i32: 1, 2>}> ({
    ^bb0(%arg20: f32, %arg21: f32, %arg22: i64):
      %46 = "linalg.index"() <{dim = 3 : i64}> : () -> index
      %47 = "arith.index_cast"(%46) : (index) -> i64
      %48 = "arith.maximumf"(%arg20, %arg21) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      %49 = "arith.cmpf"(%arg20, %arg21) <{fastmath = #arith.fastmath<none>, predicate = 2 : i64}> : (f32, f32) -> i1
      %50 = "arith.select"(%49, %47, %arg22) : (i1, i64, i64) -> i64
      "linalg.yield"(%48, %50) : (f32, i64) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xi64>) -> (tensor<1x4x16xf32>, tensor<1x4x16xi64>)
    %27 = "tensor.expand_shape"(%26#0) <{reassociation = [[0], [1], [2, 3]], static_output_shape = array<i64: 1, 4, 16, 1>}> : (tensor<1x4x16xf32>) -> tensor<1x4x16x1xf32>
    %28 = "linalg.generic"(%21, %27, %15) <{indexing_maps = [#map3, #map7, #map3], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 2, 1>}> ({
    ^bb0(%arg17: f32, %arg18: f32, %arg19: f32):
      %45 = "arith.subf"(%arg17, %arg18) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      "linalg.yield"(%45) : (f32) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<1x4x16x1xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %29 = "linalg.generic"(%28, %15) <{indexing_maps = [#map3, #map3], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg15: f32, %arg16: f32):
      %44 = "math.exp"(%arg15) <{fastmath = #arith.fastmath<none>}> : (f32) -> f32
      "linalg.yield"(%44) : (f32) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %30 = "tensor.empty"() : () -> tensor<1x4x16x1xf32>
    %31 = "linalg.fill"(%1, %30) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg13: f32, %arg14: f32):
      "linalg.yield"(%arg13) : (f32) -> ()
    }) : (f32, tensor<1x4x16x1xf32>) -> tensor<1x4x16x1xf32>
    %32 = "linalg.generic"(%29, %31) <{indexing_maps = [#map3, #map7], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg11: f32, %arg12: f32):
      %43 = "arith.addf"(%arg11, %arg12) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      "linalg.yield"(%43) : (f32) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<1x4x16x1xf32>) -> tensor<1x4x16x1xf32>
    %33 = "linalg.generic"(%29, %32, %15) <{indexing_maps = [#map3, #map7, #map3], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 2, 1>}> ({
    ^bb0(%arg8: f32, %arg9: f32, %arg10: f32):
      %42 = "arith.divf"(%arg8, %arg9) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      "linalg.yield"(%42) : (f32) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<1x4x16x1xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %34 = "tensor.collapse_shape"(%33) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x4x16x16xf32>) -> tensor<4x16x16xf32>
    %35 = "tensor.collapse_shape"(%arg2) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x4x16x8xf32>) -> tensor<4x16x8xf32>
    %36 = "tensor.empty"() : () -> tensor<4x16x8xf32>
    %37 = "linalg.fill"(%1, %36) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg6: f32, %arg7: f32):
      "linalg.yield"(%arg6) : (f32) -> ()
    }) : (f32, tensor<4x16x8xf32>) -> tensor<4x16x8xf32>
    %38 = "linalg.batch_matmul"(%34, %35, %37) <{indexing_maps = [#map, #map1, #map2], operandSegmentSizes = array<i32: 2, 1>}> ({
    ^bb0(%arg3: f32, %arg4: f32, %arg5: f32):
      %40 = "arith.mulf"(%arg3, %arg4) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      %41 = "arith.addf"(%arg5, %40) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      "linalg.yield"(%41) : (f32) -> ()
    }) : (tensor<4x16x16xf32>, tensor<4x16x8xf32>, tensor<4x16x8xf32>) -> tensor<4x16x8xf32>
    %39 = "tensor.expand_shape"(%38) <{reassociation = [[0, 1], [2], [3]], static_output_shape = array<i64: 1, 4, 16, 8>}> : (tensor<4x16x8xf32>) -> tensor<1x4x16x8xf32>
    "func.return"(%39) : (tensor<1x4x16x8xf32>) -> ()
  }) : () -> ()
}) : () -> ()
