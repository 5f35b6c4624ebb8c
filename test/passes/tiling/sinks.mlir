// RUN: fa-opt %s --tile="kv-tile=64" | filecheck %s --check-prefix TILE
// RUN: fa-opt %s --tile="kv-tile=64" --fuse | filecheck %s --check-prefix FUSE
// RUN: fa-opt %s --tile="kv-tile=64" --fuse="order=keys" | filecheck %s --check-prefix KEYS
// RUN: fa-opt %s --tile="kv-tile=64" --fuse="split-kv=2" | filecheck %s --check-prefix SPLIT
// RUN: fa-opt %s --tile --fuse --quantize --allocate-sram --lower-to-isa -t plena-asm | filecheck %s --check-prefix ASM

// Two heads, 8 queries, 128 keys; each row also sees the sink of its head.
func.func @f(%q: tensor<1x2x8x64xbf16>, %k: tensor<1x2x128x64xbf16>, %v: tensor<1x2x128x64xbf16>,
    %s: tensor<2xbf16>) -> (tensor<1x2x8x64xbf16>, tensor<1x2x8xf32>) {
  %o, %lse = fa.attention %q, %k, %v sinks(%s) {lse}
      : tensor<1x2x8x64xbf16>, tensor<1x2x128x64xbf16>, tensor<1x2x128x64xbf16>, tensor<2xbf16>
      -> tensor<1x2x8x64xbf16>, tensor<1x2x8xf32>
  func.return %o, %lse : tensor<1x2x8x64xbf16>, tensor<1x2x8xf32>
}

// The host repeats each head's score over the least tile that can be loaded.
// TILE:       %[[APART:.+]] = fa.reshape %s : tensor<2xbf16> -> tensor<2x1x1xbf16>
// TILE:       %[[SINKS:.+]] = fa.broadcast %[[APART]] : tensor<2x1x1xbf16> -> tensor<2x4x64xbf16>
// TILE:       scf.for %[[HEAD:.+]] =
// TILE:         %[[TILE:.+]] = fa.load %[[SINKS]][%[[HEAD]], %c0, %c0] : tensor<2x4x64xbf16> -> !fa.tile<4x64xbf16, vector>
// TILE-NEXT:    %[[M:.+]], %[[L:.+]] = fa.sink %[[TILE]] : !fa.tile<4x64xbf16, vector> -> !fa.tile<8xf32, scalar>, !fa.tile<8xf32, scalar>
// TILE-NEXT:    fa.softmax %{{.+}} from %[[M]], %[[L]]
// One more than the keys bounds the sum.
// TILE:         fa.logsumexp {{.+}}bound = 129

// The recurrence starts from the sink.
// FUSE:         %[[M:.+]], %[[L:.+]] = fa.sink
// FUSE:         scf.for {{.+}} iter_args(%{{.+}} = %[[M]], %{{.+}} = %[[L]], %{{.+}} = %{{.+}})
// FUSE-NOT:     fa.softmax

// KEYS:         fa.sink
// KEYS:         fa.spread
// KEYS:         fa.online_softmax
// KEYS-NOT:     fa.sink

// Of several parts of the keys the first has the sink.
// SPLIT:        fa.sink
// SPLIT:        fa.online_softmax
// SPLIT:        fa.fill 0xff800000
// SPLIT-NOT:    fa.sink
// SPLIT:        fa.combine

// ASM:        V_RED_MAX f[[S:[0-9]+]],
// ASM-NEXT:   S_MAX_FP
// ASM-NEXT:   S_SUB_FP
// ASM-NEXT:   S_EXP_FP
// ASM-NEXT:   S_SUB_FP
