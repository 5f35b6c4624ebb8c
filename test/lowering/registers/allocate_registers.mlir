// RUN: fa-opt %s --allocate-registers --split-input-file | filecheck %s
// RUN: fa-opt %s --allocate-registers --verify-registers --split-input-file | filecheck %s

// A carried value and its init, argument, yield and result share gp1.

// CHECK-LABEL: plena.kernel @carried
plena.kernel @carried {
  %zero = plena.get_register : !plena.gp<gp0>
  // CHECK: [[A:%.*]] = plena.s_addi_int [[ZERO:%.*]], 64 : (!plena.gp<gp0>) -> !plena.gp<gp1>
  %a = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
  // CHECK-NEXT: [[X:%.*]] = plena.loop 4 ([[I:%.*]] : !plena.gp<gp2>, [[P:%.*]] = [[A]] : !plena.gp<gp1>) {
  %x = plena.loop 4 (%i : !plena.gp, %p = %a : !plena.gp) {
    // CHECK-NEXT: [[N:%.*]] = plena.s_addi_int [[P]], 64 : (!plena.gp<gp1>) -> !plena.gp<gp1>
    %n = plena.s_addi_int %p, 64 : (!plena.gp) -> !plena.gp
    // CHECK-NEXT: plena.yield [[I]], [[N]] : !plena.gp<gp2>, !plena.gp<gp1>
    plena.yield %i, %n : !plena.gp, !plena.gp
  }
  // CHECK: plena.v_exp_v [[X]], [[X]], 0 : (!plena.gp<gp1>, !plena.gp<gp1>) -> ()
  plena.v_exp_v %x, %x, 0 : (!plena.gp, !plena.gp) -> ()
}

// -----

// Two values that change places need a third register.

// CHECK-LABEL: plena.kernel @swap
plena.kernel @swap {
  %zero = plena.get_register : !plena.gp<gp0>
  %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp
  %b = plena.s_addi_int %zero, 2 : (!plena.gp<gp0>) -> !plena.gp
  // CHECK: [[X:%.*]], [[Y:%.*]] = plena.loop 4 ([[I:%.*]] : !plena.gp<gp3>, [[P:%.*]] = [[A:%.*]] : !plena.gp<gp1>, [[Q:%.*]] = [[B:%.*]] : !plena.gp<gp2>) {
  %x, %y = plena.loop 4 (%i : !plena.gp, %p = %a : !plena.gp, %q = %b : !plena.gp) {
    // CHECK-NEXT: [[T:%.*]] = plena.copy [[P]] : (!plena.gp<gp1>) -> !plena.gp<gp4>
    // CHECK-NEXT: [[Q_:%.*]] = plena.copy [[Q]] : (!plena.gp<gp2>) -> !plena.gp<gp1>
    // CHECK-NEXT: [[P_:%.*]] = plena.copy [[T]] : (!plena.gp<gp4>) -> !plena.gp<gp2>
    // CHECK-NEXT: plena.yield [[I]], [[Q_]], [[P_]]
    plena.yield %i, %q, %p : !plena.gp, !plena.gp, !plena.gp
  }
}

// -----

// A value that an instruction overwrites and that is read again is copied; so is the zero register.

// CHECK-LABEL: plena.kernel @overwritten
plena.kernel @overwritten {
  %zero = plena.get_register : !plena.gp<gp0>
  %f0 = plena.get_register : !plena.fp<f0>
  // CHECK: [[M:%.*]] = plena.copy [[F0:%.*]] : (!plena.fp<f0>) -> !plena.fp<f1>
  // CHECK-NEXT: [[M_:%.*]] = plena.v_red_max [[M]], [[ZERO:%.*]], 0 : (!plena.fp<f1>, !plena.gp<gp0>) -> !plena.fp<f1>
  %m = plena.v_red_max %f0, %zero, 0 : (!plena.fp<f0>, !plena.gp<gp0>) -> !plena.fp
  // CHECK-NEXT: [[S:%.*]] = plena.copy [[M_]] : (!plena.fp<f1>) -> !plena.fp<f2>
  // CHECK-NEXT: [[S_:%.*]] = plena.v_red_sum [[S]], [[ZERO]], 0 : (!plena.fp<f2>, !plena.gp<gp0>) -> !plena.fp<f2>
  %s = plena.v_red_sum %m, %zero, 0 : (!plena.fp, !plena.gp<gp0>) -> !plena.fp
  plena.s_st_fp %m, %zero, 1 : (!plena.fp, !plena.gp<gp0>) -> ()
  plena.s_st_fp %s, %zero, 2 : (!plena.fp, !plena.gp<gp0>) -> ()
}

// -----

// Sixteen values at once: one of them goes to the first entry of INT_MEM after the constants.

