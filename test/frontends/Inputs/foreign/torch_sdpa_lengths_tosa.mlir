"builtin.module"() ({
  "func.func"() <{function_type = (tensor<2x2x5x8xf32>, tensor<2x2x16x8xf32>, tensor<2x2x16x8xf32>) -> tensor<2x2x5x8xf32>, sym_name = "main"}> ({
  ^bb0(%arg0: tensor<2x2x5x8xf32>, %arg1: tensor<2x2x16x8xf32>, %arg2: tensor<2x2x16x8xf32>):
    %0 = "tosa.const"() <{values = dense<0.000000e+00> : tensor<1xf32>}> : () -> tensor<1xf32>
    %1 = "tosa.const_shape"() <{values = dense<[4, 5, 8]> : tensor<3xindex>}> : () -> !tosa.shape<3>
    %2 = "tosa.const_shape"() <{values = dense<[4, 8, 16]> : tensor<3xindex>}> : () -> !tosa.shape<3>
    %3 = "tosa.const_shape"() <{values = dense<[2, 2, 5, 16]> : tensor<4xindex>}> : () -> !tosa.shape<4>
    %4 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
    %5 = "tosa.const_shape"() <{values = dense<[4, 5, 16]> : tensor<3xindex>}> : () -> !tosa.shape<3>
    %6 = "tosa.const_shape"() <{values = dense<[4, 16, 8]> : tensor<3xindex>}> : () -> !tosa.shape<3>
    %7 = "tosa.const_shape"() <{values = dense<[2, 2, 5, 8]> : tensor<4xindex>}> : () -> !tosa.shape<4>
    %8 = "tosa.const"() <{values = dense<0.353553385> : tensor<1x1x1x1xf32>}> : () -> tensor<1x1x1x1xf32>
    %9 = "tosa.transpose"(%arg1) <{perms = array<i32: 0, 1, 3, 2>}> : (tensor<2x2x16x8xf32>) -> tensor<2x2x8x16xf32>
    %10 = "tosa.reshape"(%arg0, %1) : (tensor<2x2x5x8xf32>, !tosa.shape<3>) -> tensor<4x5x8xf32>
    %11 = "tosa.reshape"(%9, %2) : (tensor<2x2x8x16xf32>, !tosa.shape<3>) -> tensor<4x8x16xf32>
    %12 = "tosa.matmul"(%10, %11, %0, %0) : (tensor<4x5x8xf32>, tensor<4x8x16xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<4x5x16xf32>
    %13 = "tosa.reshape"(%12, %3) : (tensor<4x5x16xf32>, !tosa.shape<4>) -> tensor<2x2x5x16xf32>
    %14 = "tosa.mul"(%13, %8, %4) : (tensor<2x2x5x16xf32>, tensor<1x1x1x1xf32>, tensor<1xi8>) -> tensor<2x2x5x16xf32>
    %15 = "tosa.reduce_max"(%14) <{axis = 3 : i32, nan_mode = #tosa.nan_mode<PROPAGATE>}> : (tensor<2x2x5x16xf32>) -> tensor<2x2x5x1xf32>
    %16 = "tosa.sub"(%14, %15) : (tensor<2x2x5x16xf32>, tensor<2x2x5x1xf32>) -> tensor<2x2x5x16xf32>
    %17 = "tosa.exp"(%16) : (tensor<2x2x5x16xf32>) -> tensor<2x2x5x16xf32>
    %18 = "tosa.reduce_sum"(%17) <{axis = 3 : i32}> : (tensor<2x2x5x16xf32>) -> tensor<2x2x5x1xf32>
    %19 = "tosa.reciprocal"(%18) : (tensor<2x2x5x1xf32>) -> tensor<2x2x5x1xf32>
    %20 = "tosa.mul"(%17, %19, %4) : (tensor<2x2x5x16xf32>, tensor<2x2x5x1xf32>, tensor<1xi8>) -> tensor<2x2x5x16xf32>
    %21 = "tosa.reshape"(%20, %5) : (tensor<2x2x5x16xf32>, !tosa.shape<3>) -> tensor<4x5x16xf32>
    %22 = "tosa.reshape"(%arg2, %6) : (tensor<2x2x16x8xf32>, !tosa.shape<3>) -> tensor<4x16x8xf32>
    %23 = "tosa.matmul"(%21, %22, %0, %0) : (tensor<4x5x16xf32>, tensor<4x16x8xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<4x5x8xf32>
    %24 = "tosa.reshape"(%23, %7) : (tensor<4x5x8xf32>, !tosa.shape<4>) -> tensor<2x2x5x8xf32>
    "func.return"(%24) : (tensor<2x2x5x8xf32>) -> ()
  }) : () -> ()
}) : () -> ()
