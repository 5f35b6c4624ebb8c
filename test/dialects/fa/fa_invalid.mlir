// RUN: fa-opt %s --split-input-file --verify-diagnostics

// What the verifiers of tiles and of operations on tiles say. Attention on tensors: test/tools.

// expected-error @below {{Expected `vector`, `matrix`, or `scalar`.}}
func.func private @type() -> !fa.tile<8x64xbf16, sram>

// -----
// expected-error @below {{a tile in vector memory has 2 dimensions, got 1}}
func.func private @type() -> !fa.tile<64xbf16, vector>

// -----
// expected-error @below {{a tile in scalar memory has 1 dimension, got 2}}
func.func private @type() -> !fa.tile<8x64xbf16, scalar>

// -----
// expected-error @below {{the extents of a tile are at least 1}}
func.func private @type() -> !fa.tile<0x64xbf16, vector>

// -----
// expected-error @below {{a tile holds bf16, f16 or f32, got i8}}
func.func private @type() -> !fa.tile<8x64xi8, vector>

// -----
// expected-error @below {{Expected integer literal}}
func.func private @type() -> !fa.tile<8x64xbf16, vector at -1>

// -----
// expected-error @below {{@ identifier expected to start with letter, '_', or '"'.}}
func.func private @type() -> !fa.tile<8x64xbf16, vector @ 64>

// -----
// expected-error @below {{the extents of a tile are at least 1}}
func.func private @type() -> !fa.tile<?x64xbf16, vector>

// -----
func.func @op(%x: tensor<8x64xbf16>, %i: index) {
  // expected-error @below {{'fa.load': 2 indices are needed, one for each dimension, got 1}}
  %0 = fa.load %x[%i] : tensor<8x64xbf16> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%i: index) {
  %b = memref.alloc() : memref<8x64xbf16>
  // expected-error @below {{'fa.load': the buffer must lie in HBM (#fa.hbm), got memref<8x64xbf16>}}
  %0 = fa.load %b[%i, %i] : memref<8x64xbf16> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%i: index) {
  %b = memref.alloc() : memref<8xbf16, #fa.hbm>
  // expected-error @below {{'fa.load': rank 1 is too small to hold tiles}}
  %0 = fa.load %b[%i] : memref<8xbf16, #fa.hbm> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>, %i: index) {
  // expected-error @below {{'fa.load': a tile is loaded into vector or matrix memory, not scalar}}
  %0 = fa.load %x[%i, %i] : tensor<8x64xbf16> -> !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>, %i: index) {
  // expected-error @below {{tensor<8x64xbf16> should be of base attribute fa.tile}}
  %0 = fa.load %x[%i, %i] : tensor<8x64xbf16> -> tensor<8x64xbf16>
  func.return
}

// -----
func.func @op(%i: index, %k: !fa.tile<64x64xbf16, matrix>) {
  %b = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  // expected-error @below {{'fa.store': only tiles in vector memory can be stored}}
  fa.store %k, %b[%i, %i] : !fa.tile<64x64xbf16, matrix>, memref<8x64xbf16, #fa.hbm>
  func.return
}

// -----
func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %b = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  // expected-error @below {{'fa.store': 2 indices are needed, one for each dimension, got 1}}
  fa.store %a, %b[%i] : !fa.tile<8x64xbf16, vector>, memref<8x64xbf16, #fa.hbm>
  func.return
}

// -----
func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %b = memref.alloc() : memref<8x64xbf16>
  // expected-error @below {{'fa.store': the buffer must lie in HBM (#fa.hbm), got memref<8x64xbf16>}}
  fa.store %a, %b[%i, %i] : !fa.tile<8x64xbf16, vector>, memref<8x64xbf16>
  func.return
}

// -----
func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %b = memref.alloc() : memref<8xbf16, #fa.hbm>
  // expected-error @below {{'fa.store': rank 1 is too small to hold tiles}}
  fa.store %a, %b[%i] : !fa.tile<8x64xbf16, vector>, memref<8xbf16, #fa.hbm>
  func.return
}