// CHECK-LABEL: plena.kernel @spill
plena.kernel @spill attributes {plena.int_mem_used = 3 : i64} {
  %zero = plena.get_register : !plena.gp<gp0>
  %v0 = plena.s_ld_int %zero, 0 : (!plena.gp<gp0>) -> !plena.gp
  // CHECK: plena.spill [[V:%.*]]{{.*}} -> !plena.slot<slot3>
  // CHECK-NOT: plena.spill
  %v1 = plena.s_ld_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp<gp1>
  %v2 = plena.s_ld_int %zero, 2 : (!plena.gp<gp0>) -> !plena.gp<gp2>
  %v3 = plena.s_ld_int %zero, 3 : (!plena.gp<gp0>) -> !plena.gp<gp3>
  %v4 = plena.s_ld_int %zero, 4 : (!plena.gp<gp0>) -> !plena.gp<gp4>
  %v5 = plena.s_ld_int %zero, 5 : (!plena.gp<gp0>) -> !plena.gp<gp5>
  %v6 = plena.s_ld_int %zero, 6 : (!plena.gp<gp0>) -> !plena.gp<gp6>
  %v7 = plena.s_ld_int %zero, 7 : (!plena.gp<gp0>) -> !plena.gp<gp7>
  %v8 = plena.s_ld_int %zero, 8 : (!plena.gp<gp0>) -> !plena.gp<gp8>
  %v9 = plena.s_ld_int %zero, 9 : (!plena.gp<gp0>) -> !plena.gp<gp9>
  %v10 = plena.s_ld_int %zero, 10 : (!plena.gp<gp0>) -> !plena.gp<gp10>
  %v11 = plena.s_ld_int %zero, 11 : (!plena.gp<gp0>) -> !plena.gp<gp11>
  %v12 = plena.s_ld_int %zero, 12 : (!plena.gp<gp0>) -> !plena.gp<gp12>
  %v13 = plena.s_ld_int %zero, 13 : (!plena.gp<gp0>) -> !plena.gp<gp13>
  %v14 = plena.s_ld_int %zero, 14 : (!plena.gp<gp0>) -> !plena.gp<gp14>
  %v15 = plena.s_ld_int %zero, 15 : (!plena.gp<gp0>) -> !plena.gp<gp15>
  plena.v_add_vv %v1, %v2, %v3, 0 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.gp<gp3>) -> ()
  plena.v_add_vv %v4, %v5, %v6, 0 : (!plena.gp<gp4>, !plena.gp<gp5>, !plena.gp<gp6>) -> ()
  plena.v_add_vv %v7, %v8, %v9, 0 : (!plena.gp<gp7>, !plena.gp<gp8>, !plena.gp<gp9>) -> ()
  plena.v_add_vv %v10, %v11, %v12, 0 : (!plena.gp<gp10>, !plena.gp<gp11>, !plena.gp<gp12>) -> ()
  plena.v_add_vv %v13, %v14, %v15, 0 : (!plena.gp<gp13>, !plena.gp<gp14>, !plena.gp<gp15>) -> ()
  // CHECK: [[R:%.*]] = plena.reload %{{.*}} : (!plena.slot<slot3>) -> !plena.gp<gp1>
  // CHECK-NEXT: plena.v_exp_v [[R]], [[R]], 0
  plena.v_exp_v %v0, %v0, 0 : (!plena.gp, !plena.gp) -> ()
}

// -----

// What a loop that counts at run time yields first is in its register when the iteration ends, and may
// be anything before: here the counter's register is free in between.

// CHECK-LABEL: plena.kernel @at_run_time
plena.kernel @at_run_time {
  %zero = plena.get_register : !plena.gp<gp0>
  // CHECK: [[N:%.*]] = plena.s_ld_int [[ZERO:%.*]], 0 : (!plena.gp<gp0>) -> !plena.gp<gp1>
  %n = plena.s_ld_int %zero, 0 : (!plena.gp<gp0>) -> !plena.gp
  // CHECK-NEXT: [[D:%.*]] = plena.copy [[ZERO]] : (!plena.gp<gp0>) -> !plena.gp<gp2>
  // CHECK-NEXT: [[E:%.*]] = plena.loop max 64 ([[I:%.*]] : !plena.gp<gp3>, [[DONE:%.*]] = [[D]] : !plena.gp<gp2>) {
  %end = plena.loop max 64 (%i : !plena.gp, %done = %zero : !plena.gp<gp0> to !plena.gp) {
    // CHECK-NEXT: [[T:%.*]] = plena.s_add_int [[DONE]], [[N]] : (!plena.gp<gp2>, !plena.gp<gp1>) -> !plena.gp<gp3>
    %t = plena.s_add_int %done, %n : (!plena.gp, !plena.gp) -> !plena.gp
    plena.v_exp_v %t, %t, 0 : (!plena.gp, !plena.gp) -> ()
    %next = plena.s_addi_int %done, 64 : (!plena.gp) -> !plena.gp
    // CHECK: [[LEFT:%.*]] = plena.s_sub_int [[N]], [[NEXT:%.*]] : (!plena.gp<gp1>, !plena.gp<gp2>) -> !plena.gp<gp3>
    %left = plena.s_sub_int %n, %next : (!plena.gp, !plena.gp) -> !plena.gp
    // CHECK-NEXT: plena.yield [[LEFT]], [[NEXT]] : !plena.gp<gp3>, !plena.gp<gp2>
    plena.yield %left, %next : !plena.gp, !plena.gp
  }
}
