"builtin.module"() ({
  "func.func"() <{function_type = (tensor<1x4x16x8xbf16>, tensor<1x4x16x8xbf16>, tensor<1x4x16x8xbf16>) -> tensor<1x4x16x8xbf16>, sym_name = "main"}> ({
  ^bb0(%arg0: tensor<1x4x16x8xbf16>, %arg1: tensor<1x4x16x8xbf16>, %arg2: tensor<1x4x16x8xbf16>):
    %0 = "tosa.const"() <{values = dense<0.000000e+00> : tensor<1xbf16>}> : () -> tensor<1xbf16>
    %1 = "tosa.const_shape"() <{values = dense<[4, 16, 8]> : tensor<3xindex>}> : () -> !tosa.shape<3>
    %2 = "tosa.const_shape"() <{values = dense<[4, 8, 16]> : tensor<3xindex>}> : () -> !tosa.shape<3>
    %3 = "tosa.const_shape"() <{values = dense<[1, 4, 16, 16]> : tensor<4xindex>}> : () -> !tosa.shape<4>
    %4 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
    %5 = "tosa.const_shape"() <{values = dense<[4, 16, 16]> : tensor<3xindex>}> : () -> !tosa.shape<3>
    %6 = "tosa.const_shape"() <{values = dense<[1, 4, 16, 8]> : tensor<4xindex>}> : () -> !tosa.shape<4>
    %7 = "tosa.const"() <{values = dense<3.535160e-01> : tensor<1x1x1x1xbf16>}> : () -> tensor<1x1x1x1xbf16>
    %8 = "tosa.transpose"(%arg1) <{perms = array<i32: 0, 1, 3, 2>}> : (tensor<1x4x16x8xbf16>) -> tensor<1x4x8x16xbf16>
    %9 = "tosa.reshape"(%arg0, %1) : (tensor<1x4x16x8xbf16>, !tosa.shape<3>) -> tensor<4x16x8xbf16>
    %10 = "tosa.reshape"(%8, %2) : (tensor<1x4x8x16xbf16>, !tosa.shape<3>) -> tensor<4x8x16xbf16>
    %11 = "tosa.matmul"(%9, %10, %0, %0) : (tensor<4x16x8xbf16>, tensor<4x8x16xbf16>, tensor<1xbf16>, tensor<1xbf16>) -> tensor<4x16x16xf32>
    %12 = "tosa.reshape"(%11, %3) : (tensor<4x16x16xf32>, !tosa.shape<4>) -> tensor<1x4x16x16xf32>
    %13 = "tosa.cast"(%12) : (tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xbf16>
    %14 = "tosa.mul"(%13, %7, %4) : (tensor<1x4x16x16xbf16>, tensor<1x1x1x1xbf16>, tensor<1xi8>) -> tensor<1x4x16x16xbf16>
    %15 = "tosa.cast"(%14) : (tensor<1x4x16x16xbf16>) -> tensor<1x4x16x16xf32>
    %16 = "tosa.reduce_max"(%15) <{axis = 3 : i32, nan_mode = #tosa.nan_mode<PROPAGATE>}> : (tensor<1x4x16x16xf32>) -> tensor<1x4x16x1xf32>
    %17 = "tosa.sub"(%15, %16) : (tensor<1x4x16x16xf32>, tensor<1x4x16x1xf32>) -> tensor<1x4x16x16xf32>
    %18 = "tosa.exp"(%17) : (tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %19 = "tosa.reduce_sum"(%18) <{axis = 3 : i32}> : (tensor<1x4x16x16xf32>) -> tensor<1x4x16x1xf32>
    %20 = "tosa.reciprocal"(%19) : (tensor<1x4x16x1xf32>) -> tensor<1x4x16x1xf32>
    %21 = "tosa.mul"(%18, %20, %4) : (tensor<1x4x16x16xf32>, tensor<1x4x16x1xf32>, tensor<1xi8>) -> tensor<1x4x16x16xf32>
    %22 = "tosa.cast"(%21) : (tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xbf16>
    %23 = "tosa.reshape"(%22, %5) : (tensor<1x4x16x16xbf16>, !tosa.shape<3>) -> tensor<4x16x16xbf16>
    %24 = "tosa.reshape"(%arg2, %1) : (tensor<1x4x16x8xbf16>, !tosa.shape<3>) -> tensor<4x16x8xbf16>
    %25 = "tosa.matmul"(%23, %24, %0, %0) : (tensor<4x16x16xbf16>, tensor<4x16x8xbf16>, tensor<1xbf16>, tensor<1xbf16>) -> tensor<4x16x8xf32>
    %26 = "tosa.reshape"(%25, %6) : (tensor<4x16x8xf32>, !tosa.shape<4>) -> tensor<1x4x16x8xf32>
    %27 = "tosa.cast"(%26) : (tensor<1x4x16x8xf32>) -> tensor<1x4x16x8xbf16>
    "func.return"(%27) : (tensor<1x4x16x8xbf16>) -> ()
  }) : () -> ()
}) : () -> ()
