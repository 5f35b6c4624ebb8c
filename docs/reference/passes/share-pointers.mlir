plena.kernel @panels {
  %zero = plena.get_register : !plena.gp<gp0>
  %a = plena.s_addi_int %zero, 1024 : (!plena.gp<gp0>) -> !plena.gp
  %b = plena.s_addi_int %zero, 5120 : (!plena.gp<gp0>) -> !plena.gp
  %x, %y = plena.loop 16 (%i : !plena.gp, %p = %a : !plena.gp, %q = %b : !plena.gp) {
    plena.m_mm %i, %i : (!plena.gp, !plena.gp) -> ()
    plena.m_mm_wo %p, %zero, 0 : (!plena.gp, !plena.gp<gp0>) -> ()
    plena.m_mm %i, %i : (!plena.gp, !plena.gp) -> ()
    plena.m_mm_wo %q, %zero, 0 : (!plena.gp, !plena.gp<gp0>) -> ()
    %p1 = plena.s_addi_int %p, 4 : (!plena.gp) -> !plena.gp
    %q1 = plena.s_addi_int %q, 4 : (!plena.gp) -> !plena.gp
    plena.yield %i, %p1, %q1 : !plena.gp, !plena.gp, !plena.gp
  }
}