// -----
func.func @op() {
  %b = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  // expected-error @below {{'fa.result': shape and element type must stay: memref<8x64xbf16, #fa.hbm> -> tensor<8x32xbf16>}}
  %0 = fa.result %b : memref<8x64xbf16, #fa.hbm> -> tensor<8x32xbf16>
  func.return
}

// -----
func.func @op() {
  %b = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  // expected-error @below {{'fa.result': shape and element type must stay: memref<8x64xbf16, #fa.hbm> -> tensor<8x64xf32>}}
  %0 = fa.result %b : memref<8x64xbf16, #fa.hbm> -> tensor<8x64xf32>
  func.return
}

// -----
func.func @op() {
  // expected-error @below {{'fa.fill': matrix memory is filled from HBM only}}
  %0 = fa.fill 0.0 : f32 : !fa.tile<64x64xbf16, matrix>
  func.return
}

// -----
func.func @op(%k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scale': the result must lie in vector memory, got matrix}}
  %0 = fa.scale %k by 2.0 : f32 : !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, matrix>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.scale': the result must be 8x64, got 4x64}}
  %0 = fa.scale %a by 2.0 : f32 : !fa.tile<8x64xbf16, vector> -> !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
func.func @op(%k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.copy': matrix memory is filled from HBM only; load the tile again}}
  %0 = fa.copy %k : !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, matrix>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.copy': the result must lie in vector memory, got scalar}}
  %0 = fa.copy %a : !fa.tile<8x64xbf16, vector> -> !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.copy': the result must be 8x64, got 4x64}}
  %0 = fa.copy %a : !fa.tile<8x64xbf16, vector> -> !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
func.func @op(%k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': the query tile must lie in vector memory, got matrix}}
  %0 = fa.scores %k, %k : !fa.tile<64x64xbf16, matrix>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.scores': the key tile must lie in matrix memory, got vector}}
  %0 = fa.scores %a, %a : !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>, %i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %n = fa.load %x[%i, %i] : tensor<8x64xbf16> -> !fa.tile<64x128xbf16, matrix>
  // expected-error @below {{'fa.scores': the key tile must be 64x64, got 64x128}}
  %0 = fa.scores %a, %n : !fa.tile<8x64xbf16, vector>, !fa.tile<64x128xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': the result must be 8x64, got 8x128}}
  %0 = fa.scores %a, %k : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x128xbf16, vector>
  func.return
}

// -----
func.func @op(%k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.matmul': the left operand must lie in vector memory, got matrix}}
  %0 = fa.matmul %k, %k : !fa.tile<64x64xbf16, matrix>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.matmul': the right operand must lie in matrix memory, got vector}}
  %0 = fa.matmul %a, %a : !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>, %i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %n = fa.load %x[%i, %i] : tensor<8x64xbf16> -> !fa.tile<128x64xbf16, matrix>
  // expected-error @below {{'fa.matmul': the right operand must be 64x64, got 128x64}}
  %0 = fa.matmul %a, %n : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.matmul': the result must be 8x64, got 4x64}}
  %0 = fa.matmul %a, %k : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.mask': kv_len must be at least 1, got 0}}
  %0 = fa.mask %a at [%i, %i, %i, %i] {kv_len = 0 : i64} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%i: index, %m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.mask': the scores must lie in vector memory, got scalar}}
  %0 = fa.mask %m at [%i, %i, %i, %i] {kv_len = 8 : i64} : !fa.tile<8xf32, scalar> -> !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.mask': the result must be 8x64, got 8x128}}
  %0 = fa.mask %a at [%i, %i, %i, %i] {kv_len = 8 : i64} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x128xbf16, vector>
  func.return
}

// -----
func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{property 'kv_len' expected in operation 'fa.mask'}}
  %0 = fa.mask %a at [%i, %i, %i, %i] : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.mask': unknown mask "causal"; there are #fa.causal, #fa.window, #fa.chunked, #fa.prefix, #fa.documents, #fa.all_of, #fa.ragged, #fa.grouped}}
  %0 = fa.mask %a at [%i, %i, %i, %i] {kv_len = 8 : i64, mask = "causal"} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.mask': #fa.causal: the offset is not resolved}}
  %0 = fa.mask %a at [%i, %i, %i, %i] {kv_len = 8 : i64, mask = #fa.causal} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.map': the function takes a value (f32) and the indices of batch, head, query and key, got (f32)}}
  %0 = fa.map %a at [%i, %i, %i, %i] {
  ^bb0(%y: f32):
    fa.yield %y : f32
  } : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%i: index, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.map': the operand must lie in vector memory, got matrix}}
  %0 = fa.map %k at [%i, %i, %i, %i] {
  ^bb0(%y: f32, %b: index, %h: index, %r: index, %c: index):
    fa.yield %y : f32
  } : !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, matrix>
  func.return
}

// -----
func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  // expected-error @below {{unknown or repeated field 'offset'; there are offset}}
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.causal<offset = 1, offset = 2>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  // expected-error @below {{unknown or repeated field 'left'; there are offset}}
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.causal<left = 1>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  // expected-error @below {{left must be at least 0, got -1; leave it out}}
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.window<left = -1>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  // expected-error @below {{a chunk has at least 1 key, got 0}}
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.chunked<size = 0>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  // expected-error @below {{a document has at least 1 token}}
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.documents<[5, 0]>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  // expected-error @below {{a valid length is at least 0}}
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.ragged<[-1, 4]>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  // expected-error @below {{'fa.attention': a ragged mask needs a length for each of 2 batches, got 3}}
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.ragged<[4, 4, 4]>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  // expected-error @below {{"a" is not a mask}}
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.all_of<["a"]>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>) {
  // expected-error @below {{'fa.reshape': 8x64 has 512 elements, 8x63 504}}
  %0 = fa.reshape %x : tensor<8x64xbf16> -> tensor<8x63xbf16>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>) {
  // expected-error @below {{'fa.reshape': the element type must stay}}
  %0 = fa.reshape %x : tensor<8x64xbf16> -> tensor<64x8xf32>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>) {
  // expected-error @below {{'fa.transpose': the permutation must name each of 2 dimensions once, got [0, 0]}}
  %0 = fa.transpose %x {permutation = array<i64: 0, 0>} : tensor<8x64xbf16> -> tensor<8x8xbf16>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>) {
  // expected-error @below {{'fa.transpose': the result must be 64x8}}
  %0 = fa.transpose %x {permutation = array<i64: 1, 0>} : tensor<8x64xbf16> -> tensor<8x64xbf16>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>) {
  // expected-error @below {{'fa.concat': axis 2 does not exist in both operands}}
  %0 = fa.concat %x, %x {axis = 2 : i64} : tensor<8x64xbf16>, tensor<8x64xbf16> -> tensor<8x64xbf16>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>) {
  // expected-error @below {{'fa.concat': the result must be 16x64}}
  %0 = fa.concat %x, %x {axis = 0 : i64} : tensor<8x64xbf16>, tensor<8x64xbf16> -> tensor<8x128xbf16>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>) {
  // expected-error @below {{'fa.broadcast': 8x64 does not broadcast to 16x64}}
  %0 = fa.broadcast %x : tensor<8x64xbf16> -> tensor<16x64xbf16>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>) {
  // expected-error @below {{'fa.additive': the mask must hold i1, got bf16}}
  %0 = fa.additive %x : tensor<8x64xbf16> -> tensor<8x64xbf16>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.softmax': the maximum must lie in scalar memory, got vector}}
  %p, %n, %l = fa.softmax %a : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.softmax': the sum must be 8, got 4}}
  %p, %n, %l = fa.softmax %a : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<4xf32, scalar>
  func.return
}

