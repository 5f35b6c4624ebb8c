// RUN: fa-opt --split-input-file --parsing-diagnostics --verify-diagnostics < %s | filecheck %s --match-full-lines --strict-whitespace

// What the verifiers of tiles and of operations on tiles say. Attention on tensors: test/tools.

// CHECK:<stdin>:6:1: error: unknown memory space 'sram'; there are vector, matrix, scalar
func.func private @type() -> !fa.tile<8x64xbf16, sram>

// -----
// CHECK:<stdin>:11:1: error: a tile in vector memory has 2 dimensions, got 1

func.func private @type() -> !fa.tile<64xbf16, vector>

// -----
// CHECK:<stdin>:16:1: error: a tile in scalar memory has 1 dimension, got 2

func.func private @type() -> !fa.tile<8x64xbf16, scalar>

// -----
// CHECK:<stdin>:21:1: error: the extents of a tile are at least 1

func.func private @type() -> !fa.tile<0x64xbf16, vector>

// -----
// CHECK:<stdin>:26:1: error: a tile holds bf16, f16 or f32, got i8

func.func private @type() -> !fa.tile<8x64xi8, vector>

// -----
// CHECK:<stdin>:31:60: error: Expected integer literal

func.func private @type() -> !fa.tile<8x64xbf16, vector at -1>

// -----
// CHECK:<stdin>:36:57: error: @ identifier expected to start with letter, '_', or '"'.

func.func private @type() -> !fa.tile<8x64xbf16, vector @ 64>

// -----
// CHECK:<stdin>:41:1: error: the extents of a tile are at least 1

func.func private @type() -> !fa.tile<?x64xbf16, vector>

// -----
// CHECK:<stdin>:47:8: error: 'fa.load': 2 indices are needed, one for each dimension, got 1

