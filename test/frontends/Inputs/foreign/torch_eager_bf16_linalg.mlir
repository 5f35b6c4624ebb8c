#map = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
#map1 = affine_map<(d0, d1, d2, d3) -> (d0, d3, d2)>
#map2 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
#map3 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#map4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#map5 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, 0)>
"builtin.module"() ({
  "func.func"() <{function_type = (tensor<1x4x16x8xbf16>, tensor<1x4x16x8xbf16>, tensor<1x4x16x8xbf16>) -> tensor<1x4x16x8xbf16>, sym_name = "main"}> ({
  ^bb0(%arg0: tensor<1x4x16x8xbf16>, %arg1: tensor<1x4x16x8xbf16>, %arg2: tensor<1x4x16x8xbf16>):
    %0 = "arith.constant"() <{value = 0 : i64}> : () -> i64
    %1 = "arith.constant"() <{value = 0.000000e+00 : f32}> : () -> f32
    %2 = "arith.constant"() <{value = 0xFF800000 : f32}> : () -> f32
    %3 = "arith.constant"() <{value = 0.35355339059327379 : f64}> : () -> f64
    %4 = "tensor.empty"() : () -> tensor<1x4x8x16xbf16>
    %5 = "linalg.transpose"(%arg1, %4) <{permutation = array<i64: 0, 1, 3, 2>}> ({
    ^bb0(%arg42: bf16, %arg43: bf16):
      "linalg.yield"(%arg42) : (bf16) -> ()
    }) : (tensor<1x4x16x8xbf16>, tensor<1x4x8x16xbf16>) -> tensor<1x4x8x16xbf16>
    %6 = "tensor.collapse_shape"(%arg0) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x4x16x8xbf16>) -> tensor<4x16x8xbf16>
    %7 = "tensor.collapse_shape"(%5) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x4x8x16xbf16>) -> tensor<4x8x16xbf16>
    %8 = "tensor.empty"() : () -> tensor<4x16x16xf32>
    %9 = "linalg.fill"(%1, %8) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg40: f32, %arg41: f32):
      "linalg.yield"(%arg40) : (f32) -> ()
    }) : (f32, tensor<4x16x16xf32>) -> tensor<4x16x16xf32>
    %10 = "linalg.batch_matmul"(%6, %7, %9) <{indexing_maps = [#map, #map1, #map2], operandSegmentSizes = array<i32: 2, 1>}> ({
    ^bb0(%arg37: bf16, %arg38: bf16, %arg39: f32):
      %58 = "arith.extf"(%arg37) : (bf16) -> f32
      %59 = "arith.extf"(%arg38) : (bf16) -> f32
      %60 = "arith.mulf"(%58, %59) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      %61 = "arith.addf"(%arg39, %60) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      "linalg.yield"(%61) : (f32) -> ()
    }) : (tensor<4x16x8xbf16>, tensor<4x8x16xbf16>, tensor<4x16x16xf32>) -> tensor<4x16x16xf32>
    %11 = "tensor.empty"() : () -> tensor<4x16x16xbf16>
    %12 = "linalg.generic"(%10, %11) <{indexing_maps = [#map3, #map3], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg35: f32, %arg36: bf16):
      %57 = "arith.truncf"(%arg35) : (f32) -> bf16
      "linalg.yield"(%57) : (bf16) -> ()
    }) : (tensor<4x16x16xf32>, tensor<4x16x16xbf16>) -> tensor<4x16x16xbf16>
    %13 = "tensor.expand_shape"(%12) <{reassociation = [[0, 1], [2], [3]], static_output_shape = array<i64: 1, 4, 16, 16>}> : (tensor<4x16x16xbf16>) -> tensor<1x4x16x16xbf16>
    %14 = "tensor.empty"() : () -> tensor<1x4x16x16xbf16>
    %15 = "linalg.generic"(%13, %14) <{indexing_maps = [#map4, #map4], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg33: bf16, %arg34: bf16):
      %55 = "arith.truncf"(%3) : (f64) -> bf16
      %56 = "arith.mulf"(%arg33, %55) <{fastmath = #arith.fastmath<none>}> : (bf16, bf16) -> bf16
      "linalg.yield"(%56) : (bf16) -> ()
    }) : (tensor<1x4x16x16xbf16>, tensor<1x4x16x16xbf16>) -> tensor<1x4x16x16xbf16>
    %16 = "tensor.empty"() : () -> tensor<1x4x16x16xf32>
    %17 = "linalg.generic"(%15, %16) <{indexing_maps = [#map4, #map4], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg31: bf16, %arg32: f32):
      %54 = "arith.extf"(%arg31) : (bf16) -> f32
      "linalg.yield"(%54) : (f32) -> ()
    }) : (tensor<1x4x16x16xbf16>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %18 = "tensor.empty"() : () -> tensor<1x4x16xi64>
    %19 = "linalg.fill"(%0, %18) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg29: i64, %arg30: i64):
      "linalg.yield"(%arg29) : (i64) -> ()
    }) : (i64, tensor<1x4x16xi64>) -> tensor<1x4x16xi64>
    %20 = "tensor.empty"() : () -> tensor<1x4x16xf32>
    %21 = "linalg.fill"(%2, %20) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg27: f32, %arg28: f32):
      "linalg.yield"(%arg27) : (f32) -> ()
    }) : (f32, tensor<1x4x16xf32>) -> tensor<1x4x16xf32>
    %22:2 = "linalg.generic"(%17, %21, %19) <{indexing_maps = [#map4, #map2, #map2], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], operandSegmentSizes = array<i32: 1, 2>}> ({
    ^bb0(%arg24: f32, %arg25: f32, %arg26: i64):
      %49 = "linalg.index"() <{dim = 3 : i64}> : () -> index
      %50 = "arith.index_cast"(%49) : (index) -> i64
      %51 = "arith.maximumf"(%arg24, %arg25) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      %52 = "arith.cmpf"(%arg24, %arg25) <{fastmath = #arith.fastmath<none>, predicate = 2 : i64}> : (f32, f32) -> i1
      %53 = "arith.select"(%52, %50, %arg26) : (i1, i64, i64) -> i64
      "linalg.yield"(%51, %53) : (f32, i64) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<1x4x16xf32>, tensor<1x4x16xi64>) -> (tensor<1x4x16xf32>, tensor<1x4x16xi64>)
    %23 = "tensor.expand_shape"(%22#0) <{reassociation = [[0], [1], [2, 3]], static_output_shape = array<i64: 1, 4, 16, 1>}> : (tensor<1x4x16xf32>) -> tensor<1x4x16x1xf32>
    %24 = "linalg.generic"(%17, %23, %16) <{indexing_maps = [#map4, #map5, #map4], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 2, 1>}> ({
    ^bb0(%arg21: f32, %arg22: f32, %arg23: f32):
      %48 = "arith.subf"(%arg21, %arg22) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      "linalg.yield"(%48) : (f32) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<1x4x16x1xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %25 = "linalg.generic"(%24, %16) <{indexing_maps = [#map4, #map4], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg19: f32, %arg20: f32):
      %47 = "math.exp"(%arg19) <{fastmath = #arith.fastmath<none>}> : (f32) -> f32
      "linalg.yield"(%47) : (f32) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %26 = "tensor.empty"() : () -> tensor<1x4x16x1xf32>
    %27 = "linalg.fill"(%1, %26) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg17: f32, %arg18: f32):
      "linalg.yield"(%arg17) : (f32) -> ()
    }) : (f32, tensor<1x4x16x1xf32>) -> tensor<1x4x16x1xf32>
    %28 = "linalg.generic"(%25, %27) <{indexing_maps = [#map4, #map5], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg15: f32, %arg16: f32):
      %46 = "arith.addf"(%arg15, %arg16) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      "linalg.yield"(%46) : (f32) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<1x4x16x1xf32>) -> tensor<1x4x16x1xf32>
    %29 = "linalg.generic"(%25, %28, %16) <{indexing_maps = [#map4, #map5, #map4], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 2, 1>}> ({
    ^bb0(%arg12: f32, %arg13: f32, %arg14: f32):
      %45 = "arith.divf"(%arg12, %arg13) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      "linalg.yield"(%45) : (f32) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<1x4x16x1xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %30 = "linalg.generic"(%29, %14) <{indexing_maps = [#map4, #map4], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg10: f32, %arg11: bf16):
      %44 = "arith.truncf"(%arg10) : (f32) -> bf16
      "linalg.yield"(%44) : (bf16) -> ()
    }) : (tensor<1x4x16x16xf32>, tensor<1x4x16x16xbf16>) -> tensor<1x4x16x16xbf16>
    %31 = "tensor.collapse_shape"(%30) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x4x16x16xbf16>) -> tensor<4x16x16xbf16>
    %32 = "tensor.collapse_shape"(%arg2) <{reassociation = [[0, 1], [2], [3]]}> : (tensor<1x4x16x8xbf16>) -> tensor<4x16x8xbf16>
    %33 = "tensor.empty"() : () -> tensor<4x16x8xf32>
    %34 = "linalg.fill"(%1, %33) <{operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg8: f32, %arg9: f32):
      "linalg.yield"(%arg8) : (f32) -> ()
    }) : (f32, tensor<4x16x8xf32>) -> tensor<4x16x8xf32>
    %35 = "linalg.batch_matmul"(%31, %32, %34) <{indexing_maps = [#map, #map1, #map2], operandSegmentSizes = array<i32: 2, 1>}> ({
    ^bb0(%arg5: bf16, %arg6: bf16, %arg7: f32):
      %40 = "arith.extf"(%arg5) : (bf16) -> f32
      %41 = "arith.extf"(%arg6) : (bf16) -> f32
      %42 = "arith.mulf"(%40, %41) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      %43 = "arith.addf"(%arg7, %42) <{fastmath = #arith.fastmath<none>}> : (f32, f32) -> f32
      "linalg.yield"(%43) : (f32) -> ()
    }) : (tensor<4x16x16xbf16>, tensor<4x16x8xbf16>, tensor<4x16x8xf32>) -> tensor<4x16x8xf32>
    %36 = "tensor.empty"() : () -> tensor<4x16x8xbf16>
    %37 = "linalg.generic"(%35, %36) <{indexing_maps = [#map3, #map3], iterator_types = [#linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>, #linalg.iterator_type<parallel>], operandSegmentSizes = array<i32: 1, 1>}> ({
    ^bb0(%arg3: f32, %arg4: bf16):
      %39 = "arith.truncf"(%arg3) : (f32) -> bf16
      "linalg.yield"(%39) : (bf16) -> ()
    }) : (tensor<4x16x8xf32>, tensor<4x16x8xbf16>) -> tensor<4x16x8xbf16>
    %38 = "tensor.expand_shape"(%37) <{reassociation = [[0, 1], [2], [3]], static_output_shape = array<i64: 1, 4, 16, 8>}> : (tensor<4x16x8xbf16>) -> tensor<1x4x16x8xbf16>
    "func.return"(%38) : (tensor<1x4x16x8xbf16>) -> ()
  }) : () -> ()
}) : () -> ()
