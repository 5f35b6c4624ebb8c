// RUN: fa-opt %s --tile --fuse --map="qk=tmm pv=mm sums=reduce" --quantize | filecheck %s
// RUN: fa-opt %s --tile --fuse --map="qk=tmm pv=mm sums=reduce boundary=storage" --quantize="boundary=storage" | filecheck %s --check-prefix=STORAGE
// RUN: fa-opt %s --tile --fuse --map="qk=tmm pv=mm sums=reduce" --quantize="rounding=store" | filecheck %s --check-prefix=STORE
// RUN: fa-opt %s --machine plena-64-mx32 --tile --fuse --map="qk=tmm pv=mm sums=reduce" --quantize="policy=mxfp8 rule=even" --quantize | filecheck %s --check-prefix=MX32
// RUN: fa-opt %s --machine plena-64-bf16 --tile --fuse --map="qk=tmm pv=mm sums=reduce" --quantize="policy=bf16" | filecheck %s --check-prefix=BF16
// RUN: fa-opt %s --smooth-keys --rotate="seed=5" --tile --fuse --map="qk=tmm pv=mm sums=reduce" --quantize | filecheck %s --check-prefix=PREPARED
// RUN: fa-opt %s --tile --fuse --rotate --smooth-keys --map="qk=tmm pv=mm sums=reduce" --quantize | filecheck %s --check-prefix=LATER

func.func @attention(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>)
    -> tensor<1x1x64x64xbf16> {
  %o = fa.attention %q, %k, %v
      : tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x64x64xbf16>
  func.return %o : tensor<1x1x64x64xbf16>
}

// The machine's own format, made by the host with the rule and rounding of the least error.
//
// CHECK: @attention(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>) -> tensor<1x1x64x64xbf16> attributes
// CHECK-NEXT: %k_stored = mx.quantize %k {{.*}} -> tensor<1x1x64x64xbf16, #mx.block<e4m3, scale = e8m0, size = 8, rule = rceil, rounding = nearest, variant = plena>>
// CHECK-NEXT: %v_stored = mx.quantize %v

// The caller quantizes.
//
// STORAGE: @attention(%q: tensor<1x1x64x64xbf16>, %k: tensor<1x1x64x64xbf16, #mx.block<e4m3, {{.*}}>>, %v: tensor<1x1x64x64xbf16, #mx.block<e4m3, {{.*}}>>) -> tensor<1x1x64x64xbf16> attributes
// STORAGE-NOT: mx.quantize
// STORAGE: fa.load %k[{{.*}}] : tensor<1x1x64x64xbf16, #mx.block<e4m3,

// As the machine itself would store it.
//
// STORE: %k_stored = mx.quantize %k {{.*}} -> tensor<1x1x64x64xbf16, #mx.block<e4m3, scale = e8m0, size = 8, variant = plena>>

// Another policy is written down, and a second run with the defaults leaves it.
//
// MX32: mx.policy = {policy = "mxfp8"}
// MX32: %k_stored = mx.quantize %k {{.*}} -> tensor<1x1x64x64xbf16, #mx.block<e4m3, scale = e8m0, size = 32, rule = even, rounding = nearest, variant = plena>>
// BF16-NOT: mx.quantize

// Keys are centred and turned in f32, queries stay bf16; smoothing and rotation work on tiles too.
//
// PREPARED:      %k_centred = mx.center %k along 2 : {{.*}} -> tensor<1x1x64x64xf32>
// PREPARED-NEXT: %k_centred_rotated = mx.rotate %k_centred by 5 : {{.*}} -> tensor<1x1x64x64xf32>
// PREPARED-NEXT: mx.quantize %k_centred_rotated : {{.*}} -> tensor<1x1x64x64xbf16, #mx.block<
// PREPARED-NEXT: %q_rotated = mx.rotate %q by 5 : {{.*}} -> tensor<1x1x64x64xbf16>
// LATER-DAG: %k_rotated = mx.rotate %k by 0
// LATER-DAG: %k_rotated_centred = mx.center %k_rotated along 2
