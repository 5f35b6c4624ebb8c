// RUN: fa-opt %s --fold-offsets | filecheck %s

// Offsets go into immediates where every reader of a sum has one; the step of a pointer goes behind
// what reads the pointer.

// CHECK-LABEL: plena.kernel @rows
plena.kernel @rows {
  %zero = plena.get_register : !plena.gp<gp0>
  %start = plena.s_addi_int %zero, 5 : (!plena.gp<gp0>) -> !plena.gp
  %end = plena.loop 4 (%i : !plena.gp, %row = %start : !plena.gp) {
    %next = plena.s_addi_int %row, 2 : (!plena.gp) -> !plena.gp
    %m = plena.s_ld_fp %row, 64 : (!plena.gp) -> !plena.fp
    %row1 = plena.s_addi_int %row, 1 : (!plena.gp) -> !plena.gp
    %n = plena.s_ld_fp %row1, 64 : (!plena.gp) -> !plena.fp
    plena.s_st_fp %n, %row1, 128 : (!plena.fp, !plena.gp) -> ()
    plena.s_st_fp %m, %row, 128 : (!plena.fp, !plena.gp) -> ()
    plena.yield %i, %next : !plena.gp, !plena.gp
  }
}
// CHECK:      plena.loop 4 ([[I:%.*]] : !plena.gp, [[ROW:%.*]] = [[START:%.*]] : !plena.gp) {
// CHECK-NEXT:   [[M:%.*]] = plena.s_ld_fp [[ROW]], 64
// CHECK-NEXT:   [[N:%.*]] = plena.s_ld_fp [[ROW]], 65
// CHECK-NEXT:   plena.s_st_fp [[N]], [[ROW]], 129
// CHECK-NEXT:   plena.s_st_fp [[M]], [[ROW]], 128
// CHECK-NEXT:   [[NEXT:%.*]] = plena.s_addi_int [[ROW]], 2
// CHECK-NEXT:   plena.yield [[I]], [[NEXT]]

// Known numbers become constants, additions of known numbers immediates; +0 and *1 are nothing.

// CHECK-LABEL: plena.kernel @arithmetic
plena.kernel @arithmetic {
  %zero = plena.get_register : !plena.gp<gp0>
  %x = plena.s_ld_int %zero, 0 : (!plena.gp<gp0>) -> !plena.gp
  %six = plena.s_addi_int %zero, 6 : (!plena.gp<gp0>) -> !plena.gp
  %seven = plena.s_addi_int %zero, 7 : (!plena.gp<gp0>) -> !plena.gp
  %answer = plena.s_mul_int %six, %seven : (!plena.gp, !plena.gp) -> !plena.gp
  plena.v_exp_v %answer, %answer, 0 : (!plena.gp, !plena.gp) -> ()
  %sum = plena.s_add_int %six, %x : (!plena.gp, !plena.gp) -> !plena.gp
  plena.v_exp_v %sum, %sum, 0 : (!plena.gp, !plena.gp) -> ()
  %one = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp
  %same = plena.s_mul_int %x, %one : (!plena.gp, !plena.gp) -> !plena.gp
  %still = plena.s_addi_int %same, 0 : (!plena.gp) -> !plena.gp
  plena.v_exp_v %still, %still, 0 : (!plena.gp, !plena.gp) -> ()
}
// CHECK:      [[X:%.*]] = plena.s_ld_int %{{.*}}, 0
// CHECK-NEXT: [[ANSWER:%.*]] = plena.s_addi_int %{{.*}}, 42
// CHECK-NEXT: plena.v_exp_v [[ANSWER]], [[ANSWER]], 0
// CHECK-NEXT: [[SUM:%.*]] = plena.s_addi_int [[X]], 6
// CHECK-NEXT: plena.v_exp_v [[SUM]], [[SUM]], 0
// CHECK-NEXT: plena.v_exp_v [[X]], [[X]], 0
// CHECK-NEXT: }

// What does not fit 18 bits stays, and so does a sum that something else reads. The published
// assembler puts the immediate of M_MV_WO where the machine does not look.

// CHECK-LABEL: plena.kernel @stays
plena.kernel @stays {
  %zero = plena.get_register : !plena.gp<gp0>
  %x = plena.s_ld_int %zero, 0 : (!plena.gp<gp0>) -> !plena.gp
  %far = plena.s_addi_int %x, 262143 : (!plena.gp) -> !plena.gp
  plena.m_mm_wo %far, %zero, 1 : (!plena.gp, !plena.gp<gp0>) -> ()
  %near = plena.s_addi_int %x, 8 : (!plena.gp) -> !plena.gp
  plena.m_mm_wo %near, %zero, 1 : (!plena.gp, !plena.gp<gp0>) -> ()
  %read = plena.s_addi_int %x, 16 : (!plena.gp) -> !plena.gp
  plena.m_mm_wo %read, %zero, 0 : (!plena.gp, !plena.gp<gp0>) -> ()
  plena.v_exp_v %read, %read, 0 : (!plena.gp, !plena.gp) -> ()
  %other = plena.s_addi_int %x, 32 : (!plena.gp) -> !plena.gp
  plena.m_mv_wo %other, 0 : (!plena.gp) -> ()
}
// CHECK:      [[FAR:%.*]] = plena.s_addi_int [[X:%.*]], 262143
// CHECK-NEXT: plena.m_mm_wo [[FAR]], %{{.*}}, 1
// CHECK-NEXT: plena.m_mm_wo [[X]], %{{.*}}, 9
// CHECK-NEXT: [[READ:%.*]] = plena.s_addi_int [[X]], 16
// CHECK-NEXT: plena.m_mm_wo [[READ]], %{{.*}}, 0
// CHECK-NEXT: plena.v_exp_v [[READ]], [[READ]], 0
// CHECK-NEXT: [[OTHER:%.*]] = plena.s_addi_int [[X]], 32
// CHECK-NEXT: plena.m_mv_wo [[OTHER]], 0

// The zero that a dropped addition read is there for what becomes 0 after it.

// CHECK-LABEL: plena.kernel @zero_stays
plena.kernel @zero_stays {
  %zero = plena.get_register : !plena.gp<gp0>
  %unread = plena.s_addi_int %zero, 0 : (!plena.gp<gp0>) -> !plena.gp
  plena.loop 800 (%i : !plena.gp) {
    %none = plena.s_sub_int %i, %i : (!plena.gp, !plena.gp) -> !plena.gp
    plena.v_exp_v %none, %i, 0 : (!plena.gp, !plena.gp) -> ()
    plena.yield %i : !plena.gp
  }
}
// CHECK:      [[ZERO:%.*]] = plena.get_register : !plena.gp<gp0>
// CHECK-NEXT: plena.loop 800
// CHECK-NEXT:   plena.v_exp_v [[ZERO]], [[I:%.*]], 0