// -----
func.func @op(%k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.softmax': the scores must lie in vector memory, got matrix}}
  %p, %n, %l = fa.softmax %k : !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, matrix>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.softmax': the result must be 8x64, got 8x128}}
  %p, %n, %l = fa.softmax %a : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.online_softmax': the alpha must lie in scalar memory, got vector}}
  %p, %n, %l, %al = fa.online_softmax %a, %m, %m : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  %n = fa.fill 0.0 : f32 : !fa.tile<4xf32, scalar>
  // expected-error @below {{'fa.online_softmax': the maximum must be 8, got 4}}
  %p, %o, %l, %al = fa.online_softmax %a, %n, %m : !fa.tile<8x64xbf16, vector>, !fa.tile<4xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  %n = fa.fill 0.0 : f32 : !fa.tile<4x64xbf16, vector>
  // expected-error @below {{'fa.accumulate': the addend must be 8x64, got 4x64}}
  %0 = fa.accumulate %a, %n : !fa.tile<8x64xbf16, vector>, !fa.tile<4x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  %n = fa.fill 0.0 : f32 : !fa.tile<4xf32, scalar>
  // expected-error @below {{'fa.accumulate': alpha must be 8, got 4}}
  %0 = fa.accumulate %a, %a rescale %n : !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector>, !fa.tile<4xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<8x64xbf16, matrix>) {
  // expected-error @below {{'fa.normalize': the sum must lie in scalar memory, got matrix}}
  %0 = fa.normalize %a, %k : !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.normalize': the result must be 8x64, got 8x128}}
  %0 = fa.normalize %a, %m : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x128xbf16, vector>
  func.return
}

