"builtin.module"() ({
  "func.func"() <{function_type = (tensor<1x4x16x8xf32>, tensor<1x2x16x8xf32>, tensor<1x2x16x8xf32>) -> tensor<1x4x16x8xf32>, sym_name = "main"}> ({
  ^bb0(%arg0: tensor<1x4x16x8xf32>, %arg1: tensor<1x2x16x8xf32>, %arg2: tensor<1x2x16x8xf32>):
    %0 = "tosa.const"() <{values = dense<1.000000e+00> : tensor<16x16xf32>}> : () -> tensor<16x16xf32>
    %1 = "tosa.const_shape"() <{values = dense<[1, 2, 1, 16, 8]> : tensor<5xindex>}> : () -> !tosa.shape<5>
    %2 = "tosa.const_shape"() <{values = dense<[1, 1, 2, 1, 1]> : tensor<5xindex>}> : () -> !tosa.shape<5>
    %3 = "tosa.const_shape"() <{values = dense<[1, 4, 16, 8]> : tensor<4xindex>}> : () -> !tosa.shape<4>
    %4 = "tosa.const"() <{values = dense<0.000000e+00> : tensor<1xf32>}> : () -> tensor<1xf32>
    %5 = "tosa.const_shape"() <{values = dense<[4, 16, 8]> : tensor<3xindex>}> : () -> !tosa.shape<3>
    %6 = "tosa.const_shape"() <{values = dense<[4, 8, 16]> : tensor<3xindex>}> : () -> !tosa.shape<3>
    %7 = "tosa.const_shape"() <{values = dense<[1, 4, 16, 16]> : tensor<4xindex>}> : () -> !tosa.shape<4>
    %8 = "tosa.const"() <{values = dense<0> : tensor<1xi8>}> : () -> tensor<1xi8>
    %9 = "tosa.const"() <{values = dense<"0x01000000000000000000000000000000010100000000000000000000000000000101010000000000000000000000000001010101000000000000000000000000010101010100000000000000000000000101010101010000000000000000000001010101010101000000000000000000010101010101010100000000000000000101010101010101010000000000000001010101010101010101000000000000010101010101010101010100000000000101010101010101010101010000000001010101010101010101010101000000010101010101010101010101010100000101010101010101010101010101010001010101010101010101010101010101"> : tensor<16x16xi1>}> : () -> tensor<16x16xi1>
    %10 = "tosa.const"() <{values = dense<0.000000e+00> : tensor<16x16xf32>}> : () -> tensor<16x16xf32>
    %11 = "tosa.const_shape"() <{values = dense<[1, 1, 16, 16]> : tensor<4xindex>}> : () -> !tosa.shape<4>
    %12 = "tosa.const_shape"() <{values = dense<[4, 16, 16]> : tensor<3xindex>}> : () -> !tosa.shape<3>
    %13 = "tosa.const"() <{values = dense<0.353553385> : tensor<1x1x1x1xf32>}> : () -> tensor<1x1x1x1xf32>
    %14 = "tosa.const"() <{values = dense<0.000000e+00> : tensor<1x1xf64>}> : () -> tensor<1x1xf64>
    %15 = "tosa.const"() <{values = dense<0xFF800000> : tensor<1x1x1x1xf32>}> : () -> tensor<1x1x1x1xf32>
    %16 = "tosa.reshape"(%arg1, %1) : (tensor<1x2x16x8xf32>, !tosa.shape<5>) -> tensor<1x2x1x16x8xf32>
    %17 = "tosa.tile"(%16, %2) : (tensor<1x2x1x16x8xf32>, !tosa.shape<5>) -> tensor<1x2x2x16x8xf32>
    %18 = "tosa.reshape"(%17, %3) : (tensor<1x2x2x16x8xf32>, !tosa.shape<4>) -> tensor<1x4x16x8xf32>
    %19 = "tosa.reshape"(%arg2, %1) : (tensor<1x2x16x8xf32>, !tosa.shape<5>) -> tensor<1x2x1x16x8xf32>
    %20 = "tosa.tile"(%19, %2) : (tensor<1x2x1x16x8xf32>, !tosa.shape<5>) -> tensor<1x2x2x16x8xf32>
    %21 = "tosa.transpose"(%18) <{perms = array<i32: 0, 1, 3, 2>}> : (tensor<1x4x16x8xf32>) -> tensor<1x4x8x16xf32>
    %22 = "tosa.reshape"(%arg0, %5) : (tensor<1x4x16x8xf32>, !tosa.shape<3>) -> tensor<4x16x8xf32>
    %23 = "tosa.reshape"(%21, %6) : (tensor<1x4x8x16xf32>, !tosa.shape<3>) -> tensor<4x8x16xf32>
    %24 = "tosa.matmul"(%22, %23, %4, %4) : (tensor<4x16x8xf32>, tensor<4x8x16xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<4x16x16xf32>
    %25 = "tosa.reshape"(%24, %7) : (tensor<4x16x16xf32>, !tosa.shape<4>) -> tensor<1x4x16x16xf32>
    %26 = "tosa.mul"(%25, %13, %8) : (tensor<1x4x16x16xf32>, tensor<1x1x1x1xf32>, tensor<1xi8>) -> tensor<1x4x16x16xf32>
    %27 = "tosa.select"(%9, %0, %10) : (tensor<16x16xi1>, tensor<16x16xf32>, tensor<16x16xf32>) -> tensor<16x16xf32>
    %28 = "tosa.cast"(%27) : (tensor<16x16xf32>) -> tensor<16x16xf64>
    %29 = "tosa.equal"(%28, %14) : (tensor<16x16xf64>, tensor<1x1xf64>) -> tensor<16x16xi1>
    %30 = "tosa.reshape"(%29, %11) : (tensor<16x16xi1>, !tosa.shape<4>) -> tensor<1x1x16x16xi1>
    %31 = "tosa.select"(%30, %15, %26) : (tensor<1x1x16x16xi1>, tensor<1x1x1x1xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %32 = "tosa.reduce_max"(%31) <{axis = 3 : i32, nan_mode = #tosa.nan_mode<PROPAGATE>}> : (tensor<1x4x16x16xf32>) -> tensor<1x4x16x1xf32>
    %33 = "tosa.sub"(%31, %32) : (tensor<1x4x16x16xf32>, tensor<1x4x16x1xf32>) -> tensor<1x4x16x16xf32>
    %34 = "tosa.exp"(%33) : (tensor<1x4x16x16xf32>) -> tensor<1x4x16x16xf32>
    %35 = "tosa.reduce_sum"(%34) <{axis = 3 : i32}> : (tensor<1x4x16x16xf32>) -> tensor<1x4x16x1xf32>
    %36 = "tosa.reciprocal"(%35) : (tensor<1x4x16x1xf32>) -> tensor<1x4x16x1xf32>
    %37 = "tosa.mul"(%34, %36, %8) : (tensor<1x4x16x16xf32>, tensor<1x4x16x1xf32>, tensor<1xi8>) -> tensor<1x4x16x16xf32>
    %38 = "tosa.reshape"(%37, %12) : (tensor<1x4x16x16xf32>, !tosa.shape<3>) -> tensor<4x16x16xf32>
    %39 = "tosa.reshape"(%20, %5) : (tensor<1x2x2x16x8xf32>, !tosa.shape<3>) -> tensor<4x16x8xf32>
    %40 = "tosa.matmul"(%38, %39, %4, %4) : (tensor<4x16x16xf32>, tensor<4x16x8xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<4x16x8xf32>
    %41 = "tosa.reshape"(%40, %3) : (tensor<4x16x8xf32>, !tosa.shape<4>) -> tensor<1x4x16x8xf32>
    "func.return"(%41) : (tensor<1x4x16x8xf32>) -> ()
  }) : () -> ()
}) : () -> ()
