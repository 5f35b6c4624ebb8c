plena.kernel @rows {
  %zero = plena.get_register : !plena.gp<gp0>
  %start = plena.s_addi_int %zero, 5 : (!plena.gp<gp0>) -> !plena.gp
  %end = plena.loop 4 (%i : !plena.gp, %row = %start : !plena.gp) {
    %m = plena.s_ld_fp %row, 64 : (!plena.gp) -> !plena.fp
    %row1 = plena.s_addi_int %row, 1 : (!plena.gp) -> !plena.gp
    %n = plena.s_ld_fp %row1, 64 : (!plena.gp) -> !plena.fp
    plena.s_st_fp %n, %row, 128 : (!plena.fp, !plena.gp) -> ()
    plena.s_st_fp %m, %row1, 128 : (!plena.fp, !plena.gp) -> ()
    %next = plena.s_addi_int %row, 2 : (!plena.gp) -> !plena.gp
    plena.yield %i, %next : !plena.gp, !plena.gp
  }
}
