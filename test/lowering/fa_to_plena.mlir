// RUN: fa-opt %s --fa-to-plena | filecheck %s

// From attention to a program: loads of keys and queries, four rows one after another, the result stored.
// Every register is allocated, and nothing of the other levels is left.

// CHECK:      fa.problem = [{batch = 1 : i64, q_heads = 1 : i64, kv_heads = 1 : i64, q_len = 4 : i64, kv_len = 64 : i64,
// CHECK:      plena.kernel @attention attributes {{.*}} plena.layout = {
// CHECK-NEXT:   [[ZERO:%.*]] = plena.get_register : !plena.gp<gp0>
// CHECK-NEXT:   [[FIRST:%.*]] = plena.c_set_addr_reg [[ZERO]], [[ZERO]] : (!plena.gp<gp0>, !plena.gp<gp0>) -> !plena.addr<a0>
// CHECK-NOT:    {{(fa|scf|func|mx)\.}}
// CHECK-NOT:    !plena.gp{{[^<]}}
// CHECK:        plena.h_prefetch_m {{.*}}, [[FIRST]], 1, 1
// CHECK:        plena.h_prefetch_v
// CHECK:        plena.h_prefetch_m
// CHECK-COUNT-4: plena.v_red_max
// CHECK-NOT:    plena.v_red_max
// CHECK:        plena.h_store_v
// CHECK-NEXT: }

func.func @attention(%q: tensor<1x1x4x64xbf16>, %k: tensor<1x1x64x64xbf16>, %v: tensor<1x1x64x64xbf16>) -> tensor<1x1x4x64xbf16> {
  %o = fa.attention %q, %k, %v : tensor<1x1x4x64xbf16>, tensor<1x1x64x64xbf16>, tensor<1x1x64x64xbf16> -> tensor<1x1x4x64xbf16>
  func.return %o : tensor<1x1x4x64xbf16>
}
