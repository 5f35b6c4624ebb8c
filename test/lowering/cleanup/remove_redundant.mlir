// RUN: fa-opt %s --remove-redundant | filecheck %s

// CHECK-LABEL: plena.kernel @dead
// A copy, a value that is only carried on, one that never changes, one that nobody reads.
plena.kernel @dead {
  %zero = plena.get_register : !plena.gp<gp0>
  %a = plena.s_addi_int %zero, 5 : (!plena.gp<gp0>) -> !plena.gp
  %b = plena.copy %a : (!plena.gp) -> !plena.gp
  %x, %y, %z = plena.loop 4 (%i : !plena.gp, %p = %a : !plena.gp, %q = %a : !plena.gp, %r = %b : !plena.gp) {
    plena.v_exp_v %p, %r, 0 : (!plena.gp, !plena.gp) -> ()
    %p1 = plena.s_addi_int %p, 64 : (!plena.gp) -> !plena.gp
    %q1 = plena.s_addi_int %q, 1 : (!plena.gp) -> !plena.gp
    %unread = plena.s_ld_fp %p, 0 : (!plena.gp) -> !plena.fp
    plena.yield %i, %p1, %q1, %r : !plena.gp, !plena.gp, !plena.gp, !plena.gp
  }
}
// CHECK:      [[A:%.*]] = plena.s_addi_int %{{.*}}, 5
// CHECK-NEXT: [[X:%.*]] = plena.loop 4 ([[I:%.*]] : !plena.gp, [[P:%.*]] = [[A]] : !plena.gp) {
// CHECK-NEXT:   plena.v_exp_v [[P]], [[A]], 0
// CHECK-NEXT:   [[P1:%.*]] = plena.s_addi_int [[P]], 64
// CHECK-NEXT:   plena.yield [[I]], [[P1]]
// CHECK-NEXT: }
// CHECK-NEXT: }

// Equal values of a block are computed once. The inits of two loops are not shared: each loop
// overwrites its own, so that sharing would take a copy.

// CHECK-LABEL: plena.kernel @equal
plena.kernel @equal {
  %zero = plena.get_register : !plena.gp<gp0>
  %a = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
  plena.v_shft_v %a, %a, %a : (!plena.gp, !plena.gp, !plena.gp) -> ()
  %b = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
  plena.v_shft_v %zero, %zero, %b : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.gp) -> ()
  %c = plena.s_addi_int %zero, 128 : (!plena.gp<gp0>) -> !plena.gp
  %x = plena.loop 4 (%i : !plena.gp, %p = %c : !plena.gp) {
    plena.v_exp_v %p, %p, 0 : (!plena.gp, !plena.gp) -> ()
    %p1 = plena.s_addi_int %p, 64 : (!plena.gp) -> !plena.gp
    plena.yield %i, %p1 : !plena.gp, !plena.gp
  }
  %d = plena.s_addi_int %zero, 128 : (!plena.gp<gp0>) -> !plena.gp
  %y = plena.loop 4 (%j : !plena.gp, %q = %d : !plena.gp) {
    plena.v_exp_v %q, %q, 0 : (!plena.gp, !plena.gp) -> ()
    %q1 = plena.s_addi_int %q, 64 : (!plena.gp) -> !plena.gp
    plena.yield %j, %q1 : !plena.gp, !plena.gp
  }
}
// CHECK:      [[A:%.*]] = plena.s_addi_int %{{.*}}, 64
// CHECK-NEXT: plena.v_shft_v [[A]], [[A]], [[A]]
// CHECK-NEXT: plena.v_shft_v %{{.*}}, %{{.*}}, [[A]]
// CHECK-NEXT: [[C:%.*]] = plena.s_addi_int %{{.*}}, 128
// CHECK:      [[D:%.*]] = plena.s_addi_int %{{.*}}, 128
