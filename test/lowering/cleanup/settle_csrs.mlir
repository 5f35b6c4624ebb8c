// RUN: fa-opt %s --settle-csrs | filecheck %s

// STRIDE is 128 in all iterations: written once, before both loops. SCALE alternates in the inner
// loop and stays there. What is written before it is overwritten, and the last write repeats.

// CHECK-LABEL: plena.kernel @nest
plena.kernel @nest {
  %zero = plena.get_register : !plena.gp<gp0>
  %base = plena.c_set_addr_reg %zero, %zero : (!plena.gp<gp0>, !plena.gp<gp0>) -> !plena.addr
  %unread = plena.s_addi_int %zero, 7 : (!plena.gp<gp0>) -> !plena.gp
  plena.c_set_stride_reg %unread : (!plena.gp) -> ()
  plena.loop 8 (%i : !plena.gp) {
    plena.loop 4 (%j : !plena.gp) {
      %stride = plena.s_addi_int %zero, 128 : (!plena.gp<gp0>) -> !plena.gp
      plena.c_set_stride_reg %stride : (!plena.gp) -> ()
      %one = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp
      plena.c_set_scale_reg %one : (!plena.gp) -> ()
      plena.h_prefetch_m %zero, %zero, %base, 1, 1 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.addr) -> ()
      %two = plena.s_addi_int %zero, 2 : (!plena.gp<gp0>) -> !plena.gp
      plena.c_set_scale_reg %two : (!plena.gp) -> ()
      plena.h_prefetch_m %zero, %zero, %base, 1, 1 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.addr) -> ()
      plena.yield %j : !plena.gp
    }
    plena.yield %i : !plena.gp
  }
  %again = plena.s_addi_int %zero, 2 : (!plena.gp<gp0>) -> !plena.gp
  plena.c_set_scale_reg %again : (!plena.gp) -> ()
  plena.h_store_v %zero, %zero, %base, 1, 0 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.addr) -> ()
}
// CHECK:      [[BASE:%.*]] = plena.c_set_addr_reg
// CHECK-NEXT: [[STRIDE:%.*]] = plena.s_addi_int %{{.*}}, 128
// CHECK-NEXT: plena.c_set_stride_reg [[STRIDE]]
// CHECK-NEXT: plena.loop 8 ([[I:%.*]] : !plena.gp) {
// CHECK-NEXT:   plena.loop 4
// CHECK-NEXT:     [[ONE:%.*]] = plena.s_addi_int %{{.*}}, 1
// CHECK-NEXT:     plena.c_set_scale_reg [[ONE]]
// CHECK-NEXT:     plena.h_prefetch_m
// CHECK-NEXT:     [[TWO:%.*]] = plena.s_addi_int %{{.*}}, 2
// CHECK-NEXT:     plena.c_set_scale_reg [[TWO]]
// CHECK-NEXT:     plena.h_prefetch_m
// CHECK:        plena.yield [[I]] :
// CHECK-NEXT: }
// CHECK-NEXT: plena.h_store_v
// CHECK-NEXT: }

// The first iteration reads what came before the loop: the write stays in it.

// CHECK-LABEL: plena.kernel @read_first
plena.kernel @read_first {
  %zero = plena.get_register : !plena.gp<gp0>
  plena.loop 8 (%i : !plena.gp) {
    plena.v_add_vv %zero, %zero, %zero, 1 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.gp<gp0>) -> ()
    %heads = plena.s_addi_int %zero, 5 : (!plena.gp<gp0>) -> !plena.gp
    plena.c_set_v_mask_reg %heads : (!plena.gp) -> ()
    plena.yield %i : !plena.gp
  }
}
// CHECK:      plena.loop 8
// CHECK-NEXT:   plena.v_add_vv
// CHECK-NEXT:   [[HEADS:%.*]] = plena.s_addi_int %{{.*}}, 5
// CHECK-NEXT:   plena.c_set_v_mask_reg [[HEADS]]

// What made the first value read zero and goes; the second one is made of zero again.

// CHECK-LABEL: plena.kernel @zero_stays
plena.kernel @zero_stays {
  %zero = plena.get_register : !plena.gp<gp0>
  plena.loop 8 (%i : !plena.gp) {
    %one = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp
    %upper = plena.s_lui_int 1000 : () -> !plena.gp
    %far = plena.s_mul_int %upper, %one : (!plena.gp, !plena.gp) -> !plena.gp
    plena.c_set_stride_reg %far : (!plena.gp) -> ()
    plena.yield %i : !plena.gp
  }
  plena.loop 8 (%i : !plena.gp) {
    %upper = plena.s_lui_int 1 : () -> !plena.gp
    plena.c_set_scale_reg %upper : (!plena.gp) -> ()
    plena.yield %i : !plena.gp
  }
}
// CHECK:      [[ZERO:%.*]] = plena.get_register : !plena.gp<gp0>
// CHECK-NEXT: [[FAR:%.*]] = plena.s_lui_int 1000
// CHECK-NEXT: plena.c_set_stride_reg [[FAR]]
// CHECK:      [[NEAR:%.*]] = plena.s_addi_int [[ZERO]], 4096
// CHECK-NEXT: plena.c_set_scale_reg [[NEAR]]

// The write of 2 is overwritten unread; without it the last one repeats the first.

// CHECK-LABEL: plena.kernel @between
plena.kernel @between {
  %zero = plena.get_register : !plena.gp<gp0>
  %base = plena.c_set_addr_reg %zero, %zero : (!plena.gp<gp0>, !plena.gp<gp0>) -> !plena.addr
  %one = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp
  plena.c_set_scale_reg %one : (!plena.gp) -> ()
  plena.h_prefetch_m %zero, %zero, %base, 1, 1 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.addr) -> ()
  %two = plena.s_addi_int %zero, 2 : (!plena.gp<gp0>) -> !plena.gp
  plena.c_set_scale_reg %two : (!plena.gp) -> ()
  plena.c_set_scale_reg %one : (!plena.gp) -> ()
  plena.h_prefetch_m %zero, %zero, %base, 1, 1 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.addr) -> ()
}
// CHECK:      [[ONE:%.*]] = plena.s_addi_int [[ZERO:%.*]], 1
// CHECK-NEXT: plena.c_set_scale_reg [[ONE]]
// CHECK-NEXT: plena.h_prefetch_m
// CHECK-NEXT: plena.h_prefetch_m
// CHECK-NEXT: }
