// RUN: fa-opt %s --cse --dce | filecheck %s
// RUN: fa-opt %s --allocate-registers --cse --canonicalize --dce --verify-registers | filecheck %s --check-prefix=ALLOCATED

// Before allocation equal register instructions are merged, reads across a write and copies are
// not. Afterwards every write of a register counts.

plena.kernel @k {
  %zero = plena.get_register : !plena.gp<gp0>
  %a = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
  %b = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
  %unused = plena.s_addi_int %zero, 3 : (!plena.gp<gp0>) -> !plena.gp
  %m = plena.s_ld_fp %a, 0 : (!plena.gp) -> !plena.fp
  plena.s_st_fp %m, %b, 0 : (!plena.fp, !plena.gp) -> ()
  %n = plena.s_ld_fp %a, 0 : (!plena.gp) -> !plena.fp
  plena.s_st_fp %n, %b, 1 : (!plena.fp, !plena.gp) -> ()
  %c = plena.copy %a : (!plena.gp) -> !plena.gp
  %d = plena.copy %a : (!plena.gp) -> !plena.gp
  plena.v_exp_v %c, %d, 0 : (!plena.gp, !plena.gp) -> ()
}

// CHECK:      plena.kernel @k
// CHECK:      %a = plena.s_addi_int %zero, 64
// CHECK-NEXT: %m = plena.s_ld_fp %a, 0
// CHECK-NEXT: plena.s_st_fp %m, %a, 0
// CHECK-NEXT: %n = plena.s_ld_fp %a, 0
// CHECK-NEXT: plena.s_st_fp %n, %a, 1
// CHECK-NEXT: %c = plena.copy %a
// CHECK-NEXT: %d = plena.copy %a
// CHECK-NEXT: plena.v_exp_v %c, %d, 0

// ALLOCATED:      %a = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp<gp1>
// ALLOCATED-NEXT: %b = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp<gp2>
// ALLOCATED:      %n = plena.s_ld_fp %a, 0 : (!plena.gp<gp1>) -> !plena.fp<f1>
