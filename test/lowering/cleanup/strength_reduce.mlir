// RUN: fa-opt %s --strength-reduce | filecheck %s

// Bytes into a tensor from two counters, used in the inner loop, and the same 4096 further on: the
// inner loop carries one pointer, which starts where the outer loop's pointer is.

// CHECK-LABEL: plena.kernel @nest
plena.kernel @nest {
  %zero = plena.get_register : !plena.gp<gp0>
  %base = plena.c_set_addr_reg %zero, %zero : (!plena.gp<gp0>, !plena.gp<gp0>) -> !plena.addr
  plena.loop 8 (%head : !plena.gp) {
    plena.loop 4 (%tile : !plena.gp) {
      %head_bytes = plena.s_addi_int %zero, 16384 : (!plena.gp<gp0>) -> !plena.gp
      %heads = plena.s_mul_int %head, %head_bytes : (!plena.gp, !plena.gp) -> !plena.gp
      %tile_bytes = plena.s_addi_int %zero, 1024 : (!plena.gp<gp0>) -> !plena.gp
      %tiles = plena.s_mul_int %tile, %tile_bytes : (!plena.gp, !plena.gp) -> !plena.gp
      %end = plena.s_addi_int %zero, 135168 : (!plena.gp<gp0>) -> !plena.gp
      %rest = plena.s_sub_int %end, %heads : (!plena.gp, !plena.gp) -> !plena.gp
      %offset = plena.s_sub_int %rest, %tiles : (!plena.gp, !plena.gp) -> !plena.gp
      plena.h_prefetch_m %zero, %offset, %base, 1, 1 : (!plena.gp<gp0>, !plena.gp, !plena.addr) -> ()
      %further = plena.s_addi_int %offset, 4096 : (!plena.gp) -> !plena.gp
      plena.h_prefetch_m %zero, %further, %base, 1, 1 : (!plena.gp<gp0>, !plena.gp, !plena.addr) -> ()
      plena.yield %tile : !plena.gp
    }
    plena.yield %head : !plena.gp
  }
}
// CHECK:      [[OUTER:%.*]] = plena.loop 8 ([[HEAD:%.*]] : !plena.gp, [[START:%.*]] = %{{.*}} : !plena.gp<gp0> to !plena.gp) {
// CHECK-NEXT:   [[INNER:%.*]] = plena.loop 4 ([[TILE:%.*]] : !plena.gp, [[OFFSET:%.*]] = [[START]] : !plena.gp) {
// CHECK-NEXT:     plena.h_prefetch_m %{{.*}}, [[OFFSET]], [[BASE:%.*]], 1, 1
// CHECK-NEXT:     [[FURTHER:%.*]] = plena.s_addi_int [[OFFSET]], 4096
// CHECK-NEXT:     plena.h_prefetch_m %{{.*}}, [[FURTHER]], [[BASE]], 1, 1
// CHECK-NEXT:     [[NEXT:%.*]] = plena.s_addi_int [[OFFSET]], 1024
// CHECK-NEXT:     plena.yield [[TILE]], [[NEXT]]
// CHECK-NEXT:   }
// CHECK-NEXT:   [[STEP:%.*]] = plena.s_addi_int [[START]], 16384
// CHECK-NEXT:   plena.yield [[HEAD]], [[STEP]]

// One instruction is no more than the step of a pointer would be: the counter itself is used.

// CHECK-LABEL: plena.kernel @cheap
plena.kernel @cheap {
  %zero = plena.get_register : !plena.gp<gp0>
  plena.loop 8 (%i : !plena.gp) {
    %after = plena.s_addi_int %i, 100 : (!plena.gp) -> !plena.gp
    plena.v_shft_v %zero, %zero, %after : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.gp) -> ()
    plena.yield %i : !plena.gp
  }
}
// CHECK:      plena.loop 8 ([[I:%.*]] : !plena.gp) {
// CHECK-NEXT:   [[AFTER:%.*]] = plena.s_addi_int [[I]], 100

// The first address to become a pointer was the only reader of zero, which a later one starts from.

