// RUN: fa-opt %s --verify-registers | filecheck %s

// What is allocated rightly stays as it is: a carried value and all that becomes of it share gp1.

// CHECK:      plena.kernel @sum
// CHECK-NEXT:   [[ZERO:%.*]] = plena.get_register : !plena.gp<gp0>
// CHECK-NEXT:   [[A:%.*]] = plena.s_addi_int [[ZERO]], 64 : (!plena.gp<gp0>) -> !plena.gp<gp1>
// CHECK-NEXT:   [[B:%.*]] = plena.loop 4 ([[I:%.*]] : !plena.gp<gp2>, [[P:%.*]] = [[A]] : !plena.gp<gp1>) {
// CHECK-NEXT:     [[N:%.*]] = plena.s_addi_int [[P]], 64 : (!plena.gp<gp1>) -> !plena.gp<gp1>
// CHECK-NEXT:     plena.yield [[I]], [[N]]
// CHECK-NEXT:   }
// CHECK-NEXT:   plena.v_exp_v [[B]], [[ZERO]], 0

plena.kernel @sum {
  %zero = plena.get_register : !plena.gp<gp0>
  %a = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp<gp1>
  %b = plena.loop 4 (%i : !plena.gp<gp2>, %p = %a : !plena.gp<gp1>) {
    %n = plena.s_addi_int %p, 64 : (!plena.gp<gp1>) -> !plena.gp<gp1>
    plena.yield %i, %n : !plena.gp<gp2>, !plena.gp<gp1>
  }
  plena.v_exp_v %b, %zero, 0 : (!plena.gp<gp1>, !plena.gp<gp0>) -> ()
}