// -----
func.func @op(%m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.logsumexp': bound must be at least 1, got 0}}
  %0 = fa.logsumexp %m, %m {bound = 0 : i64} : !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<4x64xf32, vector>
  func.return
}

// -----
func.func @op(%m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.logsumexp': the result needs a column for each of the 8 rows, got 4}}
  %0 = fa.logsumexp %m, %m {bound = 8 : i64} : !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<4x4xf32, vector>
  func.return
}

// -----
func.func @op(%m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.logsumexp': the result must lie in vector memory, got scalar}}
  %0 = fa.logsumexp %m, %m {bound = 8 : i64} : !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.logsumexp': the maximum must lie in scalar memory, got vector}}
  %0 = fa.logsumexp %a, %m {bound = 8 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<4x64xf32, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.combine': a statistic must lie in scalar memory, got vector}}
  %b, %n, %l = fa.combine (%a, %m, %m), (%a, %m, %a) : (!fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>), (!fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8x64xbf16, vector>) -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.combine': an accumulator must lie in vector memory, got scalar}}
  %b, %n, %l = fa.combine (%a, %m, %m), (%m, %m, %m) : (!fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>), (!fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>) -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.combine': a statistic must be 8, got 4}}
  %b, %n, %l = fa.combine (%a, %m, %m), (%a, %m, %m) : (!fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>), (!fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>) -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<4xf32, scalar>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{Expected operandSegmentSizes property in fa.scores operation}}
  %0 = "fa.scores"(%a) : (!fa.tile<8x64xbf16, vector>) -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op() {
  // expected-error @below {{property 'value' expected in operation 'fa.fill'}}
  %0 = "fa.fill"() : () -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<4x64xbf16, vector>) {
  // expected-error @below {{'fa.sink': the sum must be 8, got 4}}
  %m, %l = fa.sink %a : !fa.tile<4x64xbf16, vector> -> !fa.tile<8xf32, scalar>, !fa.tile<4xf32, scalar>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %n: !fa.tile<4xf32, scalar>) {
  // expected-error @below {{'fa.softmax': a statistic to start from must be 8, got 4}}
  %p, %m, %l = fa.softmax %a from %n, %n : !fa.tile<8x64xbf16, vector> from !fa.tile<4xf32, scalar>, !fa.tile<4xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %t: !fa.tile<16x64xbf16, vector>, %i: index) {
  // expected-error @below {{'fa.map': a table has at most the operand's rows, and columns that divide its columns (8x64), got 16x64}}
  %0 = fa.map %a at [%i, %i, %i, %i] with %t {
  ^bb0(%x: f32, %b: index, %h: index, %r: index, %c: index, %y: f32):
    fa.yield %x : f32
  } : !fa.tile<8x64xbf16, vector> with !fa.tile<16x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %t: !fa.tile<4x64xbf16, vector>, %i: index) {
  // expected-error @below {{'fa.map': the function takes a value (f32) and the indices of batch, head, query and key, and an f32 for each of 1 tables, got (f32, index, index, index, index)}}
  %0 = fa.map %a at [%i, %i, %i, %i] with %t {
  ^bb0(%x: f32, %b: index, %h: index, %r: index, %c: index):
    fa.yield %x : f32
  } : !fa.tile<8x64xbf16, vector> with !fa.tile<4x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>, %l: !fa.tile<4xf32, scalar>) {
  // expected-error @below {{'fa.probabilities': the sum must be 8, got 4}}
  %0 = fa.probabilities %a, %m, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<4xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>, %y: tensor<8x64xf32>) {
  // expected-error @below {{'fa.transpose': the element type must stay}}
  %0 = fa.transpose %x {permutation = array<i64: 1, 0>} : tensor<8x64xbf16> -> tensor<64x8xf32>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>, %y: tensor<8x64xf32>) {
  // expected-error @below {{'fa.concat': the element type must stay}}
  %0 = fa.concat %x, %y {axis = 0 : i64} : tensor<8x64xbf16>, tensor<8x64xf32> -> tensor<16x64xbf16>
  func.return
}

// -----
func.func @op(%x: tensor<8x64xbf16>, %y: tensor<8x64xf32>) {
  // expected-error @below {{'fa.concat': the element type must stay}}
  %0 = fa.concat %x, %x {axis = 0 : i64} : tensor<8x64xbf16>, tensor<8x64xbf16> -> tensor<16x64xf32>
  func.return
}

// -----
func.func @scale(%k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scale': the operand must lie in vector memory, got matrix}}
  %0 = fa.scale %k by 2.0 : f32 : !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector>
  func.return
}

// -----
func.func @scratch(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>, %room: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': scratch must be 1 rows or more of vector memory, got !fa.tile<64x64xbf16, matrix>}}
  %0 = fa.scores %q, %k scratch %room {family = #fa.family<btmm>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> scratch !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @scratch(%p: !fa.tile<8x64xbf16, vector>, %v: !fa.tile<64x64xbf16, matrix>, %room: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.matmul': scratch must be 1 rows or more of vector memory, got !fa.tile<64x64xbf16, matrix>}}
  %0 = fa.matmul %p, %v scratch %room : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @scratch(%s: !fa.tile<8x64xbf16, vector>, %i: index, %room: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.mask': scratch must be 2 rows or more of vector memory, got !fa.tile<64x64xbf16, matrix>}}
  %0 = fa.mask %s at[%i, %i, %i, %i] scratch %room {kv_len = 20 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @map(%s: !fa.tile<8x64xbf16, vector>, %i: index) {
  // expected-error @below {{'fa.map': the result must be 8x64, got 4x64}}
  %0 = fa.map %s at[%i, %i, %i, %i] {
  ^bb0(%x: f32, %n: index, %h: index, %r: index, %c: index):
    fa.yield %x : f32
  } : !fa.tile<8x64xbf16, vector> -> !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
func.func @scratch(%s: !fa.tile<8x64xbf16, vector>, %i: index, %room: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.map': scratch must be 1 rows or more of vector memory, got !fa.tile<64x64xbf16, matrix>}}
  %0 = fa.map %s at[%i, %i, %i, %i] scratch %room {
  ^bb0(%x: f32, %n: index, %h: index, %r: index, %c: index):
    fa.yield %x : f32
  } : !fa.tile<8x64xbf16, vector> scratch !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @map(%s: !fa.tile<8x64xbf16, vector>, %t: !fa.tile<8x64xbf16, matrix>, %i: index) {
  // expected-error @below {{'fa.map': a table must lie in vector memory, got matrix}}
  %0 = fa.map %s at[%i, %i, %i, %i] with %t {
  ^bb0(%x: f32, %n: index, %h: index, %r: index, %c: index, %y: f32):
    fa.yield %y : f32
  } : !fa.tile<8x64xbf16, vector> with !fa.tile<8x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @sink(%s: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.sink': the score must lie in vector memory, got matrix}}
  %m, %l = fa.sink %s : !fa.tile<64x64xbf16, matrix> -> !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @probabilities(%s: !fa.tile<8x64xbf16, matrix>, %m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.probabilities': the scores must lie in vector memory, got matrix}}
  %0 = fa.probabilities %s, %m, %m : !fa.tile<8x64xbf16, matrix>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @probabilities(%s: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.probabilities': the result must be 8x64, got 4x64}}
  %0 = fa.probabilities %s, %m, %m : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
func.func @probabilities(%s: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<4xf32, scalar>, %l: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.probabilities': the maximum must be 8, got 4}}
  %0 = fa.probabilities %s, %m, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<4xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @online_softmax(%s: !fa.tile<8x64xbf16, matrix>, %m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.online_softmax': the scores must lie in vector memory, got matrix}}
  %p, %n, %l, %a = fa.online_softmax %s, %m, %m : !fa.tile<8x64xbf16, matrix>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @online_softmax(%s: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.online_softmax': the result must be 8x64, got 4x64}}
  %p, %n, %l, %a = fa.online_softmax %s, %m, %m : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<4x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @scratch(%s: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>, %room: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.online_softmax': scratch must be 1 rows or more of vector memory, got !fa.tile<64x64xbf16, matrix>}}
  %p, %n, %l, %a = fa.online_softmax %s, %m, %m scratch %room : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> scratch !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @normalize(%a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.normalize': the sum is an operand, or in the first `sums` columns}}
  %0 = fa.normalize %a : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @normalize(%a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.normalize': sums and what they divide take 2 * 64 columns of 64}}
  %0 = fa.normalize %a {sums = 64 : i64} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @normalize(%a: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.normalize': a row without keys has no sum to be divided by; give it}}
  %0 = fa.normalize %a {sums = 32 : i64, empty_rows} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @normalize(%a: !fa.tile<8x64xbf16, matrix>, %l: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.normalize': the accumulator must lie in vector memory, got matrix}}
  %0 = fa.normalize %a, %l : !fa.tile<8x64xbf16, matrix>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @scratch(%a: !fa.tile<8x64xbf16, vector>, %l: !fa.tile<8xf32, scalar>, %room: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.normalize': scratch must be 1 rows or more of vector memory, got !fa.tile<64x64xbf16, matrix>}}
  %0 = fa.normalize %a, %l scratch %room : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> scratch !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @logsumexp(%m: !fa.tile<8xf32, scalar>, %l: !fa.tile<4xf32, scalar>) {
  // expected-error @below {{'fa.logsumexp': the sum must be 8, got 4}}
  %0 = fa.logsumexp %m, %l {bound = 20 : i64} : !fa.tile<8xf32, scalar>, !fa.tile<4xf32, scalar> -> !fa.tile<4x64xf32, vector>
  func.return
}

// -----
func.func @scratch(%m: !fa.tile<8xf32, scalar>, %room: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.logsumexp': scratch must be 3 rows or more of vector memory, got !fa.tile<64x64xbf16, matrix>}}
  %0 = fa.logsumexp %m, %m scratch %room {bound = 20 : i64} : !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<4x64xf32, vector>
  func.return
}

// -----
func.func @spread(%m: !fa.tile<4xf32, scalar>) {
  // expected-error @below {{'fa.spread': the operand must be 8, got 4}}
  %0 = fa.spread %m : !fa.tile<4xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @spread(%m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.spread': the result must lie in vector memory, got matrix}}
  %0 = fa.spread %m : !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, matrix>
  func.return
}

// -----
func.func @collect(%s: !fa.tile<8x64xbf16, matrix>) {
  // expected-error @below {{'fa.collect': the operand must lie in vector memory, got matrix}}
  %0 = fa.collect %s : !fa.tile<8x64xbf16, matrix> -> !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @collect(%s: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.collect': the result must be 8, got 4}}
  %0 = fa.collect %s : !fa.tile<8x64xbf16, vector> -> !fa.tile<4xf32, scalar>
  func.return
}

// -----
func.func @scratch(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>, %room: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.combine': scratch must be 1 rows or more of vector memory, got !fa.tile<64x64xbf16, matrix>}}
  %0, %1, %2 = fa.combine(%a, %m, %m), (%a, %m, %m) scratch %room : (!fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>), (!fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>), !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @view(%k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.view': the view must lie in matrix memory, got vector}}
  %0 = fa.view %k {row = 0 : i64, col = 0 : i64} : !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @concat(%x: tensor<2x3x4xbf16>, %y: tensor<2x3x5xbf16>) {
  // expected-error @below {{'fa.concat': the operands must agree but for dimension 1}}
  %0 = fa.concat %x, %y {axis = 1 : i64} : tensor<2x3x4xbf16>, tensor<2x3x5xbf16> -> tensor<2x6x4xbf16>
  func.return
}

// -----
func.func @crop(%x: tensor<2x3x4xbf16>) {
  // expected-error @below {{'fa.crop': start needs a place in each of 3 dimensions}}
  %0 = fa.crop %x {start = array<i64: 0, 0>} : tensor<2x3x4xbf16> -> tensor<1x1x1xbf16>
  func.return
}

// -----
func.func @crop(%x: tensor<2x3x4xbf16>) {
  // expected-error @below {{'fa.crop': the element type must stay}}
  %0 = fa.crop %x : tensor<2x3x4xbf16> -> tensor<1x1x1xf32>
  func.return
}

// -----
func.func @additive(%x: tensor<2x3xi1>) {
  // expected-error @below {{'fa.additive': the bias must hold bf16, f16 or f32}}
  %0 = fa.additive %x : tensor<2x3xi1> -> tensor<2x3xi8>
  func.return
}

// -----
func.func @additive(%x: tensor<2x3xi1>) {
  // expected-error @below {{'fa.additive': the shape must stay}}
  %0 = fa.additive %x : tensor<2x3xi1> -> tensor<3x2xbf16>
  func.return
}

// -----
// expected-error @below {{the numbers of a packing are at least 1}}
func.func @packing() attributes {packing = #fa.packing<streams = 0, width = 16, block = 1, chunks = 4>} { func.return }

// -----
func.func @bounded(%s: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.softmax': bounded must be positive and at most 80, got 81}}
  %p, %m, %l = fa.softmax %s {bounded = 81.0 : f32} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @bounded(%s: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.softmax': what rows start from has no bound: leave `bounded` out}}
  %p, %n, %l = fa.softmax %s from %m, %m {bounded = 8.0 : f32} : !fa.tile<8x64xbf16, vector> from !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @bounded(%s: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.online_softmax': bounded must be positive and at most 80, got 0}}
  %p, %m, %l, %a = fa.online_softmax %s {bounded = 0.0 : f32} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @bounded(%s: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.online_softmax': a step of bounded scores has no maximum; give `sum` alone}}
  %p, %n, %l, %a = fa.online_softmax %s, %m, %m {bounded = 8.0 : f32} : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @sum_alone(%s: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.online_softmax': a step has both a maximum and a sum so far, or neither}}
  %p, %n, %l, %a = fa.online_softmax %s sum %m : !fa.tile<8x64xbf16, vector> sum !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @least(%s: !fa.tile<8x64xbf16, vector>, %l: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.normalize': the least sum must be above 0 and at most 1, got 2.0}}
  %o = fa.normalize %s, %l {least = 2.0 : f32} : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @length_of_none(%n: tensor<2xi32>, %s: !fa.tile<8x64xbf16, vector>, %i: index) {
  // expected-error @below {{'fa.length': most must be at least 1, got 0}}
  %l = fa.length %n[%i] {most = 0 : i64, granule = 1 : i64} : tensor<2xi32>
  func.return
}

// -----
func.func @length_by_none(%n: tensor<2xi32>, %s: !fa.tile<8x64xbf16, vector>, %i: index) {
  // expected-error @below {{'fa.length': granule must be at least 1, got 0}}
  %l = fa.length %n[%i] {most = 20 : i64, granule = 0 : i64} : tensor<2xi32>
  func.return
}

// -----
func.func @length_of_a_matrix(%n: tensor<2x2xi32>, %i: index) {
  // expected-error @below {{'fa.length': lengths are one i32, got tensor<2x2xi32>}}
  %l = fa.length %n[%i] {most = 20 : i64, granule = 1 : i64} : tensor<2x2xi32>
  func.return
}

// -----
func.func @limit_by_a_number(%n: tensor<2xi32>, %s: !fa.tile<8x64xbf16, vector>, %i: index) {
  // expected-error @below {{'fa.limit': a limit takes its length from fa.length with a granule of 1}}
  %o = fa.limit %s from %i to %i : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @limit_by_tiles(%n: tensor<2xi32>, %s: !fa.tile<8x64xbf16, vector>, %i: index) {
  %l = fa.length %n[%i] {most = 20 : i64, granule = 64 : i64} : tensor<2xi32>
  // expected-error @below {{'fa.limit': a limit takes its length from fa.length with a granule of 1}}
  %o = fa.limit %s from %i to %l : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @limit_of_others(%n: tensor<2xi32>, %s: !fa.tile<8x64xbf16, vector>, %i: index) {
  %l = fa.length %n[%i] {most = 20 : i64, granule = 1 : i64} : tensor<2xi32>
  // expected-error @below {{'fa.limit': the result must be 8x64, got 8x32}}
  %o = fa.limit %s from %i to %l : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x32xbf16, vector>
  func.return
}

// -----
func.func @limit_without_room(%n: tensor<2xi32>, %s: !fa.tile<8x64xbf16, vector>, %i: index) {
  %l = fa.length %n[%i] {most = 20 : i64, granule = 1 : i64} : tensor<2xi32>
  %r = fa.scratch : !fa.tile<1x64xbf16, vector>
  // expected-error @below {{'fa.limit': scratch must be 2 rows or more of vector memory, got !fa.tile<1x64xbf16, vector>}}
  %o = fa.limit %s from %i to %l scratch %r : !fa.tile<8x64xbf16, vector>, !fa.tile<1x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @limit_elsewhere(%n: tensor<2xi32>, %s: !fa.tile<8x64xbf16, matrix>, %i: index) {
  %l = fa.length %n[%i] {most = 20 : i64, granule = 1 : i64} : tensor<2xi32>
  // expected-error @below {{'fa.limit': the scores must lie in vector memory, got matrix}}
  %o = fa.limit %s from %i to %l : !fa.tile<8x64xbf16, matrix> -> !fa.tile<8x64xbf16, matrix>
  func.return
}
