// RUN: fa-opt %s --lower-mx | filecheck %s
// RUN: fa-opt %s --lower-mx --cse --canonicalize | fa-opt

// Block-scaled arguments and results are codes and scales; blocks of 32 along the tokens.

// CHECK:      @both([[X_CODES:%.*]]: tensor<64x16xi8>, [[X_SCALES:%.*]]: tensor<2x16xi8>) -> (tensor<64x16xi8>, tensor<64x1xi8>, tensor<f32>) {
// CHECK-NOT:  mx.
// CHECK:      tensor.expand_shape [[X_CODES]] {{\[\[}}0 : i64, 1 : i64], [2 : i64]] output_shape [2, 32, 16] : tensor<64x16xi8> into tensor<2x32x16xi8>
// CHECK:      linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d0, d1, d2)>], iterator_types = ["parallel", "parallel", "parallel"]}
// CHECK:      iterator_types = ["parallel", "parallel", "reduction"]
// CHECK:      func.return [[R_CODES:%.*]], [[R_SCALES:%.*]], [[R_TENSOR_SCALE:%.*]] : tensor<64x16xi8>, tensor<64x1xi8>, tensor<f32>
func.func @both(%x: tensor<64x16xbf16, #mx.block<e4m3, scale = e8m0, size = 32, axis = 0>>) -> tensor<64x16xbf16, #mx.block<e2m1, scale = e4m3, size = 16>> {
  %r = mx.requantize %x : tensor<64x16xbf16, #mx.block<e4m3, scale = e8m0, size = 32, axis = 0>> -> tensor<64x16xbf16, #mx.block<e2m1, scale = e4m3, size = 16>>
  func.return %r : tensor<64x16xbf16, #mx.block<e2m1, scale = e4m3, size = 16>>
}
