// RUN: fa-opt %s --split-input-file --verify-diagnostics

// What the verifiers say of what `map`, `schedule-rows` and `trim-tiles` write.


func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': family is one of tmm, btmm, btmv, got 'mm'}}
  %0 = fa.scores %q, %k {family = #fa.family<mm>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{Expected `mm`, `tmm`, `btmm`, or `btmv`.}}
  %0 = fa.scores %q, %k {family = #fa.family<bmv>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{"btmv" should be of base attribute fa.family}}
  %0 = fa.scores %q, %k {family = "btmv"} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': btmv needs a packing of the queries}}
  %0 = fa.scores %q, %k {family = #fa.family<btmv>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': tmm takes queries as they are, not packed}}
  %0 = fa.scores %q, %k {packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': 8 rows are not whole groups of 4 blocks of 4 rows}}
  %0 = fa.scores %q, %k {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 4, chunks = 4>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': 8 queries of 128 columns are packed into 16 rows of 64 columns and take keys of as many columns, got !fa.tile<8x64xbf16, vector> and !fa.tile<64x64xbf16, matrix>}}
  %0 = fa.scores %q, %k {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 8>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.matmul': family is one of mm, btmv, got 'btmm'}}
  %0 = fa.matmul %q, %k {family = #fa.family<btmm>} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %w: !fa.tile<128x64xbf16, matrix>) {
  // expected-error @below {{'fa.matmul': the result must be 8x128, got 8x64}}
  %0 = fa.matmul %q, %w {family = #fa.family<btmv>} : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.matmul': columns must be 1 to 64, got 65}}
  %0 = fa.matmul %q, %k {columns = 65 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.matmul': btmv computes whole rows; columns goes with mm}}
  %0 = fa.matmul %q, %k {family = #fa.family<btmv>, columns = 8 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.online_softmax': the new sum must lie in vector memory, got scalar}}
  %0, %1, %2, %3 = fa.online_softmax %q ones %k : !fa.tile<8x64xbf16, vector> ones !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.online_softmax': the tile of ones must lie in matrix memory, got vector}}
  %0, %1, %2, %3 = fa.online_softmax %q ones %q : !fa.tile<8x64xbf16, vector> ones !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.online_softmax': the new sum must lie in scalar memory, got vector}}
  %0, %1, %2, %3 = fa.online_softmax %q : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %l: !fa.tile<8xf32, scalar>) {
  // expected-error @below {{'fa.online_softmax': a step has both a maximum and a sum so far, or neither}}
  %0, %1, %2, %3 = "fa.online_softmax"(%q, %l) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (!fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>) -> (!fa.tile<8x64xbf16, vector>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>)
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %n: !fa.tile<4x64xbf16, vector>) {
  // expected-error @below {{'fa.normalize': the sum must be 8x64, got 4x64}}
  %0 = fa.normalize %q, %n : !fa.tile<8x64xbf16, vector>, !fa.tile<4x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%w: !fa.tile<128x64xbf16, matrix>) {
  // expected-error @below {{'fa.view': !fa.tile<64x64xbf16, matrix> from [96, 0] on is not inside !fa.tile<128x64xbf16, matrix>}}
  %0 = fa.view %w {row = 96 : i64, col = 0 : i64} : !fa.tile<128x64xbf16, matrix> -> !fa.tile<64x64xbf16, matrix>
  func.return
}

// -----
func.func @op(%w: !fa.tile<128x64xbf16, matrix>) {
  // expected-error @below {{'fa.view': a view lies where its tile does; it has no address of its own}}
  %0 = fa.view %w {row = 0 : i64, col = 0 : i64} : !fa.tile<128x64xbf16, matrix> -> !fa.tile<64x64xbf16, matrix at 0>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>) {
  // expected-error @below {{'fa.view': the tile must lie in matrix memory, got vector}}
  %0 = fa.view %q {row = 0 : i64, col = 0 : i64} : !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, matrix>
  func.return
}

// -----
func.func @op(%x: tensor<3x4xbf16>) {
  // expected-error @below {{'fa.pad': 3x4 does not become 2x8: a pad makes none smaller}}
  %0 = fa.pad %x : tensor<3x4xbf16> -> tensor<2x8xbf16>
  func.return
}

// -----
func.func @op(%x: tensor<3x4xbf16>) {
  // expected-error @below {{'fa.crop': 2x8 from [0, 0] on is not inside 3x4}}
  %0 = fa.crop %x : tensor<3x4xbf16> -> tensor<2x8xbf16>
  func.return
}

// -----
func.func @op(%x: tensor<3x4xbf16>) {
  // expected-error @below {{'fa.pad': the element type must stay}}
  %0 = fa.pad %x : tensor<3x4xbf16> -> tensor<3x8xf32>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %p: !fa.tile<8x64xbf16, vector packed 4>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.repack': one side is packed, the other has rows by themselves}}
  %0 = fa.repack %q by %k : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %p: !fa.tile<8x64xbf16, vector packed 4>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.repack': the result must be 8x64, got 4x64}}
  %0 = fa.repack %p by %k : !fa.tile<8x64xbf16, vector packed 4>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %p: !fa.tile<8x64xbf16, vector packed 4>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.repack': the unit tile must lie in matrix memory, got vector}}
  %0 = fa.repack %p by %q : !fa.tile<8x64xbf16, vector packed 4>, !fa.tile<8x64xbf16, vector> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %p: !fa.tile<8x64xbf16, vector packed 4>, %k: !fa.tile<64x64xbf16, matrix>, %h: !fa.tile<32x64xbf16, matrix>) {
  // expected-error @below {{'fa.repack': the unit tile must be square, got !fa.tile<32x64xbf16, matrix>}}
  %0 = fa.repack %p by %h : !fa.tile<8x64xbf16, vector packed 4>, !fa.tile<32x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %p: !fa.tile<8x64xbf16, vector packed 4>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.matmul': mm takes rows by themselves; packed rows go with btmv}}
  %0 = fa.matmul %p, %k : !fa.tile<8x64xbf16, vector packed 4>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<8x64xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %p: !fa.tile<8x64xbf16, vector packed 4>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scale': the result must have rows by themselves, got !fa.tile<8x64xbf16, vector packed 4>}}
  %0 = fa.scale %p by 2.0 : f32 : !fa.tile<8x64xbf16, vector packed 4> -> !fa.tile<8x64xbf16, vector packed 4>
  func.return
}

// -----
// expected-error @below {{rows share lanes in vector memory only}}
func.func private @op(!fa.tile<8x64xbf16, matrix packed 4>)

// -----
// expected-error @below {{6 rows of 64 columns cannot share lanes by 4; at least 2 do, and they divide rows and columns}}
func.func private @op(!fa.tile<6x64xbf16, vector packed 4>)

// -----
func.func @op(%k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.repack': the operand must lie in vector memory, got matrix}}
  %0 = fa.repack %k by %k : !fa.tile<64x64xbf16, matrix>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<64x64xbf16, vector packed 4>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<128x64xbf16, matrix>, %c: !fa.tile<4x64xbf16, vector>, %h: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': choices and blocks say how hide masks, and there is none}}
  %0 = fa.scores %q, %k {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>, choices = array<i64: 0, 3>, blocks = array<i64: 0, -1, 3, -1>} : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix> -> !fa.tile<8x128xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<128x64xbf16, matrix>, %c: !fa.tile<4x64xbf16, vector>, %h: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': hide needs choices and blocks}}
  %0 = fa.scores %q, %k hide(%c, %h : !fa.tile<4x64xbf16, vector>, !fa.tile<64x64xbf16, matrix>) {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>, choices = array<i64: 0, 3>} : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix> -> !fa.tile<8x128xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<128x64xbf16, matrix>, %c: !fa.tile<4x64xbf16, vector>, %h: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': hide masks with btmv, on queries packed in blocks of 1 row}}
  %0 = fa.scores %q, %k hide(%c, %h : !fa.tile<4x64xbf16, vector>, !fa.tile<64x64xbf16, matrix>) {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 2, chunks = 4>, choices = array<i64: 0, 3>, blocks = array<i64: 0, -1, 3, -1>} : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix> -> !fa.tile<8x128xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<128x64xbf16, matrix>, %c: !fa.tile<4x128xbf16, vector>, %h: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': the choice must be 4x64, got 4x128}}
  %0 = fa.scores %q, %k hide(%c, %h : !fa.tile<4x128xbf16, vector>, !fa.tile<64x64xbf16, matrix>) {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>, choices = array<i64: 0, 3>, blocks = array<i64: 0, -1, 3, -1>} : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix> -> !fa.tile<8x128xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<128x64xbf16, matrix>, %c: !fa.tile<4x64xbf16, vector>, %h: !fa.tile<64x64xbf16, vector>) {
  // expected-error @below {{'fa.scores': what is hidden must lie in matrix memory, got vector}}
  %0 = fa.scores %q, %k hide(%c, %h : !fa.tile<4x64xbf16, vector>, !fa.tile<64x64xbf16, vector>) {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>, choices = array<i64: 0, 3>, blocks = array<i64: 0, -1, 3, -1>} : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix> -> !fa.tile<8x128xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<128x64xbf16, matrix>, %c: !fa.tile<4x64xbf16, vector>, %h: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': 2 groups of 4 rows and 2 panels of 64 keys have as many choices and 4 blocks, got 2 and 2}}
  %0 = fa.scores %q, %k hide(%c, %h : !fa.tile<4x64xbf16, vector>, !fa.tile<64x64xbf16, matrix>) {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>, choices = array<i64: 0, 3>, blocks = array<i64: 0, -1>} : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix> -> !fa.tile<8x128xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<128x64xbf16, matrix>, %c: !fa.tile<4x64xbf16, vector>, %h: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': choices are rows of the 4 that there are}}
  %0 = fa.scores %q, %k hide(%c, %h : !fa.tile<4x64xbf16, vector>, !fa.tile<64x64xbf16, matrix>) {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>, choices = array<i64: 0, 4>, blocks = array<i64: 0, -1, 3, -1>} : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix> -> !fa.tile<8x128xbf16, vector>
  func.return
}

// -----
func.func @op(%q: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<128x64xbf16, matrix>, %c: !fa.tile<4x64xbf16, vector>, %h: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.scores': blocks are those of the 4 that there are, or -1}}
  %0 = fa.scores %q, %k hide(%c, %h : !fa.tile<4x64xbf16, vector>, !fa.tile<64x64xbf16, matrix>) {family = #fa.family<btmv>, packing = #fa.packing<streams = 4, width = 16, block = 1, chunks = 4>, choices = array<i64: 0, 3>, blocks = array<i64: 0, -1, 4, -1>} : !fa.tile<8x64xbf16, vector>, !fa.tile<128x64xbf16, matrix> -> !fa.tile<8x128xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, matrix>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.normalize_packed': the accumulator must lie in vector memory, got matrix}}
  %0 = fa.normalize_packed %a by %k {streams = 4 : i64, sums = 16 : i64} : !fa.tile<8x64xbf16, matrix>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x128xbf16, matrix>) {
  // expected-error @below {{'fa.normalize_packed': the unit tile must be 64x64, got 64x128}}
  %0 = fa.normalize_packed %a by %k {streams = 4 : i64, sums = 16 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x128xbf16, matrix> -> !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<32x64xbf16, matrix>) {
  // expected-error @below {{'fa.normalize_packed': the unit tile must be square, got !fa.tile<32x64xbf16, matrix>}}
  %0 = fa.normalize_packed %a by %k {streams = 4 : i64, sums = 16 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<32x64xbf16, matrix> -> !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<6x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.normalize_packed': 6 rows of 64 columns cannot be packed by 4, which is at least 2 and divides rows and columns}}
  %0 = fa.normalize_packed %a by %k {streams = 4 : i64, sums = 16 : i64} : !fa.tile<6x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.normalize_packed': sums and what they divide are whole slices of 16 columns of 64, got 2 * 24}}
  %0 = fa.normalize_packed %a by %k {streams = 4 : i64, sums = 24 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<4x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.normalize_packed': quotients take 4 rows, and the result has 2}}
  %0 = fa.normalize_packed %a by %k {streams = 4 : i64, sums = 32 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<2x64xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.normalize_packed': the result must be 4x64, got 4x128}}
  %0 = fa.normalize_packed %a by %k {streams = 4 : i64, sums = 16 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> -> !fa.tile<4x128xbf16, vector>
  func.return
}

// -----
func.func @op(%a: !fa.tile<8x64xbf16, vector>, %k: !fa.tile<64x64xbf16, matrix>) {
  // expected-error @below {{'fa.normalize_packed': scratch must be 1 rows or more of vector memory, got !fa.tile<64x64xbf16, matrix>}}
  %0 = fa.normalize_packed %a by %k scratch %k {streams = 4 : i64, sums = 16 : i64} : !fa.tile<8x64xbf16, vector>, !fa.tile<64x64xbf16, matrix> scratch !fa.tile<64x64xbf16, matrix> -> !fa.tile<4x64xbf16, vector>
  func.return
}
