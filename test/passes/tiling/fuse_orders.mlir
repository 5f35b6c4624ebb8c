// RUN: fa-opt %s --tile="kv-tile=64" --fuse="order=keys" | filecheck %s --check-prefix KEYS
// RUN: fa-opt %s --tile="kv-tile=64" --fuse="split-kv=2" | filecheck %s --check-prefix SPLIT

// One head, 128 queries, 256 keys.
func.func @f(%q: tensor<1x1x128x64xbf16>, %k: tensor<1x1x256x64xbf16>, %v: tensor<1x1x256x64xbf16>)
    -> tensor<1x1x128x64xbf16> {
  %o = fa.attention %q, %k, %v
      : tensor<1x1x128x64xbf16>, tensor<1x1x256x64xbf16>, tensor<1x1x256x64xbf16>
      -> tensor<1x1x128x64xbf16>
  func.return %o : tensor<1x1x128x64xbf16>
}

// FlashAttention-1: the state of every query tile in HBM, keys and values loaded once.
// KEYS:         %[[ACCS:.+]] = memref.alloc() : memref<128x64xbf16, #fa.hbm>
// KEYS:         %[[MAXIMA:.+]] = memref.alloc() : memref<128x64xf32, #fa.hbm>
// KEYS:         scf.for
// KEYS:           fa.fill 0xff800000
// KEYS:           fa.spread
// KEYS:           fa.store
// KEYS:         scf.for %[[KEY:.+]] =
// KEYS-NEXT:      fa.load %k[%{{.+}}, %{{.+}}, %[[KEY]], %{{.+}}]
// KEYS-NEXT:      fa.load %v[%{{.+}}, %{{.+}}, %[[KEY]], %{{.+}}]
// KEYS-NEXT:      scf.for %[[ROW:.+]] =
// KEYS-NEXT:        fa.load %q[%{{.+}}, %{{.+}}, %[[ROW]], %{{.+}}]
// KEYS:             fa.load %[[ACCS]][%[[ROW]], %{{.+}}]
// KEYS:             fa.load %[[MAXIMA]][%[[ROW]], %{{.+}}]
// KEYS:             fa.collect
// KEYS:             fa.online_softmax
// KEYS:             fa.accumulate
// KEYS:             fa.spread
// KEYS:             fa.store {{.+}}, %[[ACCS]][%[[ROW]], %{{.+}}]
// KEYS:         scf.for
// KEYS:           fa.normalize

// Flash decoding: two halves of the keys, then one combination.
// SPLIT:        scf.for
// SPLIT:          scf.for %{{.+}} = %c0 to %c128 step %c64
// SPLIT:            fa.online_softmax
// SPLIT:          scf.for %{{.+}} = %c128 to %c256 step %c64
// SPLIT:            fa.online_softmax
// SPLIT:          fa.combine
// SPLIT-NEXT:     fa.normalize