// CHECK-LABEL: plena.kernel @zero_stays
plena.kernel @zero_stays {
  %zero = plena.get_register : !plena.gp<gp0>
  %x = plena.s_lui_int 5 : () -> !plena.gp
  %v = plena.s_ld_int %x, 0 : (!plena.gp) -> !plena.gp
  plena.loop 8 (%i : !plena.gp) {
    %down = plena.s_sub_int %zero, %i : (!plena.gp<gp0>, !plena.gp) -> !plena.gp
    %from = plena.s_add_int %down, %v : (!plena.gp, !plena.gp) -> !plena.gp
    %row = plena.s_addi_int %from, 8 : (!plena.gp) -> !plena.gp
    plena.v_exp_v %row, %v, 0 : (!plena.gp, !plena.gp) -> ()
    %two = plena.s_add_int %i, %i : (!plena.gp, !plena.gp) -> !plena.gp
    %four = plena.s_add_int %two, %two : (!plena.gp, !plena.gp) -> !plena.gp
    %eight = plena.s_add_int %four, %four : (!plena.gp, !plena.gp) -> !plena.gp
    %many = plena.s_add_int %eight, %eight : (!plena.gp, !plena.gp) -> !plena.gp
    plena.v_exp_v %many, %v, 0 : (!plena.gp, !plena.gp) -> ()
    plena.yield %i : !plena.gp
  }
}
// CHECK:      [[ZERO:%.*]] = plena.get_register : !plena.gp<gp0>
// CHECK:      [[START:%.*]] = plena.s_addi_int [[ZERO]], 128
// CHECK-NEXT: plena.loop 8 ([[I:%.*]] : !plena.gp, [[ROW:%.*]] = %{{.*}} : !plena.gp, [[MANY:%.*]] = [[START]] : !plena.gp) {
// CHECK-NEXT:   plena.v_exp_v [[ROW]], [[V:%.*]], 0
// CHECK-NEXT:   plena.v_exp_v [[MANY]], [[V]], 0

// A loop that counts at run time has no counter that says how far it is; what it carries from 0 on, in
// steps of 64 keys of 128 bytes, does.

// CHECK-LABEL: plena.kernel @at_run_time
plena.kernel @at_run_time {
  %zero = plena.get_register : !plena.gp<gp0>
  %base = plena.c_set_addr_reg %zero, %zero : (!plena.gp<gp0>, !plena.gp<gp0>) -> !plena.addr
  %n = plena.s_ld_int %zero, 0 : (!plena.gp<gp0>) -> !plena.gp
  %end = plena.loop max 64 (%i : !plena.gp, %done = %zero : !plena.gp<gp0> to !plena.gp) {
    %bytes = plena.s_addi_int %zero, 128 : (!plena.gp<gp0>) -> !plena.gp
    %offset = plena.s_mul_int %done, %bytes : (!plena.gp, !plena.gp) -> !plena.gp
    %further = plena.s_addi_int %offset, 4096 : (!plena.gp) -> !plena.gp
    plena.h_prefetch_m %zero, %further, %base, 1, 1 : (!plena.gp<gp0>, !plena.gp, !plena.addr) -> ()
    %next = plena.s_addi_int %done, 64 : (!plena.gp) -> !plena.gp
    %left = plena.s_sub_int %n, %next : (!plena.gp, !plena.gp) -> !plena.gp
    plena.yield %left, %next : !plena.gp, !plena.gp
  }
}
// CHECK:      [[N:%.*]] = plena.s_ld_int
// CHECK-NEXT: [[START:%.*]] = plena.s_addi_int %{{.*}}, 4096
// CHECK-NEXT: %{{.*}} = plena.loop max 64 ([[I:%.*]] : !plena.gp, [[DONE:%.*]] = %{{.*}}, [[AT:%.*]] = [[START]] : !plena.gp) {
// CHECK-NEXT:   plena.h_prefetch_m %{{.*}}, [[AT]], %{{.*}}, 1, 1
// CHECK-NEXT:   [[NEXT:%.*]] = plena.s_addi_int [[DONE]], 64
// CHECK-NEXT:   [[LEFT:%.*]] = plena.s_sub_int [[N]], [[NEXT]]
// CHECK-NEXT:   [[AFTER:%.*]] = plena.s_addi_int [[AT]], 8192
// CHECK-NEXT:   plena.yield [[LEFT]], [[NEXT]], [[AFTER]]
