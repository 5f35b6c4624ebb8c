// RUN: FA_ROUNDTRIP

// Instructions in assembly operand order, loops with carried values, register moves.

// CHECK: plena.kernel @double attributes {plena.int_mem_used = 2 : i64} {
plena.kernel @double attributes {plena.int_mem_used = 2 : i64} {
  // CHECK-NEXT: %zero = plena.get_register : !plena.gp<gp0>
  %zero = plena.get_register : !plena.gp<gp0>
  // CHECK-NEXT: %start = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
  %start = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
  // CHECK-NEXT: %f0 = plena.get_register : !plena.fp<f0>
  %f0 = plena.get_register : !plena.fp<f0>
  // CHECK-NEXT: %end, %sum = plena.loop 16 (%i : !plena.gp, %row = %start : !plena.gp, %s = %f0 : !plena.fp<f0> to !plena.fp) {
  %end, %sum = plena.loop 16 (%i : !plena.gp, %row = %start : !plena.gp, %s = %f0 : !plena.fp<f0> to !plena.fp) {
    // CHECK-NEXT: plena.v_sub_vf %row, %row, %s, 0, 1 : (!plena.gp, !plena.gp, !plena.fp) -> ()
    plena.v_sub_vf %row, %row, %s, 0, 1 : (!plena.gp, !plena.gp, !plena.fp) -> ()
    // CHECK-NEXT: %t = plena.v_red_sum %s, %row, 0 : (!plena.fp, !plena.gp) -> !plena.fp
    %t = plena.v_red_sum %s, %row, 0 : (!plena.fp, !plena.gp) -> !plena.fp
    // CHECK-NEXT: plena.m_mm_wo %row, %zero, 4 {plena.comment = "stride 1"} : (!plena.gp, !plena.gp<gp0>) -> ()
    plena.m_mm_wo %row, %zero, 4 {plena.comment = "stride 1"} : (!plena.gp, !plena.gp<gp0>) -> ()
    // CHECK-NEXT: %next = plena.s_addi_int %row, 64 : (!plena.gp) -> !plena.gp<gp7>
    %next = plena.s_addi_int %row, 64 : (!plena.gp) -> !plena.gp<gp7>
    // CHECK-NEXT: plena.yield %i, %next, %t : !plena.gp, !plena.gp<gp7>, !plena.fp
    plena.yield %i, %next, %t : !plena.gp, !plena.gp<gp7>, !plena.fp
  }
  // CHECK: %copy = plena.copy %end : (!plena.gp) -> !plena.gp
  %copy = plena.copy %end : (!plena.gp) -> !plena.gp
  // CHECK-NEXT: %slot = plena.spill %copy : (!plena.gp) -> !plena.slot
  %slot = plena.spill %copy : (!plena.gp) -> !plena.slot
  // CHECK-NEXT: %back = plena.reload %slot : (!plena.slot) -> !plena.gp
  %back = plena.reload %slot : (!plena.slot) -> !plena.gp
  // CHECK-NEXT: %base = plena.c_set_addr_reg %zero, %back : (!plena.gp<gp0>, !plena.gp) -> !plena.addr
  %base = plena.c_set_addr_reg %zero, %back : (!plena.gp<gp0>, !plena.gp) -> !plena.addr
  // CHECK-NEXT: plena.h_prefetch_m %zero, %zero, %base, 1, 1 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.addr) -> ()
  plena.h_prefetch_m %zero, %zero, %base, 1, 1 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.addr) -> ()
}

// A loop that counts at run time: as long as more than 1 is yielded first.
plena.kernel @at_run_time {
// CHECK-LABEL: plena.kernel @at_run_time {
  %zero = plena.get_register : !plena.gp<gp0>
  // CHECK-NEXT: %zero = plena.get_register : !plena.gp<gp0>
  %n = plena.s_ld_int %zero, 0 : (!plena.gp<gp0>) -> !plena.gp
  // CHECK-NEXT: %n = plena.s_ld_int %zero, 0 : (!plena.gp<gp0>) -> !plena.gp
  %end = plena.loop max 64 (%i : !plena.gp, %done = %zero : !plena.gp<gp0> to !plena.gp) {
  // CHECK-NEXT: %end = plena.loop max 64 (%i : !plena.gp, %done = %zero : !plena.gp<gp0> to !plena.gp) {
    %next = plena.s_addi_int %done, 64 : (!plena.gp) -> !plena.gp
  // CHECK-NEXT: %next = plena.s_addi_int %done, 64 : (!plena.gp) -> !plena.gp
    %left = plena.s_sub_int %n, %next : (!plena.gp, !plena.gp) -> !plena.gp
  // CHECK-NEXT: %left = plena.s_sub_int %n, %next : (!plena.gp, !plena.gp) -> !plena.gp
    plena.yield %left, %next : !plena.gp, !plena.gp
  // CHECK-NEXT: plena.yield %left, %next : !plena.gp, !plena.gp
  }
  // CHECK-NEXT: }
}
