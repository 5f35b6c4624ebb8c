// RUN: fa-opt %s --group-heads --split-input-file | filecheck %s
// RUN: fa-opt %s --group-heads --tile --fuse --split-input-file | filecheck %s --check-prefix=TILES

// 71 heads on one KV head, one query each: one tile of all of them, the last row padding.

func.func @all(%q: tensor<1x71x1x64xbf16>, %k: tensor<1x1x900x64xbf16>, %v: tensor<1x1x900x64xbf16>)
    -> tensor<1x71x1x64xbf16> {
  %o = fa.attention %q, %k, %v
      : tensor<1x71x1x64xbf16>, tensor<1x1x900x64xbf16>, tensor<1x1x900x64xbf16>
      -> tensor<1x71x1x64xbf16>
  func.return %o : tensor<1x71x1x64xbf16>
}

// CHECK-LABEL: func.func @all(
// CHECK:      fa.attention {{.*}}fa.grouped_heads = 72 : i64} : tensor<1x1x71x64xbf16>
// CHECK:      fa.reshape {{.*}} -> tensor<1x71x1x64xbf16>
// TILES-LABEL: func.func @all(
// TILES-NOT:   scf.for %row
// TILES:       fa.load {{.*}} -> !fa.tile<72x64xbf16, vector>
// TILES:       scf.for

// -----

// 128 heads of absorbed multi-head latent attention: 128 accumulators of 512 columns alone fill
// vector SRAM. Four parts of 32 heads are four tiles of one head's 128 rows.

func.func @parts(%q: tensor<1x128x1x576xbf16>, %k: tensor<1x1x256x576xbf16>, %v: tensor<1x1x256x512xbf16>)
    -> tensor<1x128x1x512xbf16> {
  %o = fa.attention %q, %k, %v
      : tensor<1x128x1x576xbf16>, tensor<1x1x256x576xbf16>, tensor<1x1x256x512xbf16>
      -> tensor<1x128x1x512xbf16>
  func.return %o : tensor<1x128x1x512xbf16>
}

// CHECK-LABEL: func.func @parts(
// CHECK:      fa.attention {{.*}}fa.grouped_heads = 32 : i64} : tensor<1x1x128x576xbf16>
// TILES-LABEL: func.func @parts(
// TILES:       %c128 = arith.constant 128 : index
// TILES:       scf.for %row = %{{.*}} to %c128
// TILES:       fa.load {{.*}} %row, {{.*}} -> !fa.tile<32x576xbf16, vector>

// -----

// Nothing to share: the function says why.

func.func @alone(%q: tensor<1x4x16x64xbf16>, %k: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>, %s: tensor<4xbf16>)
    -> tensor<1x4x16x64xbf16> {
  %o = fa.attention %q, %k, %v sinks(%s)
      : tensor<1x4x16x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<4xbf16>
      -> tensor<1x4x16x64xbf16>
  func.return %o : tensor<1x4x16x64xbf16>
}

// CHECK:      func.func @alone(
// CHECK-SAME: fa.ungrouped = "heads differ in more than their queries"

// -----

// In prefill each head alone fills tiles: parts of the group would gain nothing.

func.func @prefill(%q: tensor<1x71x256x64xbf16>, %k: tensor<1x1x256x64xbf16>, %v: tensor<1x1x256x64xbf16>)
    -> tensor<1x71x256x64xbf16> {
  %o = fa.attention %q, %k, %v
      : tensor<1x71x256x64xbf16>, tensor<1x1x256x64xbf16>, tensor<1x1x256x64xbf16>
      -> tensor<1x71x256x64xbf16>
  func.return %o : tensor<1x71x256x64xbf16>
}

// CHECK:      func.func @prefill(
// CHECK-SAME: fa.ungrouped = "71 heads do not fit together, and in parts they go over keys and values {{[0-9]+}} times, each by itself 284"
