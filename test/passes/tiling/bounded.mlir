// RUN: fa-opt %s --tile="kv-tile=64" --cse --canonicalize --split-input-file | filecheck %s --check-prefix TILE
// RUN: fa-opt %s --tile="kv-tile=64" --fuse --cse --canonicalize --split-input-file | filecheck %s --check-prefix FUSE
// RUN: fa-opt %s --tile="kv-tile=64" --fuse --map="qk=tmm pv=btmv sums=reduce" --schedule-rows --cse --canonicalize --split-input-file | filecheck %s --check-prefix ROWS
// RUN: fa-opt %s --tile="kv-tile=64 bounded=false" --fuse --cse --canonicalize --split-input-file | filecheck %s --check-prefix KEPT
// RUN: fa-opt %s --tile="kv-tile=64" --fuse="split-kv=3" --cse --canonicalize --split-input-file | filecheck %s --check-prefix KEPT
// RUN: fa-opt %s --tile="kv-tile=64" --fuse="order=keys" --cse --canonicalize --split-input-file | filecheck %s --check-prefix KEPT

// 64 queries and 192 keys in three tiles, scores within 60 by promise.

func.func @promised(%Q: tensor<1x1x64x64xbf16>, %K: tensor<1x1x192x64xbf16>, %V: tensor<1x1x192x64xbf16>)
    -> tensor<1x1x64x64xbf16> {
  %O = fa.attention %Q, %K, %V {score_bound = 60.0 : f32}
      : tensor<1x1x64x64xbf16>, tensor<1x1x192x64xbf16>, tensor<1x1x192x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %O : tensor<1x1x64x64xbf16>
}

// The promise stays with the function, for the host, and goes to the softmax.
//
// TILE-LABEL: @promised
// TILE-SAME:    fa.promises = [{bound = 6.000000e+01 : f64, scale = 1.250000e-01 : f64, softcap = 0.000000e+00 : f64, query = ["argument", 0 : i64], key = ["argument", 1 : i64], value = ["argument", 2 : i64]}]
// TILE:         fa.softmax %{{.*}} {bounded = 6.000000e+01 : f32}

// Fused there is no maximum to carry, and nothing is rescaled.
//
// FUSE-LABEL: @promised
// FUSE:         %l = fa.fill 0.000000e+00 : f32 : !fa.tile<64xf32, scalar>
// FUSE-NEXT:    %acc = fa.fill 0.000000e+00 : f32 : !fa.tile<64x64xbf16, vector>
// FUSE-NEXT:    %l_1, %acc_1 = scf.for %key = %c0 to %c192 step %c64 iter_args(%l_2 = %l, %acc_2 = %acc)
// FUSE:           %s = fa.scores
// FUSE-NEXT:      %p, %m, %l_3, %alpha = fa.online_softmax %s sum %l_2 {bounded = 6.000000e+01 : f32}
// FUSE-NEXT:      %v = fa.load
// FUSE-NEXT:      %pv = fa.matmul %p, %v
// FUSE-NEXT:      %acc_3 = fa.accumulate %acc_2, %pv : !fa.tile
// FUSE-NEXT:      scf.yield %l_3, %acc_3
// FUSE-NEXT:    }
// FUSE-NEXT:    fa.normalize %acc_1, %l_1 :

// The first tile starts the sums; a row of P V is added to the accumulator in the loop that makes it.
//
// ROWS-LABEL: @promised
// ROWS:         %l, %pv = fa.row_loop rows = 64 unroll = 4
// ROWS-NEXT:      %p, %m, %l_1, %alpha = fa.online_softmax %s {bounded = 6.000000e+01 : f32}
// ROWS-NEXT:      fa.matmul
// ROWS:         scf.for %key = %c64 to %c192 step %c64
// ROWS:           fa.row_loop rows = 64 unroll = 4
// ROWS-NEXT:        fa.online_softmax %{{.*}} sum %{{.*}} {bounded = 6.000000e+01 : f32}
// ROWS-NEXT:        %[[PV:.*]] = fa.matmul
// ROWS-NEXT:        fa.accumulate %{{.*}}, %[[PV]] : !fa.tile
// ROWS-NEXT:        fa.yield

// What has parts of the keys, or keys outside, keeps maxima; so may the user.
//
// KEPT-LABEL: @promised
// KEPT-NOT:     bounded
// KEPT:         fa.online_softmax %{{.*}}, %{{.*}}, %{{.*}} :

// -----

// A soft cap is a bound of its own; only values are then to be checked. Where rows may see no key, the
// division is told what a sum is at least.

func.func @capped(%Q: tensor<1x1x64x64xbf16>, %K: tensor<1x1x192x64xbf16>, %V: tensor<1x1x192x64xbf16>)
    -> tensor<1x1x64x64xbf16> {
  %O = fa.attention %Q, %K, %V {softcap = 50.0 : f32, mask = #fa.causal<offset = -3>}
      : tensor<1x1x64x64xbf16>, tensor<1x1x192x64xbf16>, tensor<1x1x192x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %O : tensor<1x1x64x64xbf16>
}

// TILE-LABEL: @capped
// TILE-SAME:    softcap = 5.000000e+01 : f64, query = [], key = [], value = ["argument", 2 : i64]
// TILE:         fa.softmax %{{.*}} {empty_rows, bounded = 5.000000e+01 : f32}
// FUSE-LABEL: @capped
// FUSE:         fa.online_softmax %{{.*}} sum %{{.*}} {empty_rows, bounded = 5.000000e+01 : f32}
// FUSE:         fa.normalize %{{.*}}, %{{.*}} {empty_rows, least = 6.6174449e-24 : f32}

// -----

// A soft cap beyond what exp can take, and a logsumexp, leave maxima where they are.

func.func @large(%Q: tensor<1x1x64x64xbf16>, %K: tensor<1x1x192x64xbf16>, %V: tensor<1x1x192x64xbf16>)
    -> tensor<1x1x64x64xbf16> {
  %O = fa.attention %Q, %K, %V {softcap = 90.0 : f32}
      : tensor<1x1x64x64xbf16>, tensor<1x1x192x64xbf16>, tensor<1x1x192x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %O : tensor<1x1x64x64xbf16>
}

// FUSE-LABEL: @large
// FUSE-NOT:     bounded
// FUSE:         fa.online_softmax %{{.*}}, %{{.*}}, %{{.*}} :

// -----

func.func @lse(%Q: tensor<1x1x64x64xbf16>, %K: tensor<1x1x192x64xbf16>, %V: tensor<1x1x192x64xbf16>)
    -> (tensor<1x1x64x64xbf16>, tensor<1x1x64xf32>) {
  %O, %L = fa.attention %Q, %K, %V {softcap = 50.0 : f32, lse}
      : tensor<1x1x64x64xbf16>, tensor<1x1x192x64xbf16>, tensor<1x1x192x64xbf16> -> tensor<1x1x64x64xbf16>, tensor<1x1x64xf32>
  func.return %O, %L : tensor<1x1x64x64xbf16>, tensor<1x1x64xf32>
}

// FUSE-LABEL: @lse
// FUSE-NOT:     bounded
// FUSE:         fa.online_softmax %{{.*}}, %{{.*}}, %{{.*}} :