func.func @op(%x: tensor<8x64xbf16>, %i: index) {
  %0 = fa.load %x[%i] : tensor<8x64xbf16> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:56:8: error: 'fa.load': the buffer must lie in HBM (#fa.hbm), got memref<8x64xbf16>

func.func @op(%i: index) {
  %b = memref.alloc() : memref<8x64xbf16>
  %0 = fa.load %b[%i, %i] : memref<8x64xbf16> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:65:8: error: 'fa.load': rank 1 is too small to hold tiles

func.func @op(%i: index) {
  %b = memref.alloc() : memref<8xbf16, #fa.hbm>
  %0 = fa.load %b[%i] : memref<8xbf16, #fa.hbm> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:73:8: error: 'fa.load': a tile is loaded into vector or matrix memory, not scalar

func.func @op(%x: tensor<8x64xbf16>, %i: index) {
  %0 = fa.load %x[%i, %i] : tensor<8x64xbf16> -> !fa.tile<8xf32, scalar>
  func.return
}

// -----
// CHECK:<stdin>:81:8: error: tensor<8x64xbf16> should be of base attribute fa.tile

func.func @op(%x: tensor<8x64xbf16>, %i: index) {
  %0 = fa.load %x[%i, %i] : tensor<8x64xbf16> -> tensor<8x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:90:3: error: 'fa.store': only tiles in vector memory can be stored

func.func @op(%i: index, %k: !fa.tile<64x64xbf16, matrix>) {
  %b = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  fa.store %k, %b[%i, %i] : !fa.tile<64x64xbf16, matrix>, memref<8x64xbf16, #fa.hbm>
  func.return
}

// -----
// CHECK:<stdin>:99:3: error: 'fa.store': 2 indices are needed, one for each dimension, got 1

func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %b = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  fa.store %a, %b[%i] : !fa.tile<8x64xbf16, vector>, memref<8x64xbf16, #fa.hbm>
  func.return
}

// -----
// CHECK:<stdin>:108:3: error: 'fa.store': the buffer must lie in HBM (#fa.hbm), got memref<8x64xbf16>

func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %b = memref.alloc() : memref<8x64xbf16>
  fa.store %a, %b[%i, %i] : !fa.tile<8x64xbf16, vector>, memref<8x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:117:3: error: 'fa.store': rank 1 is too small to hold tiles

func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %b = memref.alloc() : memref<8xbf16, #fa.hbm>
  fa.store %a, %b[%i] : !fa.tile<8x64xbf16, vector>, memref<8xbf16, #fa.hbm>
  func.return
}

// -----
// CHECK:<stdin>:126:8: error: 'fa.result': shape and element type must stay: memref<8x64xbf16, #fa.hbm> -> tensor<8x32xbf16>

func.func @op() {
  %b = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  %0 = fa.result %b : memref<8x64xbf16, #fa.hbm> -> tensor<8x32xbf16>
  func.return
}

// -----
// CHECK:<stdin>:135:8: error: 'fa.result': shape and element type must stay: memref<8x64xbf16, #fa.hbm> -> tensor<8x64xf32>

func.func @op() {
  %b = memref.alloc() : memref<8x64xbf16, #fa.hbm>
  %0 = fa.result %b : memref<8x64xbf16, #fa.hbm> -> tensor<8x64xf32>
  func.return
}

// -----
// CHECK:<stdin>:143:8: error: 'fa.fill': matrix memory is filled from HBM only

func.func @op() {
  %0 = fa.fill 0.0 : f32 : !fa.tile<64x64xbf16, matrix>
  func.return
}

// -----
// CHECK:<stdin>:151:8: error: 'fa.scale': the result must lie in vector memory, got matrix

func.func @op(%k: !fa.tile<64x64xbf16, matrix>) {
  %0 = fa.scale %k by 2.0 : f32 : !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, matrix>
  func.return
}

// -----
// CHECK:<stdin>:159:8: error: 'fa.scale': the result must be 8x64, got 4x64

func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  %0 = fa.scale %a by 2.0 : f32 : !fa.tile<8x64xbf16, vector> -> !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:167:8: error: 'fa.copy': matrix memory is filled from HBM only; load the tile again

func.func @op(%k: !fa.tile<64x64xbf16, matrix>) {
  %0 = fa.copy %k : !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, matrix>
  func.return
}

// -----
// CHECK:<stdin>:175:8: error: 'fa.copy': the result must lie in vector memory, got scalar

func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  %0 = fa.copy %a : !fa.tile<8x64xbf16, vector> -> !fa.tile<8xf32, scalar>
  func.return
}

// -----
// CHECK:<stdin>:183:8: error: 'fa.copy': the result must be 8x64, got 4x64

func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  %0 = fa.copy %a : !fa.tile<8x64xbf16, vector> -> !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:191:8: error: 'fa.scores': the query tile must lie in vector memory, got matrix

func.func @op(%k: !fa.tile<64x64xbf16, matrix>) {
  %0 = fa.scores %k, %k : !fa.tile<64x64xbf16, matrix>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:199:8: error: 'fa.scores': the key tile must lie in matrix memory, got vector

func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  %0 = fa.scores %a, %a : !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:208:8: error: 'fa.scores': the key tile must be 64x64, got 64x128

func.func @op(%x: tensor<8x64xbf16>, %i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %n = fa.load %x[%i, %i] : tensor<8x64xbf16> -> !fa.tile<64x128xbf16, matrix>
  %0 = fa.scores %a, %n : !fa.tile<8x64xbf16, vector>, !fa.tile<64x128xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:216:8: error: 'fa.scores': the result must be 8x64, got 8x128

func.func @op(%a: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  %0 = fa.scores %a, %k : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x128xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:224:8: error: 'fa.matmul': the left operand must lie in vector memory, got matrix

func.func @op(%k: !fa.tile<64x64xbf16, matrix>) {
  %0 = fa.matmul %k, %k : !fa.tile<64x64xbf16, matrix>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:232:8: error: 'fa.matmul': the right operand must lie in matrix memory, got vector

func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  %0 = fa.matmul %a, %a : !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:241:8: error: 'fa.matmul': the right operand must be 64x64, got 128x64

func.func @op(%x: tensor<8x64xbf16>, %i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %n = fa.load %x[%i, %i] : tensor<8x64xbf16> -> !fa.tile<128x64xbf16, matrix>
  %0 = fa.matmul %a, %n : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:249:8: error: 'fa.matmul': the result must be 8x64, got 4x64

func.func @op(%a: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  %0 = fa.matmul %a, %k : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:257:8: error: 'fa.mask': kv_len must be at least 1, got 0

func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %0 = fa.mask %a at [%i, %i, %i, %i] {kv_len = 0 : i64} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:265:8: error: 'fa.mask': the scores must lie in vector memory, got scalar

func.func @op(%i: index, %m: !fa.tile<8xf32, scalar>) {
  %0 = fa.mask %m at [%i, %i, %i, %i] {kv_len = 8 : i64} : !fa.tile<8xf32, scalar> -> !fa.tile<8xf32, scalar>
  func.return
}

// -----
// CHECK:<stdin>:273:8: error: 'fa.mask': the result must be 8x64, got 8x128

func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %0 = fa.mask %a at [%i, %i, %i, %i] {kv_len = 8 : i64} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x128xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:281:8: error: property 'kv_len' expected in operation 'fa.mask'

func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %0 = fa.mask %a at [%i, %i, %i, %i] : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:289:8: error: 'fa.mask': unknown mask "causal"; there are #fa.causal, #fa.window, #fa.chunked, #fa.prefix, #fa.documents, #fa.all_of, #fa.ragged, #fa.grouped

func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %0 = fa.mask %a at [%i, %i, %i, %i] {kv_len = 8 : i64, mask = "causal"} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:297:8: error: 'fa.mask': #fa.causal: the offset is not resolved

func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %0 = fa.mask %a at [%i, %i, %i, %i] {kv_len = 8 : i64, mask = #fa.causal} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:305:8: error: 'fa.map': the function takes a value (f32) and the indices of batch, head, query and key, got (f32)

func.func @op(%i: index, %a: !fa.tile<8x64xbf16, vector>) {
  %0 = fa.map %a at [%i, %i, %i, %i] {
  ^bb0(%y: f32):
    fa.yield %y : f32
  } : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:316:8: error: 'fa.map': the operand must lie in vector memory, got matrix

func.func @op(%i: index, %k: !fa.tile<64x64xbf16, matrix>) {
  %0 = fa.map %k at [%i, %i, %i, %i] {
  ^bb0(%y: f32, %b: index, %h: index, %r: index, %c: index):
    fa.yield %y : f32
  } : !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, matrix>
  func.return
}

// -----
// CHECK:<stdin>:327:66: error: unknown or repeated field 'offset'; there are offset

func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.causal<offset = 1, offset = 2>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:335:54: error: unknown or repeated field 'left'; there are offset

func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.causal<left = 1>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:343:8: error: left must be at least 0, got -1; leave it out

func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.window<left = -1>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:351:8: error: a chunk has at least 1 key, got 0

func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.chunked<size = 0>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:359:8: error: a document has at least 1 token

func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.documents<[5, 0]>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:367:8: error: a valid length is at least 0

func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.ragged<[-1, 4]>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:375:8: error: 'fa.attention': a ragged mask needs a length for each of 2 batches, got 3

func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.ragged<[4, 4, 4]>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:383:8: error: "a" is not a mask

func.func @op(%x4: tensor<2x4x8x64xbf16>) {
  %0 = fa.attention %x4, %x4, %x4 {mask = #fa.all_of<["a"]>} : tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16>, tensor<2x4x8x64xbf16> -> tensor<2x4x8x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:391:8: error: 'fa.reshape': 8x64 has 512 elements, 8x63 504

func.func @op(%x: tensor<8x64xbf16>) {
  %0 = fa.reshape %x : tensor<8x64xbf16> -> tensor<8x63xbf16>
  func.return
}

// -----
// CHECK:<stdin>:399:8: error: 'fa.reshape': the element type must stay

func.func @op(%x: tensor<8x64xbf16>) {
  %0 = fa.reshape %x : tensor<8x64xbf16> -> tensor<64x8xf32>
  func.return
}

// -----
// CHECK:<stdin>:407:8: error: 'fa.transpose': the permutation must name each of 2 dimensions once, got [0, 0]

func.func @op(%x: tensor<8x64xbf16>) {
  %0 = fa.transpose %x {permutation = array<i64: 0, 0>} : tensor<8x64xbf16> -> tensor<8x8xbf16>
  func.return
}

// -----
// CHECK:<stdin>:415:8: error: 'fa.transpose': the result must be 64x8

func.func @op(%x: tensor<8x64xbf16>) {
  %0 = fa.transpose %x {permutation = array<i64: 1, 0>} : tensor<8x64xbf16> -> tensor<8x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:423:8: error: 'fa.concat': axis 2 does not exist in both operands

func.func @op(%x: tensor<8x64xbf16>) {
  %0 = fa.concat %x, %x {axis = 2 : i64} : tensor<8x64xbf16>, tensor<8x64xbf16> -> tensor<8x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:431:8: error: 'fa.concat': the result must be 16x64

func.func @op(%x: tensor<8x64xbf16>) {
  %0 = fa.concat %x, %x {axis = 0 : i64} : tensor<8x64xbf16>, tensor<8x64xbf16> -> tensor<8x128xbf16>
  func.return
}

// -----
// CHECK:<stdin>:439:8: error: 'fa.broadcast': 8x64 does not broadcast to 16x64

func.func @op(%x: tensor<8x64xbf16>) {
  %0 = fa.broadcast %x : tensor<8x64xbf16> -> tensor<16x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:447:8: error: 'fa.additive': the mask must hold i1, got bf16

func.func @op(%x: tensor<8x64xbf16>) {
  %0 = fa.additive %x : tensor<8x64xbf16> -> tensor<8x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:455:16: error: 'fa.softmax': the maximum must lie in scalar memory, got vector

func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  %p, %n, %l = fa.softmax %a : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
// CHECK:<stdin>:463:16: error: 'fa.softmax': the sum must be 8, got 4

func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  %p, %n, %l = fa.softmax %a : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<4xf32, scalar>
  func.return
}

// -----
// CHECK:<stdin>:471:16: error: 'fa.softmax': the scores must lie in vector memory, got matrix

func.func @op(%k: !fa.tile<64x64xbf16, matrix>) {
  %p, %n, %l = fa.softmax %k : !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, matrix>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
// CHECK:<stdin>:479:16: error: 'fa.softmax': the result must be 8x64, got 8x128

func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  %p, %n, %l = fa.softmax %a : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x128xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
// CHECK:<stdin>:487:21: error: 'fa.online_softmax': the alpha must lie in scalar memory, got vector

func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  %p, %n, %l, %al = fa.online_softmax %a, %m, %m : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:496:21: error: 'fa.online_softmax': the maximum must be 8, got 4

func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  %n = fa.fill 0.0 : f32 : !fa.tile<4xf32, scalar>
  %p, %o, %l, %al = fa.online_softmax %a, %n, %m : !fa.tile<8x64xbf16, vector>, !fa.tile<4xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
// CHECK:<stdin>:505:8: error: 'fa.accumulate': the addend must be 8x64, got 4x64

func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  %n = fa.fill 0.0 : f32 : !fa.tile<4x64xbf16, vector>
  %0 = fa.accumulate %a, %n : !fa.tile<8x64xbf16, vector>, !fa.tile<4x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:514:8: error: 'fa.accumulate': alpha must be 8, got 4

func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  %n = fa.fill 0.0 : f32 : !fa.tile<4xf32, scalar>
  %0 = fa.accumulate %a, %a rescale %n : !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, vector>, !fa.tile<4xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:522:8: error: 'fa.normalize': the sum must lie in scalar memory, got matrix

func.func @op(%a: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<8x64xbf16, matrix>) {
  %0 = fa.normalize %a, %k : !fa.tile<8x64xbf16, vector>, !fa.tile<8x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:530:8: error: 'fa.normalize': the result must be 8x64, got 8x128

func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  %0 = fa.normalize %a, %m : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<8x128xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:538:8: error: 'fa.logsumexp': bound must be at least 1, got 0

func.func @op(%m: !fa.tile<8xf32, scalar>) {
  %0 = fa.logsumexp %m, %m {bound = 0 : i64} : !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<4x64xf32, vector>
  func.return
}

// -----
// CHECK:<stdin>:546:8: error: 'fa.logsumexp': the result needs a column for each of the 8 rows, got 4

func.func @op(%m: !fa.tile<8xf32, scalar>) {
  %0 = fa.logsumexp %m, %m {bound = 8 : i64} : !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<4x4xf32, vector>
  func.return
}

// -----
// CHECK:<stdin>:554:8: error: 'fa.logsumexp': the result must lie in vector memory, got scalar

func.func @op(%m: !fa.tile<8xf32, scalar>) {
  %0 = fa.logsumexp %m, %m {bound = 8 : i64} : !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar> -> !fa.tile<8xf32, scalar>
  func.return
}

// -----
// CHECK:<stdin>:562:8: error: 'fa.logsumexp': the maximum must lie in scalar memory, got vector

func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  %0 = fa.logsumexp %a, %m {bound = 8 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar> -> !fa.tile<4x64xf32, vector>
  func.return
}

// -----
// CHECK:<stdin>:570:16: error: 'fa.combine': a statistic must lie in scalar memory, got vector

func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  %b, %n, %l = fa.combine (%a, %m, %m), (%a, %m, %a) : (!fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>), (!fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8x64xbf16, vector>) -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
// CHECK:<stdin>:578:16: error: 'fa.combine': an accumulator must lie in vector memory, got scalar

func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  %b, %n, %l = fa.combine (%a, %m, %m), (%m, %m, %m) : (!fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>), (!fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>) -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
// CHECK:<stdin>:586:16: error: 'fa.combine': a statistic must be 8, got 4

func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>) {
  %b, %n, %l = fa.combine (%a, %m, %m), (%a, %m, %m) : (!fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>), (!fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>) -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<4xf32, scalar>
  func.return
}

// -----
// CHECK:<stdin>:594:8: error: 'fa.scores': Expected 2 or 3 operands, but got 1

func.func @op(%a: !fa.tile<8x64xbf16, vector>) {
  %0 = "fa.scores"(%a) : (!fa.tile<8x64xbf16, vector>) -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:602:8: error: property 'value' expected in operation 'fa.fill'

func.func @op() {
  %0 = "fa.fill"() : () -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:610:12: error: 'fa.sink': the sum must be 8, got 4

func.func @op(%a: !fa.tile<4x64xbf16, vector>) {
  %m, %l = fa.sink %a : !fa.tile<4x64xbf16, vector> -> !fa.tile<8xf32, scalar>, !fa.tile<4xf32, scalar>
  func.return
}

// -----
// CHECK:<stdin>:618:16: error: 'fa.softmax': a statistic to start from must be 8, got 4

func.func @op(%a: !fa.tile<8x64xbf16, vector>, %n: !fa.tile<4xf32, scalar>) {
  %p, %m, %l = fa.softmax %a from %n, %n : !fa.tile<8x64xbf16, vector> from !fa.tile<4xf32, scalar>, !fa.tile<4xf32, scalar> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
// CHECK:<stdin>:626:8: error: 'fa.map': a table has at most the operand's rows, and columns that divide its columns (8x64), got 16x64

func.func @op(%a: !fa.tile<8x64xbf16, vector>, %t: !fa.tile<16x64xbf16, vector>, %i: index) {
  %0 = fa.map %a at [%i, %i, %i, %i] with %t {
  ^bb0(%x: f32, %b: index, %h: index, %r: index, %c: index, %y: f32):
    fa.yield %x : f32
  } : !fa.tile<8x64xbf16, vector> with !fa.tile<16x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:637:8: error: 'fa.map': the function takes a value (f32) and the indices of batch, head, query and key, and an f32 for each of 1 tables, got (f32, index, index, index, index)

func.func @op(%a: !fa.tile<8x64xbf16, vector>, %t: !fa.tile<4x64xbf16, vector>, %i: index) {
  %0 = fa.map %a at [%i, %i, %i, %i] with %t {
  ^bb0(%x: f32, %b: index, %h: index, %r: index, %c: index):
    fa.yield %x : f32
  } : !fa.tile<8x64xbf16, vector> with !fa.tile<4x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:648:8: error: 'fa.probabilities': the sum must be 8, got 4

func.func @op(%a: !fa.tile<8x64xbf16, vector>, %m: !fa.tile<8xf32, scalar>, %l: !fa.tile<4xf32, scalar>) {
  %0 = fa.probabilities %a, %m, %l : !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<4xf32, scalar> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
// CHECK:<stdin>:656:8: error: 'fa.transpose': the element type must stay

func.func @op(%x: tensor<8x64xbf16>, %y: tensor<8x64xf32>) {
  %0 = fa.transpose %x {permutation = array<i64: 1, 0>} : tensor<8x64xbf16> -> tensor<64x8xf32>
  func.return
}

// -----
// CHECK:<stdin>:664:8: error: 'fa.concat': the element type must stay

func.func @op(%x: tensor<8x64xbf16>, %y: tensor<8x64xf32>) {
  %0 = fa.concat %x, %y {axis = 0 : i64} : tensor<8x64xbf16>, tensor<8x64xf32> -> tensor<16x64xbf16>
  func.return
}

// -----
// CHECK:<stdin>:672:8: error: 'fa.concat': the element type must stay

func.func @op(%x: tensor<8x64xbf16>, %y: tensor<8x64xf32>) {
  %0 = fa.concat %x, %x {axis = 0 : i64} : tensor<8x64xbf16>, tensor<8x64xbf16> -> tensor<16x64xf32>
  func.return
}
