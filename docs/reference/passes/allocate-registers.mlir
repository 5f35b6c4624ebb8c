plena.kernel @swap {
  %zero = plena.get_register : !plena.gp<gp0>
  %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp
  %b = plena.s_addi_int %zero, 2 : (!plena.gp<gp0>) -> !plena.gp
  %x, %y = plena.loop 4 (%i : !plena.gp, %p = %a : !plena.gp, %q = %b : !plena.gp) {
    plena.yield %i, %q, %p : !plena.gp, !plena.gp, !plena.gp
  }
}
